/** Blobs of the fake registry, and the storage on another origin that it redirects to. @module */
import type { Digest } from "../../lib/oci/digest.ts";
import type { Fake } from "./fake.ts";
import type { Exchange } from "./fake_exchange.ts";
import { takeBreak } from "./fake_faults.ts";
import { slice, type StoredBlob } from "./fake_storage.ts";

/** HEAD, GET and DELETE of a blob. */
export async function handleBlob(
  fake: Fake,
  exchange: Exchange,
  { repository, digest }: { repository: string; digest: Digest },
): Promise<void> {
  const blob = whatIsLeft(fake, digest, fake.storage.blob(repository, digest));
  if (exchange.method === "DELETE") {
    if (fake.faults.refuseDeletes) return exchange.refuse(fake.faults.refuseDeletes, "UNSUPPORTED");
    const removed = fake.storage.repositories.get(repository)?.blobs.delete(digest);
    return removed ? exchange.answer(202) : exchange.refuse(404, "BLOB_UNKNOWN");
  }
  const { refuseHead, headSize } = fake.faults;
  if (exchange.method === "HEAD" && refuseHead) return exchange.refuse(refuseHead, "UNSUPPORTED");
  if (!blob) return exchange.refuse(404, "BLOB_UNKNOWN");
  if (exchange.method === "HEAD") {
    return exchange.answer(200, { ...headersOf(digest), "content-length": String(headSize ?? blob.size) });
  }
  if (exchange.method !== "GET") return exchange.refuse(405, "UNSUPPORTED");
  if (!fake.faults.redirectBlobs) return await sendBlob(fake, exchange, { blob, digest });
  exchange.answer(fake.faults.redirectBlobs, { location: fake.signedUrl(digest) });
}

/** GET at the storage: like S3 it fails where it gets an `Authorization`, and where a signed URL is too old. */
export async function handleSignedUrl(fake: Fake, exchange: Exchange): Promise<void> {
  const digest = exchange.url.pathname.slice("/signed/".length) as Digest;
  const blob = whatIsLeft(fake, digest, fake.storage.blobs.get(digest));
  if (exchange.header("authorization") !== undefined) {
    return exchange.answer(
      400,
      { "content-type": "application/xml" },
      "<Error><Code>InvalidArgument</Code></Error>",
    );
  }
  if (!blob || !fake.useSignature(exchange.query("signature") ?? "")) {
    return exchange.answer(
      403,
      { "content-type": "application/xml" },
      "<Error><Code>AccessDenied</Code></Error>",
    );
  }
  await sendBlob(fake, exchange, { blob, digest });
}

async function sendBlob(
  fake: Fake,
  exchange: Exchange,
  { blob, digest }: { blob: StoredBlob; digest: Digest },
): Promise<void> {
  const range = chosenRange(fake, exchange, blob.size);
  if (range === "unsatisfiable") {
    return exchange.answer(416, { "content-range": `bytes */${blob.size}` });
  }
  const { start, end } = range ?? { start: 0, end: blob.size };
  const kept = blob.pieces ?? (end === 1 && blob.first ? [blob.first] : undefined);
  if (!kept) return exchange.answer(500, {}, "the bytes were thrown away: discard is set");
  const headers: Record<string, string> = headersOf(digest);
  if (fake.faults.blobType) {
    headers["content-type"] = fake.faults.blobType;
    delete headers["docker-content-digest"];
  }
  if (range) headers["content-range"] = `bytes ${start}-${end - 1}/${blob.size}`;
  const pieces = damage(slice(kept, start, end), (fake.faults.damaged?.[digest] ?? Infinity) - start);
  const broken = takeBreak(fake.faults.breakDownload, { start, end, digest });
  const slow = inPieces(pieces, fake.faults.trickle);
  await exchange.stream({ status: range ? 206 : 200, headers, size: end - start }, slow, broken);
}

function* inPieces(pieces: Iterable<Uint8Array>, size = Infinity): Iterable<Uint8Array> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += size) yield piece.subarray(at, at + size);
  }
}

/** `a-b`, `a-` and `-n`; what cannot be read as one of these gets the whole blob (RFC 9110, 14.2). */
function chosenRange(
  fake: Fake,
  exchange: Exchange,
  size: number,
): { start: number; end: number } | "unsatisfiable" | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(exchange.header("range") ?? "") ?? [];
  const { ranges } = fake.faults;
  if ((!first && !last) || ranges === "ignored") return undefined;
  const start = first ? Number(first) : Math.max(0, size - Number(last));
  const end = first && last ? Math.min(size, Number(last) + 1) : size;
  if (ranges === "refused" || start >= end) return "unsatisfiable";
  return ranges === "wrong" ? { start: 0, end: end - start } : { start, end };
}

function whatIsLeft(fake: Fake, digest: Digest, blob: StoredBlob | undefined): StoredBlob | undefined {
  const size = fake.faults.truncated?.[digest];
  return blob?.pieces && size !== undefined ? { size, pieces: [...slice(blob.pieces, 0, size)] } : blob;
}

function* damage(pieces: Iterable<Uint8Array>, offset: number): Iterable<Uint8Array> {
  let left = offset;
  for (const piece of pieces) {
    yield left >= 0 && left < piece.length
      ? piece.map((byte, at) => at === left ? byte ^ 0xff : byte)
      : piece;
    left -= piece.length;
  }
}

function headersOf(digest: Digest): Record<string, string> {
  return {
    "content-type": "application/octet-stream",
    "docker-content-digest": digest,
    "etag": `"${digest}"`,
    "accept-ranges": "bytes",
  };
}
