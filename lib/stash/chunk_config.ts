/** The config of a chunk's image, with the object `layerstash` that describes the stash. @module */
import * as v from "valibot";
import { type Digest, isDigest } from "../oci/digest.ts";
import { parseAs } from "../oci/manifest.ts";

/** The object `layerstash` in the config of a chunk's image. Sizes are in bytes. */
export interface ChunkNote {
  /** The version of this format. */
  version: 1;
  /** The stored file's name, without directories; absent for standard input. */
  name?: string | undefined;
  /** The size of the whole file; absent while it is not known, present in the last chunk. */
  size?: number | undefined;
  /** The size of every chunk but the last, which may be smaller. */
  chunkSize: number;
  /** Which chunk this is, from 1. */
  chunk: number;
  /** How many chunks there are; absent while it is not known, present in the last chunk. */
  chunks?: number | undefined;
  /** The layers of all chunks in order; in the last chunk only. */
  digests?: Digest[] | undefined;
  /** Present where each chunk is a file of its own in the format of age. All sizes are those of what is stored. */
  encryption?: EncryptionNote | undefined;
}

/** How a stash is encrypted. */
export interface EncryptionNote {
  /** The format of every chunk: a file as age-encryption.org/v1 describes it. */
  format: "age";
  /**
   * In the first chunk only, where its header was exchanged: the digest that it had before. It belongs to that stash as well:
   * until the tag of the last chunk is put, that is the one which is there.
   */
  was?: Digest | undefined;
  /** In the last chunk only: what the file is, encrypted, as a file of age in base64. */
  details?: string | undefined;
}

/** A config of a chunk's image, as far as layerstash reads it. */
export interface ChunkConfig {
  /** When the stored file was last changed, as an ISO 8601 date; absent where it is not known. */
  created?: string | undefined;
  /** Absent where another tool stored the chunk. */
  layerstash?: ChunkNote | undefined;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const configSchema: v.GenericSchema<unknown, ChunkConfig> = v.object({
  // Other tools write anything here, and nothing depends on it.
  created: v.fallback(v.optional(v.pipe(v.string(), v.isoTimestamp())), undefined),
  layerstash: v.optional(v.object({
    version: v.literal(1, "is not 1, the only version known here: a newer layerstash may read it"),
    name: v.optional(v.string()),
    size: v.optional(bytes),
    chunkSize: count,
    chunk: count,
    chunks: v.optional(count),
    digests: v.optional(v.array(v.custom<Digest>(isDigest, "is not a sha256 or sha512 digest"))),
    encryption: v.optional(v.object({
      format: v.literal("age", "is not age, the only encryption known here: a newer layerstash may read it"),
      was: v.optional(v.custom<Digest>(isDigest, "is not a digest")),
      details: v.optional(v.pipe(v.string(), v.base64())),
    })),
  })),
});

/** The largest config that is read, in bytes: the table of 100,000 chunks has 7.5 MB, and the encrypted details 8.6 MB. */
export const MAX_CHUNK_CONFIG_SIZE: number = 16 * 1024 * 1024;

/**
 * Parses the config of a chunk's image.
 *
 * @throws {MismatchError} if it is malformed, or of an unknown version
 */
export function readChunkConfig(config: Uint8Array, tag: string): ChunkConfig {
  return parseAs(configSchema, config, `config of ${tag}`);
}
