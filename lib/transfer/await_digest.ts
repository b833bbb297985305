/** Waits for a digest, but not when nobody wants it any more. @module */
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
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = () => {
    hash.drop();
    reject(signal.reason);
  };
  signal.addEventListener("abort", stop);
  try {
    return await Promise.race([hash.digest(end), stopped]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
