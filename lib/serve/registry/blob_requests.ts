/** Blobs of the registry: `/v2/<name>/blobs/<digest>`. @module */
import { contentRange, rangesOf } from "../byte_ranges.ts";
import { statusOfConditions } from "../conditions.ts";
import type { Digest } from "../../oci/digest.ts";
import { digestIn } from "./names.ts";
import { Refusal, REFUSED } from "./refusal.ts";
import type { RegistryRequest } from "./registry_request.ts";

/** GET and HEAD of a blob. */
export async function answerWithBlob({ request, store, word }: RegistryRequest): Promise<Response> {
  const digest = digestIn(word);
  const size = await store.stat(digest, { signal: request.signal });
  if (size === undefined) throw blobUnknown(digest);
  const etag = `"${digest}"`;
  const headers: Record<string, string> = {
    "content-type": "application/octet-stream",
    "docker-content-digest": digest,
    etag,
    "accept-ranges": "bytes",
  };
  const met = statusOfConditions(request.headers, { etag });
  if (met !== undefined) return new Response(null, { status: met, headers });
  const ranges = rangesOf(request, { size, etag });
  if (ranges?.length === 0) {
    const total = { "content-range": `bytes */${size}` };
    throw new Refusal(REFUSED.rangeInvalid, "the blob has no such bytes", { headers: total });
  }
  const range = ranges?.length === 1 ? ranges[0] : undefined; // of several, all bytes are the answer: clients can take these
  headers["content-length"] = String(range ? range.end - range.start : size);
  if (range) headers["content-range"] = contentRange(range, size);
  if (request.method === "HEAD") return new Response(null, { headers });
  // Nothing is hashed here: every client of a registry hashes what it gets, a part of a blob can be hashed by nobody.
  const body = await store.readUnverified(digest, { range, signal: request.signal });
  return new Response(body, { status: range ? 206 : 200, headers });
}

/** DELETE of a blob. */
export async function deleteBlob({ store, word }: RegistryRequest): Promise<Response> {
  const digest = digestIn(word);
  if (await store.stat(digest) === undefined) throw blobUnknown(digest);
  await store.remove(digest);
  return new Response(null, { status: 202 });
}

function blobUnknown(digest: Digest): Refusal {
  return new Refusal(REFUSED.blobUnknown, "the blob is unknown", { detail: { digest } });
}
