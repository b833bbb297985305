/** A stored stash as an input: the same chunks under another header. @module */
import { streamed } from "../content/byte_stream.ts";
import type { Bytes } from "../content/bytes.ts";
import { collect } from "../content/collect.ts";
import type { Source } from "../content/source.ts";
import { cut, digestOfPieces, encryptedSize } from "../encryption/encrypted_source.ts";
import { InvalidInputError } from "../errors.ts";
import { SMALL_FILE } from "../files/input.ts";
import { digestOf, isDigest } from "../oci/digest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { storedSource } from "../transfer/stored_source.ts";
import type { StashSecrets } from "./open_stash.ts";
import { digestOfList, encryptDetails } from "./encrypted_details.ts";
import type { StashInput } from "./encrypted_input.ts";
import { otherUpload } from "./read_back.ts";
import { type Chunk, chunkName, type Stash } from "./stash.ts";
import type { StashKey } from "./stash_key.ts";

/** What `rewrapInput` takes. */
export interface RewrapOptions extends CallOptions {
  /** What opens the stash. */
  secrets: StashSecrets;
  /** The same file key under the new header. */
  key: StashKey;
  /** The marks of the public keys that the new header is for. */
  recipients: string[];
}

/**
 * The chunks of a stash with another header before each. All that follows the headers, nonces and records, stays as it is, and
 * is fetched when it is sent. Of the description of the file the list of chunks changes: so it is encrypted anew.
 */
export function rewrapInput(
  store: StoreReader,
  stash: Stash,
  { secrets, key, recipients, ...options }: RewrapOptions,
): StashInput {
  const { details, key: { header: { bytes: before } } } = secrets;
  const { bytes: after } = key.header;
  const { chunks } = stash;
  return {
    size: stash.size + chunks.length * (after.length - before.length),
    modified: new Date(details.modified),
    identity: JSON.stringify([stash.digest, digestOf(after)]),
    seekable: true,
    *chunks() {
      for (const chunk of chunks) {
        const source = rewrapped(store, chunk, { before, after, ...options });
        yield { number: chunk.number, source, isLast: () => Promise.resolve(chunk.number === chunks.length) };
      }
    },
    async requireUnchanged() {
      const { tag } = chunks.at(-1)!;
      if (await store.resolve(tag!, options) !== stash.digest) throw otherUpload(tag!);
    },
    encryption: {
      chunkSize: encryptedSize(key.header, details.chunkSize),
      was: chunks[0]!.digest,
      details: (stored) => encryptDetails({ ...details, recipients, stored: digestOfList(stored) }, key),
      settle: (done) => done,
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A chunk under another header. */
function rewrapped(
  store: StoreReader,
  chunk: Chunk,
  { before, after, ...options }: CallOptions & { before: Bytes; after: Bytes },
): Source {
  const size = chunk.size - before.length + after.length;
  const pieces = async function* (from: number, to: number): AsyncGenerator<Bytes> {
    if (from < after.length) yield after.subarray(from, to);
    const start = Math.max(from - after.length, 0) + before.length;
    const end = to - after.length + before.length;
    if (start < end) yield* stored(store, chunk, { start, end, skip: before.length, ...options });
  };
  const source: Source = {
    size,
    open: (from = 0, to = size) => streamed(pieces(from, to)),
    digest: (onBytes) => digestOfPieces(pieces(0, size), { onBytes }),
  };
  return size <= SMALL_FILE ? heldSource(source, size) : source;
}

/** A range of the stored bytes. What begins after the header is read from the beginning, so that all of it is verified. */
function stored(
  store: StoreReader,
  chunk: Chunk,
  { start, end, skip, ...options }: CallOptions & { start: number; end: number; skip: number },
): AsyncGenerator<Bytes> {
  const begin = start === skip ? 0 : start;
  const { open } = storedSource(store, chunk, { ...options, what: chunkName(chunk) });
  return cut(open(begin, end), { start: start - begin, end: end - begin });
}

/** A small chunk is fetched once: its digest is wanted before its bytes. */
function heldSource({ open }: Source, size: number): Source {
  let held: Promise<Bytes> | undefined;
  const bytes = () => held ??= collect(open(), size);
  const pieces = async function* (from: number, to: number): AsyncGenerator<Bytes> {
    yield (await bytes()).subarray(from, to);
  };
  return {
    size,
    open: (from = 0, to = size) => streamed(pieces(from, to)),
    digest: async () => digestOf(await bytes()),
  };
}

/**
 * Makes sure that a stash is one whose headers can be exchanged.
 *
 * @throws {InvalidInputError} if it is not encrypted, another program has encrypted it, or it was found by its digest, which does
 *   not name the tags of its chunks
 */
export function requireRewrappable({ baseTag, encryption }: Stash): void {
  if (isDigest(baseTag)) {
    throw new InvalidInputError(
      "the recipients of a stored file are changed by its name, not by its digest",
      {
        hint: "layerstash list shows the names",
      },
    );
  }
  if (encryption) return;
  throw new InvalidInputError(`layerstash has not encrypted ${baseTag}`, {
    hint: "layerstash upload --encrypt-to encrypts it, if you store it again with --overwrite",
  });
}
