/** Asks a registry whether it has a blob, and whether the blob can be fetched. @module */
import { RegistryError } from "../errors.ts";
import { countOf } from "../http/answers.ts";
import { lengthOf } from "../http/ranges.ts";
import type { Digest } from "../oci/digest.ts";
import { COLLECTED_HINT } from "../store/checks.ts";
import type { BlobOptions, StatOptions } from "../store/store.ts";
import type { RegistryClient } from "./client.ts";
import { ENDPOINTS } from "./endpoints.ts";

/** How often the first byte of a blob is asked for, where the connection breaks before it: a network may do that, too. */
const FIRST_BYTE_ATTEMPTS = 3;

/**
 * The size of a blob in bytes by HEAD; `undefined` = absent. Some proxies answer 0, or another length, to every HEAD: a size
 * that is not the expected one is asked for again by GET.
 */
export async function statBlob(
  client: RegistryClient,
  digest: Digest,
  { size, what = `the blob ${digest}`, ...options }: StatOptions,
): Promise<number | undefined> {
  const head = await client.call(ENDPOINTS.headBlob(digest, what), options);
  if (head.status === 404) return undefined;
  const length = head.status === 200 ? lengthOf(head) : undefined;
  if (length && (size === undefined || size === length)) return length;
  return await sizeByReading(client, digest, { what, ...options });
}

/** The size of a blob whose first byte was read: the cache of a registry may name blobs that were collected as garbage. */
export async function sizeByReading(
  client: RegistryClient,
  digest: Digest,
  { what = `the blob ${digest}`, ...options }: BlobOptions,
): Promise<number | undefined> {
  for (let attempt = 1;; attempt++) {
    const answer = await client.call(ENDPOINTS.getFirstByte(digest, what), options);
    try {
      await readFirstPiece(answer);
    } catch (cause) {
      options.signal?.throwIfAborted();
      if (attempt < FIRST_BYTE_ATTEMPTS) continue;
      const message = `${client.host} says that it has ${what}, and does not give it`;
      throw new RegistryError(message, { hint: COLLECTED_HINT, cause });
    }
    if (answer.status === 404) return undefined;
    const total = /\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1];
    return total === undefined ? lengthOf(answer) : countOf(total);
  }
}

async function readFirstPiece({ body }: Response): Promise<void> {
  const reader = body?.getReader();
  await reader?.read();
  await reader?.cancel();
}
