/** Appends a layer to an image, without pulling the image. @module */
import { letGoOnFailure } from "../content/byte_stream.ts";
import { type CopiedBlobs, copyBlobs } from "../copy/copy_blobs.ts";
import type { ImageTarget } from "../copy/copy_image.ts";
import { readTree, warnOfDockerFormat } from "../copy/image_tree.ts";
import { ConflictError, InvalidInputError, NotFoundError } from "../errors.ts";
import { type OnEvent, partOfTransfer } from "../events.ts";
import { findRoot } from "../images/image.ts";
import { readConfigBytes } from "../images/image_config.ts";
import { chooseImage } from "../images/platforms.ts";
import { listImages, readListedImage } from "../images/index_tree.ts";
import { requirePlatform } from "../images/single_platform.ts";
import { type Descriptor, distinct, type SizedBlob, totalSize } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isIndex, isRunnable, readIndex } from "../oci/image_index.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { listedBlobs } from "../oci/references.ts";
import { requireTargetName } from "../store/checks.ts";
import { freeReplaced } from "../store/free.ts";
import type { BlobReader, CallOptions, ManifestReader, StoreReader } from "../store/store.ts";
import { requireFreeTag } from "../stash/free_tag.ts";
import { statFile } from "../files/input.ts";
import { checkTransfer } from "../transfer/adaptive_jobs.ts";
import { familyOf } from "../oci/manifest_family.ts";
import { type BaseImage, checkTime, requireBase } from "./appended_image.ts";
import { blobsOfIndexes, ImageBuilder, runnableImages } from "./image_builder.ts";
import type { MeasuredLayer } from "./measure_layer.ts";
import { storeLayer } from "./store_layer.ts";

/** Options for appending a layer. */
export interface AppendOptions extends CallOptions {
  /** The path of a tar archive, plain or compressed with gzip or zstd, or a stream of one. */
  input: string | ReadableStream<Uint8Array>;
  /** `os/architecture[/variant][:version]`: appends to this image of an index only; absent = to each. */
  platform?: string | undefined;
  /** Replaces what the tag of the new image holds; absent = that is a conflict, unless it is the base. */
  overwrite?: boolean | undefined;
  /** The time for the history, in RFC 3339; absent = the base's, so that the same input gives the same digest. */
  created?: string | undefined;
  /** The command for the history; absent = `layerstash append`. */
  createdBy?: string | undefined;
  /** The number of the base's blobs that are copied at once; absent = adapted to the registry. */
  jobs?: number | undefined;
  /** A directory for the journal of the layer's upload; absent = no journal. */
  stateDirectory?: string | undefined;
}

/** The new image. */
export interface AppendResult {
  /** The tag. */
  reference: string;
  /** The digest of the image, or of the index. */
  digest: Digest;
  /** The number of images that got the layer: more than one for an index. */
  images: number;
  /** The layer; `diffId` is the digest of the uncompressed archive. */
  layer: SizedBlob & { diffId: Digest };
  /** How the layers of the base were copied. */
  base: CopiedBlobs;
}

/**
 * Appends a layer to an image. The base's layers stay where they are in the same repository, are mounted from another
 * repository of the registry, or are streamed from another registry. The layer is stored unchanged. Media types follow
 * those of the base, and nothing depends on the clock: the same input gives the same digest.
 *
 * @param from the base
 * @param to the new image; the base's own reference replaces the base
 * @throws {InvalidInputError} if the layer is not a complete tar archive, the base is an artifact, a name or time is
 *   invalid, or a number is out of range
 * @throws {MismatchError} if the base's config does not match its manifest
 * @throws {ConflictError} if the base was changed meanwhile, an index would be replaced by one of its images, or the tag of
 *   the new image holds something else than the base or the new image, and `overwrite` is not set
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
  await requireTargetName(to.store, reference, options);
  const same = from.store.url === to.store.url && reference === root.reference;
  const chosen = await chooseBase(from.store, root.manifest, { ...options, same });
  const tree = await readTree(from.store, chosen, { onEvent, signal });
  const images = runnableImages(tree);
  const bases = await readBases(from.store, images, { signal, onEvent });
  const moving = { overwrite: same || options.overwrite, signal, onEvent };
  const requireTagFor = (known: Partial<SizedBlob>) =>
    requireFreeTag(to.store, reference, { ...moving, mayBe: (held) => mayBeOn(chosen, held, known) });
  await requireTagFor(await sizeOfInput(options.input));
  warnOfDockerFormat(to.store, tree, onEvent ?? to.store.onEvent);
  const blobs = from.store.url === to.store.url
    ? []
    : distinct([...images.flatMap(layersOf), ...blobsOfIndexes(tree)]);
  const channel = onEvent ?? to.store.onEvent;
  const layer = await storeLayer(to.store, options.input, {
    ...options,
    onEvent: withBase(channel, blobs),
    onMeasured: requireTagFor,
  });
  warnOfZstd(layer, images, channel);
  const base = await copyBlobs(from.store, to.store, {
    blobs,
    jobs,
    onEvent: partOfTransfer(channel, (index) => 1 + index), // the layer was the first blob
    onSourceEvent: onEvent ?? from.store.onEvent,
    signal,
  });
  const note = { created: options.created, createdBy };
  const builder = new ImageBuilder(to.store, { bases, layer, note, signal, onEvent });
  const manifest = await builder.build(tree);
  if (same) await requireUnchanged(from.store, root, { signal, onEvent });
  await requireFreeTag(to.store, reference, { ...moving, digests: [manifest.digest] });
  await to.store.putManifest(reference, manifest, { signal, onEvent });
  await freeReplaced(to.store, [reference], { onEvent });
  const { digest, size, diffId } = layer;
  return { reference, digest: manifest.digest, images: images.length, layer: { digest, size, diffId }, base };
}

async function sizeOfInput(input: AppendOptions["input"]): Promise<Partial<SizedBlob>> {
  return typeof input === "string" ? { size: (await statFile(input)).size } : {};
}

/** Whether what a tag holds can be the base with the layer, as far as that is known. */
function mayBeOn(base: Manifest, held: Manifest, { size, digest }: Partial<SizedBlob>): boolean {
  if (isIndex(base) || isIndex(held)) return isIndex(base) && isIndex(held);
  const below = layersOf(base);
  const layers = layersOf(held);
  const top = layers.pop();
  if (!top || top.size !== (size ?? top.size) || top.digest !== (digest ?? top.digest)) return false;
  return layers.length === below.length &&
    layers.every((each, index) => each.digest === below[index]!.digest);
}

/** Reads the images to which the layer is appended, by the digests of their manifests. */
async function readBases(
  store: StoreReader,
  images: readonly Manifest[],
  options: CallOptions,
): Promise<Map<Digest, BaseImage>> {
  if (images.length === 0) {
    throw new NotFoundError("the index lists no image to which a layer can be appended");
  }
  const bases = new Map<Digest, BaseImage>();
  for (const image of images) bases.set(image.digest, await readBase(store, image, options));
  return bases;
}

function targetTag(reference: string): string {
  if (!isDigest(reference)) return reference;
  throw new InvalidInputError("the new image has another digest, so it needs a tag", {
    hint: "give the target a tag",
  });
}

/** The channel for the layer's upload. Its plan comes first, and includes the blobs of the base. */
function withBase(onEvent: OnEvent | undefined, base: readonly SizedBlob[]): OnEvent {
  const baseSize = totalSize(base);
  return (event) => {
    if (event.type !== "plan") return onEvent?.(event);
    const size = event.size === undefined ? {} : { size: event.size + baseSize };
    onEvent?.({ type: "plan", blobs: 1 + base.length, ...size });
  };
}

/** The manifest to which the layer is appended: the root, or its image for the platform. */
async function chooseBase(
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
      throw new ConflictError("one image would replace an index with all its platforms", {
        hint: "choose another tag for the image, or append to all platforms",
      });
    }
    const { digest } = chooseImage(await listImages(store, root, { signal, onEvent }), platform);
    return await readListedImage(store, digest, { signal, onEvent });
  }
  if (readIndex(root).some((entry) => !isRunnable(entry))) {
    const message = "the attestations in the index describe the old images, and are omitted";
    (onEvent ?? store.onEvent)?.({ type: "notice", message });
  }
  return root;
}

async function readBase(store: BlobReader, manifest: Manifest, options: CallOptions): Promise<BaseImage> {
  const { config } = readImageManifest(manifest);
  const base = { manifest, config: await readConfigBytes(store, config, options, "the config of the base") };
  requireBase(base);
  return base;
}

function layersOf({ bytes }: Manifest): Descriptor[] {
  return listedBlobs(bytes).slice(1); // without the config, which the new image replaces
}

function warnOfZstd({ compression }: MeasuredLayer, images: Manifest[], onEvent: OnEvent | undefined): void {
  if (compression !== "zstd" || !images.some((image) => familyOf(image) === "docker")) return;
  const message =
    "the image keeps docker's own format, in which skopeo, podman and buildah refuse zstd layers: " +
    "they cannot read it at all; compress the layer with gzip for them";
  onEvent?.({ type: "notice", message });
}

async function requireUnchanged(
  store: ManifestReader,
  { reference, manifest }: { reference: string; manifest: Manifest },
  options: CallOptions,
): Promise<void> {
  if (await store.resolve(reference, options) === manifest.digest) return;
  throw new ConflictError(`${reference} was changed meanwhile`, {
    hint: "run the same command again: it appends to the changed image",
  });
}
