/** Reads what the tag of a chunk holds, and tells chunks from images of others whose tags also end with numbers. @module */
import * as v from "valibot";
import { MismatchError, NotFoundError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isIndexType } from "../oci/image_index.ts";
import { readImageManifest } from "../oci/manifest.ts";
import { familyOf } from "../oci/manifest_family.ts";
import { type Family, IMAGE_CONFIG, OCTET_STREAM } from "../oci/media_types.ts";
import { isPlaceholder } from "../store/placeholder.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { receiveSmall } from "../transfer/receive.ts";
import { type ChunkConfig, MAX_CHUNK_CONFIG_SIZE, readChunkConfig } from "./chunk_config.ts";
import { parseChunkTag } from "./chunk_tags.ts";

/** The image of one chunk, as it was read. */
export interface ChunkImage {
  /** The tag, or the digest by which it was looked at. */
  tag: string;
  /** The digest of its manifest. */
  manifest: Digest;
  /** The family of its manifest. */
  family: Family;
  /** The blob with the chunk's bytes. */
  layer: Descriptor;
  config: ChunkConfig;
  /** The digest of its config. */
  configDigest: Digest;
}

/**
 * What a tag holds that has the name of a chunk's. It is `absent`: there is no such tag, or a removal of the chunk was
 * interrupted. It holds a `chunk`. It is `damaged`: its manifest is that of a chunk, but its config is missing or corrupted,
 * or a newer layerstash wrote it. It is `unclear` whose it is: it is malformed, or holds a chunk with another number. Or it is
 * `foreign`: it holds something else.
 */
export type TagContent =
  | { kind: "absent" }
  | { kind: "chunk"; image: ChunkImage }
  | { kind: "damaged" | "unclear" | "foreign"; error: MismatchError | NotFoundError };

/** What a look at a tag takes. */
export interface LookOptions extends CallOptions {
  /** Called with the layer of what looks like a chunk, before its config is read. It may be somebody else's all the same. */
  onLayer?: ((layer: Descriptor) => void) | undefined;
}

/** Looks at what a tag or a digest stands for. Its manifest decides; if that looks like a chunk's, its config is read too. */
export async function lookAtTag(
  store: StoreReader,
  tag: string,
  { onLayer, ...options }: LookOptions = {},
): Promise<TagContent> {
  let kind: "damaged" | "unclear" = "unclear";
  try {
    const manifest = await store.manifest(tag, options);
    if (!manifest) return { kind: "absent" };
    if (isIndexType(manifest.mediaType)) return foreign(tag, "an index of images");
    const { config, layers: [layer, ...more] } = readImageManifest(manifest);
    if (more.length > 0) return foreign(tag, `an image of ${more.length + 1} layers`);
    if (config.size > MAX_CHUNK_CONFIG_SIZE) {
      throw new MismatchError(`the config of ${tag} is too large: ${config.size} bytes`);
    }
    if (layer && !isChunkLayer(layer, config)) return foreign(tag, "another image");
    if (layer) {
      kind = "damaged";
      onLayer?.(layer);
    }
    const bytes = await receiveSmall(store, config, options);
    if (!layer) return isPlaceholder(bytes) ? { kind: "absent" } : foreign(tag, "an image without layers");
    if (namesLayers(bytes)) return foreign(tag, "another image");
    const image = {
      tag,
      manifest: manifest.digest,
      family: familyOf(manifest),
      layer,
      config: readChunkConfig(bytes, tag),
      configDigest: config.digest,
    };
    return hasItsNumber(image) ? { kind: "chunk", image } : { kind: "unclear", error: otherNumber(image) };
  } catch (error) {
    if (!(error instanceof MismatchError || error instanceof NotFoundError)) throw error;
    return { kind, error };
  }
}

/**
 * Reads a chunk's manifest and config.
 *
 * @returns `undefined` if the tag does not exist, or is about to be removed
 * @throws {MismatchError} if the tag holds something that is not a chunk, or a chunk that cannot be read
 * @throws {NotFoundError} if its config is missing
 */
export async function readChunkImage(
  store: StoreReader,
  tag: string,
  options: CallOptions = {},
): Promise<ChunkImage | undefined> {
  const found = await lookAtTag(store, tag, options);
  if (found.kind === "absent") return undefined;
  if (found.kind === "chunk") return found.image;
  throw found.error;
}

/**
 * Whether an image with one layer is that of a chunk: plain bytes, with the config of an image. An alias has such a layer too,
 * but the layer itself stands in for its config; an artifact has a config of another type.
 */
export function isChunkLayer(layer: Descriptor, config: Descriptor): boolean {
  return layer.mediaType === OCTET_STREAM && config.digest !== layer.digest &&
    Object.values(IMAGE_CONFIG).includes(config.mediaType);
}

const imageSchema = v.object({
  layerstash: v.optional(v.never()),
  rootfs: v.object({ diff_ids: v.pipe(v.array(v.string()), v.minLength(1)) }),
});

/** Whether a config is that of an image which others have made: it names layers, which the Python layerstash does not do. */
function namesLayers(bytes: Uint8Array): boolean {
  try {
    return v.is(imageSchema, JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return false;
  }
}

/** Whether a chunk has the tag that it was stored under. Whoever copies a chunk to another tag does not mean a stash. */
function hasItsNumber({ tag, config }: ChunkImage): boolean {
  return isDigest(tag) || config.layerstash === undefined ||
    config.layerstash.chunk === parseChunkTag(tag)?.number;
}

function otherNumber({ tag, config }: ChunkImage): MismatchError {
  return new MismatchError(
    `${tag} holds chunk ${config.layerstash?.chunk} of a stored file, which was copied there`,
  );
}

function foreign(tag: string, what: string): TagContent {
  return {
    kind: "foreign",
    error: new MismatchError(`${tag} is not a chunk of a stored file: it is ${what}`),
  };
}
