/** Tells a `FILE.part` of somebody else from the beginning of a download. @module */
import { type Bytes, isSameBytes } from "../content/bytes.ts";
import { collectNext } from "../content/collect.ts";
import { awaitDigest, type FileHasher } from "../content/hasher.ts";
import type { ByteRange } from "../content/source.ts";
import { ConflictError } from "../errors.ts";
import { withoutProgress } from "../events.ts";
import type { BlobReader, CallOptions } from "../store/store.ts";
import { type PlacedBlob, sizeOfFile } from "../transfer/placed_blob.ts";
import { receive } from "../transfer/receive.ts";
import type { PartialFile } from "./partial_file.ts";

/** The most that is fetched to compare it with the first bytes of a partial file, in bytes. */
const BEGINNING = 64 * 1024;

/**
 * Whether a partial file of which no journal knows is somebody else's: it has not one whole blob, and does not begin as
 * the blobs do. A download that was killed may have written no more than some bytes of the first blob, or none yet: then
 * it left zeros, in a file that has its full size already.
 */
export async function isForeignPart(
  store: BlobReader,
  partial: PartialFile,
  blobs: readonly PlacedBlob[],
  { hasher, ...options }: CallOptions & { hasher: FileHasher },
): Promise<boolean> {
  if (partial.found === 0) return false;
  const size = sizeOfFile(blobs);
  for (const blob of blobs) {
    if (blob.size === 0 || blob.at + blob.size > partial.found) continue;
    if (await hasBlob(partial.path, blob, hasher, options.signal)) return false;
  }
  const mayHaveHoles = partial.found === size;
  return !await beginsWith(store, partial, blobs, {
    ...options,
    range: { start: 0, end: size },
    mayHaveHoles,
  });
}

/** Whether a file has the bytes of a blob where they belong. */
export async function hasBlob(
  path: string,
  blob: PlacedBlob,
  hasher: FileHasher,
  signal: AbortSignal = new AbortController().signal,
): Promise<boolean> {
  const { at: start, size, digest } = blob;
  return await awaitDigest(hasher.followBlob(path, blob), { start, end: start + size }, signal) === digest;
}

/** Whether a partial file begins as a range of all the bytes of blobs does; only the first bytes are fetched. */
export async function beginsWith(
  store: BlobReader,
  partial: PartialFile,
  blobs: readonly PlacedBlob[],
  { range, mayHaveHoles = false, ...options }: CallOptions & {
    range: ByteRange;
    /** Whether zeros at the end of the compared bytes may be bytes that are not written yet. */
    mayHaveHoles?: boolean;
  },
): Promise<boolean> {
  const blob = blobs.find(({ at, size }) => size > 0 && at + size > range.start);
  if (!blob) return false;
  const start = range.start - blob.at;
  const end = Math.min(blob.size, range.end - blob.at, start + Math.min(partial.found, BEGINNING));
  const found = await firstBytes(partial.path, end - start);
  const written = mayHaveHoles ? found.findLastIndex((byte) => byte !== 0) + 1 : found.length;
  if (written === 0) return mayHaveHoles;
  const expected = await fetchPiece(store, blob, { start, end: start + written }, options);
  return isSameBytes(found.subarray(0, written), expected);
}

async function firstBytes(path: string, count: number): Promise<Bytes> {
  using file = await Deno.open(path, { read: true });
  return collectNext(file, count);
}

async function fetchPiece(
  store: BlobReader,
  { digest, size, what }: PlacedBlob,
  range: ByteRange,
  { signal, onEvent = store.onEvent }: CallOptions,
): Promise<Bytes> {
  const piece = new Uint8Array(range.end - range.start);
  await receive(store, {
    digest,
    size,
    what,
    range,
    orWhole: true,
    signal,
    onEvent: withoutProgress(onEvent),
    sink: (bytes, offset) => piece.set(bytes, offset - range.start),
  });
  return piece;
}

/** The error for a partial file that is somebody else's. */
export function foreignPart({ path }: PartialFile): ConflictError {
  return new ConflictError(`${path} already exists, and is not the beginning of this download`, {
    hint: "remove it, choose another name, or begin it anew with --overwrite",
  });
}
