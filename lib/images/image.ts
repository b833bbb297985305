/** Finds an image and its layers. @module */
import { InvalidInputError, NotFoundError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { encodedPart } from "../oci/digest.ts";
import { type IndexedManifest, isIndex, isRunnable } from "../oci/image_index.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { defaultPlatform, formatPlatform } from "../oci/platform.ts";
import { fullReference, knownReferences } from "../store/known_references.ts";
import type { CallOptions, ManifestReader, StoreReader } from "../store/store.ts";
import { requirePlatform } from "./single_platform.ts";
import { chooseImage } from "./platforms.ts";
import { listImages, readListedImage, reportWrongSize, requireManifest } from "./index_tree.ts";
import { quoted } from "../messages.ts";

/** One layer of an image. */
export interface Layer extends Descriptor {
  /** The number of the layer: 1 is the base. */
  number: number;
  /** Where else the layer is; absent = nowhere. A store need not have a layer that is elsewhere. */
  urls?: string[] | undefined;
}

/** An image for one platform. */
export interface Image {
  /** The image manifest. */
  manifest: Manifest;
  /** The index from which it was chosen. */
  index?: Manifest | undefined;
  /** The images of the index; empty if there is no index. */
  platforms: IndexedManifest[];
  /** The config blob. */
  config: Descriptor;
  /** The layers, the base first. */
  layers: Layer[];
  /** The media type of an artifact, which is a manifest that describes something other than an image. */
  artifactType?: string | undefined;
}

/** Options for finding an image. */
export interface ImageOptions extends CallOptions {
  /** `os/architecture[/variant][:version]`; absent = the only image, or Linux on this machine's processor. */
  platform?: string | undefined;
}

/**
 * Finds an image; in an index, the one for a platform.
 *
 * @param reference a tag or a digest; `undefined` = the only image in the store
 * @throws {InvalidInputError} if the reference is neither, or is missing where there are several images, or if the
 *   platform is invalid
 * @throws {NotFoundError} if the image does not exist, or there is none for the platform
 * @throws {MismatchError} if a manifest is malformed or has another digest
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
  const chosen = defaultImage(platforms, options);
  const manifest = await readListedImage(store, chosen.digest, options);
  reportWrongSize(chosen, manifest, options.onEvent ?? store.onEvent);
  return { ...imageOf(manifest), index: found, platforms };
}

/**
 * Finds the manifest of a reference, an image or an index, and returns the reference with it.
 *
 * @param reference a tag or a digest; `undefined` = the only image in the store
 * @throws {NotFoundError} if it does not exist
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

/** The only image that runs, or else the one for the platform. */
function defaultImage(platforms: IndexedManifest[], { platform }: ImageOptions): IndexedManifest {
  const images = platforms.filter(isRunnable);
  const [only] = images;
  if (platform === undefined && images.length === 1) return only!;
  return chooseImage(platforms, platform ?? formatPlatform(defaultPlatform()));
}

/** The tag of the only image, or its digest if it has no tag: skopeo and crane write layouts without tags. */
async function onlyReference(store: ManifestReader, options: CallOptions): Promise<string> {
  const there = await knownReferences(store, options);
  if (there.length === 1 || await areOneImage(store, there, options)) return there[0]!;
  if (there.length === 0) throw new NotFoundError(`${store.name} has no image`);
  const names = there.slice(0, 10).map((each) => fullReference(each, store));
  throw new InvalidInputError(`${store.name} has ${there.length} images`, {
    hint: `name one of them: ${names.join(", ")}${there.length > names.length ? " ..." : ""}`,
  });
}

/** Whether several names lead to one image. */
async function areOneImage(store: ManifestReader, names: string[], options: CallOptions): Promise<boolean> {
  const digests = new Set<string | undefined>();
  for (const name of names) {
    digests.add(await store.resolve(name, options));
    if (digests.size > 1) return false;
  }
  return digests.size === 1;
}

/**
 * Chooses a layer of an image.
 *
 * @param wanted its number as text, from 1; its digest; or at least the first six digits of that
 * @throws {InvalidInputError} if `wanted` is not a string
 * @throws {NotFoundError} if no layer matches, or several do
 */
export function chooseLayer({ layers }: Image, wanted: string): Layer {
  if (typeof wanted !== "string") {
    throw new InvalidInputError(`${quoted(wanted)} is not a string`, {
      hint: 'choose a layer by its number, such as "1", its digest, or the beginning of its digest',
    });
  }
  const number = /^[0-9]{1,5}$/.test(wanted) ? Number(wanted) : undefined;
  const begins = /^(sha(256|512):)?[0-9a-f]{6,128}$/.test(wanted);
  const found = number !== undefined
    ? layers.filter((layer) => layer.number === number)
    : layers.filter(({ digest }) =>
      begins && (digest.startsWith(wanted) || encodedPart(digest).startsWith(wanted))
    );
  const different = new Set(found.map(({ digest }) => digest));
  if (different.size === 1) return found[0]!;
  throw new NotFoundError(
    different.size > 1 ? `several layers begin with ${wanted}` : `the image has no layer ${wanted}`,
    { hint: `it has ${layers.length}: use a number from 1 or a digest, as shown by layerstash layers` },
  );
}

/**
 * Says where a layer is that is not stored with its image.
 *
 * @returns the error to throw: the same, unless it says that the layer does not exist, and the manifest names another place
 */
export function missingLayerError(error: unknown, { number, urls: [url] = [] }: Layer): unknown {
  if (!(error instanceof NotFoundError) || url === undefined) return error;
  return error.with({
    message: `layer ${number} is not stored with the image, but elsewhere: ${quoted(url)}`,
    hint: "fetch it from there; --layer chooses the other layers",
    cause: error,
  });
}
