/** Receives a blob that fits into memory. @module */
import { collectVerified } from "../content/collect.ts";
import { retrying } from "../http/retry.ts";
import type { Digest } from "../oci/digest.ts";
import type { CallOptions, Store } from "../registry/store.ts";

/**
 * The bytes of a blob, verified. Where the connection breaks it is received again. The caller has seen to it that the
 * size is a small one.
 *
 * @throws {NotFoundError} when the blob is absent
 * @throws {MismatchError} when its bytes have another digest or size
 */
export async function receiveSmall(
  store: Store,
  blob: { digest: Digest; size: number },
  { signal }: CallOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const read = async () => await collectVerified(await store.read(blob.digest, { signal }), blob);
  return await retrying(() => ({ ...store.patience, signal }), `the blob ${blob.digest}`, read);
}
