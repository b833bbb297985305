/** Reads any range of a stash as one stream, whatever its chunks. @module */
import type { Identities } from "../encryption/identities.ts";
import { InvalidInputError } from "../errors.ts";
import type { ByteStream } from "../content/bytes.ts";
import { type JoinedPart, joinedStream } from "../content/joined_stream.ts";
import type { ByteRange } from "../content/source.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { readBlob } from "../transfer/read_blob.ts";
import type { OpenStash } from "./open_stash.ts";
import { findStash } from "./find_stash.ts";
import { openStash } from "./open_stash.ts";
import { explainFetchError } from "./stash_faults.ts";
import { type Chunk, chunkName, type Stash } from "./stash.ts";

/**
 * Options of {@link readStash}.
 *
 * @category Files
 */
export interface ReadStashOptions extends CallOptions {
  /**
   * The name, or the digest that `upload` and `info` give; or what `info` has found, so that several readings look it up
   * once: Docker Hub counts each look-up.
   */
  baseTag: string | Stash;
  /** The keys that decrypt the stash, where it is encrypted. */
  identities?: Identities | undefined;
  /** The first byte that is wanted, from 0; absent = 0. */
  start?: number | undefined;
  /** The byte after the last one that is wanted; absent = the size of the file. */
  end?: number | undefined;
}

/**
 * Reads a range of a stored file as a stream: only the bytes of the range are fetched, from whichever chunks they are in,
 * and no faster than they are read. The next chunk is asked for shortly before the one before it ends. Cancelling the
 * stream ends its requests.
 *
 * A chunk of which every byte is read is verified: where it is damaged, its last bytes are not given, and the stream errors
 * with a `MismatchError`. **A part of a chunk cannot be verified**, unless it is encrypted.
 *
 * @category Files
 * @throws {InvalidInputError} if `baseTag` is not a valid tag, or the range is not within the file
 * @throws {NotFoundError} if the stash does not exist or is incomplete
 * @throws {NotAllowedError} if it is encrypted, and the identities do not open it
 *
 * @example
 * ```ts
 * import { openStore, readStash, upload } from "@layerstash/cli";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await upload(store, "note", { input: new Response("hello, world").body!, chunkSize: 5 });
 * const stream = await readStash(store, { baseTag: "note", start: 3, end: 8 }); // from two chunks
 * if (await new Response(stream).text() !== "lo, w") throw new Error("unexpected bytes");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function readStash(
  store: StoreReader,
  options: ReadStashOptions,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const { baseTag, identities, signal, onEvent = store.onEvent } = options;
  const stash = typeof baseTag === "object" ? baseTag : await findStash(store, baseTag, { signal, onEvent });
  const open = await openStash(store, stash, { identities, signal, onEvent });
  return readOpenStash(open, { ...options, onEvent });
}

/**
 * Reads a range of a stash that is open already, as `readStash` does.
 *
 * @throws {InvalidInputError} if the range is not within the file
 */
export function readOpenStash(
  open: OpenStash,
  { start = 0, end = open.plain.size, ...options }: Partial<ByteRange> & CallOptions,
): ByteStream {
  const { size, chunks } = open.plain;
  if (![start, end].every(Number.isSafeInteger) || start < 0 || end < start || size < end) {
    throw new InvalidInputError(
      `the bytes from ${start} to ${end} are not within the file, which has ${size}`,
    );
  }
  return joinedStream(chunks.flatMap((chunk) => {
    const part = partOf(chunk, { start, end });
    return part ? [readingOf(open, { chunk, part }, options)] : [];
  }));
}

/** What a range has of a chunk; `undefined` = nothing. A range of no bytes has nothing of any chunk. */
function partOf({ at, size }: Chunk, range: ByteRange): ByteRange | undefined {
  const start = Math.max(0, range.start - at);
  const end = Math.min(size, range.end - at);
  return start < end ? { start, end } : undefined;
}

function readingOf(
  { stash, readerOf, ...open }: OpenStash,
  { chunk, part }: { chunk: Chunk; part: ByteRange },
  options: CallOptions,
): JoinedPart {
  const store = readerOf(chunk);
  const isAuthenticated = open.isAuthenticated || stash.encryption !== undefined;
  const explain = async (error: unknown) => await explainFetchError(error, store, stash, options);
  const own = { ...options, ...part, what: chunkName(chunk), isAuthenticated, explain };
  return { size: part.end - part.start, open: () => readBlob(store, chunk, own) };
}

/**
 * Whether every byte of a range is verified as it passes: each chunk that it touches is in it as a whole, or what is encrypted
 * is authenticated record by record.
 */
export function isVerifiable({ stash, plain, isAuthenticated }: OpenStash, range: ByteRange): boolean {
  return stash.encryption !== undefined || isAuthenticated || plain.chunks.every((chunk) => {
    const part = partOf(chunk, range);
    return !part || part.end - part.start === chunk.size;
  });
}
