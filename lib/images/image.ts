/** An image: its manifest, its layers, and where they came from. @module */
import { InvalidInputError, NotFoundError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type IndexedManifest, isIndex, isRunnable } from "../oci/image_index.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { defaultPlatform, formatPlatform } from "../oci/platform.ts";
import { fullReference, knownReferences } from "../store/known_references.ts";
import type { CallOptions, ManifestReader, StoreReader } from "../store/store.ts";
import { requirePlatform } from "./single_platform.ts";
import { chooseImage, listImages, readListed, requireManifest } from "./platforms.ts";

/** One layer of an image. */
export interface Layer extends Descriptor {
  /** From 1, the base first. */
  number: number;
}

/** An image for one platform. */
export interface Image {
  /** The manifest that lists the layers. */
  manifest: Manifest;
  /** The index that it was chosen from. */
  index?: Manifest | undefined;
  /** What the index lists; empty where there is none. */
  platforms: IndexedManifest[];
  /** The config blob. */
  config: Descriptor;
  /** Base first. */
  layers: Layer[];
  /** What it is, where it is no real image (an artifact): a media type. */
  artifactType?: string | undefined;
}

/** What finding an image takes. */
export interface ImageOptions extends CallOptions {
  /** `os/architecture[/variant]`; absent = Linux on this machine's processor, where there are several. */
  platform?: string | undefined;
}

/**
 * Finds an image, and in an index the one for a platform.
 *
 * @param reference a tag or a digest; `undefined` = the only image that there is
 * @throws {InvalidInputError} when it is neither, or has to be named, or the platform is none
 * @throws {NotFoundError} when it is not there, or not for this platform
 * @throws {MismatchError} when a manifest is malformed or has another digest
 *
 * @example
 * ```ts
 * import { openStore, upload } from "@layerstash/cli";
 * import { findImage } from "@layerstash/cli/images";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await upload(store, "note", { input: new Response("hello").body! }); // a chunk is an image, too
 * const { layers } = await findImage(store, "note-1");
 * if (layers[0]?.size !== 5) throw new Error("unexpected layer");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function findImage(
  store: StoreReader,
  reference: string | undefined,
  options: ImageOptions = {},
): Promise<Image> {
  const { manifest: found } = await findRoot(store, reference, options);
  if (!isIndex(found)) {
    if (options.platform !== undefined) await requirePlatform(store, found, options.platform, options);
    return imageOf(found);
  }
  const platforms = await listImages(store, found, options);
  const chosen = choose(platforms, options);
  const manifest = await readListed(store, chosen.digest, options);
  if (manifest.bytes.length !== chosen.size) {
    const { onEvent = store.onEvent } = options;
    onEvent?.({
      type: "notice",
      message:
        `the index says that ${chosen.digest} has ${chosen.size} bytes, it has ${manifest.bytes.length}`,
    });
  }
  return { ...imageOf(manifest), index: found, platforms };
}

/**
 * What a tag or digest points to: an image or an index, and the tag or digest.
 *
 * @param reference a tag or a digest; `undefined` = the only image that there is
 * @throws {NotFoundError} when it is not there
 */
export async function findRoot(
  store: StoreReader,
  reference: string | undefined,
  options: CallOptions = {},
): Promise<{ manifest: Manifest; reference: string }> {
  const named = reference ?? await onlyReference(store, options);
  return { manifest: await requireManifest(store, named, options), reference: named };
}

function imageOf(manifest: Manifest): Image {
  const { config, layers, artifactType } = readImageManifest(manifest);
  return {
    manifest,
    ...(artifactType && { artifactType }),
    platforms: [],
    config,
    layers: layers.map((layer, index) => ({ ...layer, number: index + 1 })),
  };
}

/** One image needs no choice. */
function choose(platforms: IndexedManifest[], { platform }: ImageOptions): IndexedManifest {
  const images = platforms.filter(isRunnable);
  const [only] = images;
  if (platform === undefined && images.length === 1) return only!;
  return chooseImage(platforms, platform ?? formatPlatform(defaultPlatform()));
}

/** Its tag, or its digest where it has none: skopeo and crane write layouts without tags. */
async function onlyReference(store: ManifestReader, options: CallOptions): Promise<string> {
  const there = await knownReferences(store, options);
  if (there.length === 1) return there[0]!;
  if (there.length === 0) throw new NotFoundError(`${store.name} has no image`);
  const names = there.slice(0, 10).map((each) => fullReference(each, store));
  throw new InvalidInputError(`${store.name} has ${there.length} images`, {
    hint: `name one of them: ${names.join(", ")}${there.length > names.length ? " ..." : ""}`,
  });
}
