/** Puts a layer on an image, without pulling it. @module */
import { letGoOnFailure } from "../content/byte_stream.ts";
import { bytesSource } from "../content/source.ts";
import { type CopiedBlobs, copyBlobs } from "../copy/copy_blobs.ts";
import type { ImageTarget } from "../copy/copy_image.ts";
import { type ImageTree, readTree, warnOfDockerFormat } from "../copy/image_tree.ts";
import { ConflictError, InvalidInputError, MismatchError, NotFoundError } from "../errors.ts";
import { type OnEvent, withoutProgress } from "../events.ts";
import { findRoot } from "../images/image.ts";
import { MAX_CONFIG_SIZE } from "../images/image_config.ts";
import { chooseImage } from "../images/platforms.ts";
import { listImages, readListedImage } from "../images/index_tree.ts";
import { requirePlatform } from "../images/single_platform.ts";
import { type Descriptor, distinct } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isIndex, isRunnable, readIndex } from "../oci/image_index.ts";
import { listedBlobs, type Manifest, manifestOf, readImageManifest } from "../oci/manifest.ts";
import { parseTag } from "../oci/reference.ts";
import { freeReplaced } from "../store/free.ts";
import type { BlobReader, CallOptions, ManifestReader, Store, StoreReader } from "../store/store.ts";
import { requireNoChunk } from "../stash/require_no_chunk.ts";
import { receiveSmall } from "../transfer/receive.ts";
import { checkTransfer } from "../transfer/adaptive_jobs.ts";
import {
  type BaseImage,
  checkTime,
  familyOf,
  requireBase,
  type StepNote,
  withLayer,
} from "./appended_image.ts";
import type { MeasuredLayer } from "./measure_layer.ts";
import { onePlan } from "./one_plan.ts";
import { storeLayer } from "./store_layer.ts";

/** What appending takes. */
export interface AppendOptions extends CallOptions {
  /** The path of a tar archive, plain or packed with gzip or zstd, or a stream of one. */
  input: string | ReadableStream<Uint8Array>;
  /** `os/architecture[/variant]`: builds on this image of an index only; absent = on each. */
  platform?: string | undefined;
  /** When the layer was made, in RFC 3339; absent = when the base was: the same input gives the same digest. */
  created?: string | undefined;
  /** What the image's history says of the layer; absent = `layerstash append`. */
  createdBy?: string | undefined;
  /** How many blobs of the base are on their way at once; absent = 4. */
  jobs?: number | undefined;
  /** A directory for the journal of the layer's upload; absent = nothing is kept. */
  stateDirectory?: string | undefined;
}

/** What was made. */
export interface AppendResult {
  /** The tag. */
  reference: string;
  /** The digest of the image, or of the index. */
  digest: Digest;
  /** How many images have the layer: of an index each. */
  images: number;
  /** The layer; `diffId` is the digest of the unpacked archive. */
  layer: { digest: Digest; size: number; diffId: Digest };
  /** What became of the layers of the base. */
  base: CopiedBlobs;
}

/**
 * Appends a layer to an image. The layers of the base stay where they are, are mounted from another repository of the
 * registry, or are streamed from another registry; the layer itself is stored as it comes. Media types are those of the
 * base's family, and nothing depends on the clock: the same input gives the same digest.
 *
 * @param from the base
 * @param to the new image; the same as the base replaces it
 * @throws {InvalidInputError} when the layer is no whole tar archive, the base is no image (an artifact), or a name, time
 *   or number cannot be
 * @throws {MismatchError} when the base cannot be built on
 * @throws {ConflictError} when the base was changed meanwhile, or an index would be replaced by one of its images
 *
 * @example
 * ```ts
 * import { openStore, upload } from "@layerstash/cli";
 * import { append } from "@layerstash/cli/copy";
 * import { findImage } from "@layerstash/cli/images";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await upload(store, "note", { input: new Response("hello").body! }); // a chunk is an image, too
 * const input = new Blob([new Uint8Array(1024)]).stream(); // an archive without files
 * await append({ store, reference: "note-1" }, { store, reference: "new" }, { input });
 * if ((await findImage(store, "new")).layers.length !== 2) throw new Error("unexpected layers");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function append(
  from: ImageTarget,
  to: ImageTarget,
  options: AppendOptions,
): Promise<AppendResult> {
  return await letGoOnFailure(options.input, () => appendLayer(from, to, options));
}

async function appendLayer(
  from: ImageTarget,
  to: ImageTarget,
  options: AppendOptions,
): Promise<AppendResult> {
  const { onEvent, signal, jobs, createdBy = "layerstash append" } = options;
  checkTransfer(options);
  if (options.created !== undefined) checkTime(options.created);
  const root = await findRoot(from.store, from.reference, options);
  const reference = targetTag(to.reference ?? root.reference);
  const same = from.store.url === to.store.url && reference === root.reference;
  const chosen = await choose(from.store, root.manifest, { ...options, same });
  const tree = await readTree(from.store, chosen, { onEvent, signal });
  const images = runnable(tree);
  if (images.length === 0) throw new NotFoundError("the index lists no image that could have another layer");
  const bases = new Map<Digest, BaseImage>();
  for (const image of images) bases.set(image.digest, await readBase(from.store, image, { signal, onEvent }));
  await requireNoChunk(to.store, reference, { signal, onEvent });
  warnOfDockerFormat(to.store, tree, onEvent ?? to.store.onEvent);
  const blobs = from.store.url === to.store.url ? [] : distinct(images.flatMap(layersOf)); // else they are there
  const told = onePlan(onEvent ?? to.store.onEvent, blobs);
  const layer = await storeLayer(to.store, options.input, { ...options, onEvent: told.layer });
  warnOfZstd(layer, images, onEvent ?? to.store.onEvent);
  const base = await copyBlobs(from.store, to.store, { blobs, jobs, onEvent: told.base, signal });
  const build = new Build(to.store, {
    bases,
    layer,
    note: { created: options.created, createdBy },
    signal,
    onEvent,
  });
  const manifest = await build.of(tree);
  if (same) await requireUnchanged(from.store, root, { signal, onEvent });
  await to.store.putManifest(reference, manifest, { signal, onEvent });
  await freeReplaced(to.store, [reference], { onEvent });
  const { digest, size, diffId } = layer;
  return { reference, digest: manifest.digest, images: images.length, layer: { digest, size, diffId }, base };
}

function targetTag(reference: string): string {
  if (!isDigest(reference)) return parseTag(reference);
  throw new InvalidInputError("the new image has another digest: it needs a tag", {
    hint: "name the target with a tag",
  });
}

/** An index, or the image of it that is for the platform. */
async function choose(
  store: StoreReader,
  root: Manifest,
  { platform, same, signal, onEvent }: AppendOptions & { same: boolean },
): Promise<Manifest> {
  if (!isIndex(root)) {
    if (platform !== undefined) await requirePlatform(store, root, platform, { signal, onEvent });
    return root;
  }
  if (platform !== undefined) {
    if (same) {
      throw new ConflictError("one image would take the place of an index with all its platforms", {
        hint: "choose another tag for it, or append to all platforms",
      });
    }
    const { digest } = chooseImage(await listImages(store, root, { signal, onEvent }), platform);
    return await readListedImage(store, digest, { signal, onEvent });
  }
  if (readIndex(root).some((entry) => !isRunnable(entry))) {
    const message =
      "what builders noted beside the images (attestations) is about the old ones: it is left out";
    (onEvent ?? store.onEvent)?.({ type: "notice", message });
  }
  return root;
}

/** The images that can have another layer. */
function runnable({ manifest, children }: ImageTree): Manifest[] {
  if (!isIndex(manifest)) return [manifest];
  const entries = readIndex(manifest);
  return children.filter((_, index) => isRunnable(entries[index]!)).flatMap(runnable);
}

async function readBase(store: BlobReader, manifest: Manifest, options: CallOptions): Promise<BaseImage> {
  const { config } = readImageManifest(manifest);
  if (config.size > MAX_CONFIG_SIZE) {
    throw new MismatchError(`the config of the base has ${config.size} bytes, ${MAX_CONFIG_SIZE} are read`);
  }
  const base = { manifest, config: await receiveSmall(store, config, options) };
  requireBase(base);
  return base;
}

function layersOf({ bytes }: Manifest): Descriptor[] {
  return listedBlobs(bytes).slice(1); // without the config, which is another one
}

function warnOfZstd({ compression }: MeasuredLayer, images: Manifest[], onEvent: OnEvent | undefined): void {
  if (compression !== "zstd" || !images.some((image) => familyOf(image) === "docker")) return;
  const message =
    "docker's own format has no layers in zstd that every program reads: gzip is safer on this base";
  onEvent?.({ type: "notice", message });
}

async function requireUnchanged(
  store: ManifestReader,
  { reference, manifest }: { reference: string; manifest: Manifest },
  options: CallOptions,
): Promise<void> {
  if (await store.resolve(reference, options) === manifest.digest) return;
  throw new ConflictError(`${reference} was changed meanwhile`, {
    hint: "run the same command again: it builds on what is there now",
  });
}

interface BuildOptions extends CallOptions {
  bases: ReadonlyMap<Digest, BaseImage>;
  layer: MeasuredLayer;
  note: StepNote;
}

/** The new images, and the indexes that list them, as they come to be in a store. */
class Build {
  readonly #store: Store;
  readonly #options: BuildOptions;

  constructor(store: Store, options: BuildOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** The manifest with the layer; all that it leads to is stored. */
  async of(tree: ImageTree): Promise<Manifest> {
    const { bases, layer, note, signal, onEvent = this.#store.onEvent } = this.#options;
    if (isIndex(tree.manifest)) return await this.#index(tree);
    const { config, manifest } = withLayer(bases.get(tree.manifest.digest)!, layer, note);
    await this.#store.write(bytesSource(config), {
      checkFirst: true,
      signal,
      onEvent: withoutProgress(onEvent),
    });
    return manifest;
  }

  async #index({ manifest, children }: ImageTree): Promise<Manifest> {
    const parsed = readIndex(manifest);
    const raw = JSON.parse(new TextDecoder().decode(manifest.bytes)) as { manifests: { data?: string }[] };
    const manifests: unknown[] = [];
    for (const [index, { data: _, ...entry }] of raw.manifests.entries()) {
      if (!isRunnable(parsed[index]!)) continue;
      const child = await this.of(children[index]!);
      await this.#store.putManifest(child.digest, child, {
        child: true,
        signal: this.#options.signal,
        onEvent: this.#options.onEvent,
      });
      manifests.push({ ...entry, digest: child.digest, size: child.bytes.length });
    }
    return manifestOf(new TextEncoder().encode(JSON.stringify({ ...raw, manifests })), manifest.mediaType);
  }
}
