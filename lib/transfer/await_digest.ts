/** Waits for a digest, but not when nobody wants it any more. @module */
import { abortable } from "../content/abortable.ts";
import type { FollowingHash } from "../content/hasher.ts";
import type { Digest } from "../oci/digest.ts";
import type { ByteRange } from "../registry/store.ts";

/** What is shorter, in bytes, is hashed to its end: that takes no time, and leaves no file open behind. */
const SHORT = 64 * 1024 * 1024;

/** The digest of a range that is complete. The signal ends the waiting: to hash gibibytes takes long. */
export async function awaitDigest(
  hash: FollowingHash,
  { start, end }: ByteRange,
  signal: AbortSignal,
): Promise<Digest> {
  signal.throwIfAborted();
  if (end - start <= SHORT) return await hash.digest(end);
  try {
    return await abortable(hash.digest(end), signal);
  } catch (error) {
    if (signal.aborted) hash.drop();
    throw error;
  }
}
