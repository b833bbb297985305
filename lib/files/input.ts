/** What is stored: a file, cut into chunks that can be read at any time, or a stream, cut as it comes. @module */
import { basename } from "node:path";
import { readError } from "../content/file_errors.ts";
import { fileSource } from "../content/file_source.ts";
import type { Hasher } from "../content/hasher.ts";
import type { Source } from "../content/source.ts";
import { StreamCutter } from "../content/stream_source.ts";
import type { Digest } from "../oci/digest.ts";
import type { Checkpoint } from "../store/store.ts";
import { InvalidInputError, MismatchError, NotFoundError } from "../errors.ts";

/** One slice of the input. */
export interface InputChunk {
  /** From 1. */
  number: number;
  /** The bytes. */
  source: Source;
  /** Keeps how far its upload has come; absent = nothing is kept. */
  checkpoint?: Checkpoint | undefined;
  /** Takes the digest that the bytes were found to have when they were stored. */
  remember?: ((digest: Digest) => void) | undefined;
  /** Whether no other comes behind it. Where the source can be read once only: to be asked when it was. */
  isLast(): Promise<boolean>;
}

/** Content to be stored as a stash. Sizes are in bytes. At the end of its life a stream is let go of. */
export interface Input extends AsyncDisposable {
  /** The file's name without directories; absent where it has none. */
  name?: string | undefined;
  /** The number of bytes; absent while it is not known. */
  size?: number | undefined;
  /** When it was last changed; for a stream, when it was opened. */
  modified: Date;
  /** What tells this file, as it is now, from all others; absent for a stream. */
  identity?: string | undefined;
  /** Whether chunks can be read in any order, several at once, again and again. */
  seekable: boolean;
  /** Cuts it. An empty input is one empty chunk. */
  chunks(chunkSize: number): Iterable<InputChunk> | AsyncIterable<InputChunk>;
  /**
   * Checks that the content is still what it was when the input was opened.
   *
   * @throws {MismatchError} when it was changed meanwhile
   */
  requireUnchanged(): Promise<void>;
}

/** How many chunks hold so many bytes: at least one. */
export function chunkCount(size: number, chunkSize: number): number {
  return Math.max(1, Math.ceil(size / chunkSize));
}

/**
 * Opens what is to be stored.
 *
 * @throws {NotFoundError} when there is no such file
 * @throws {NotAllowedError} when it may not be read
 * @throws {InvalidInputError} when it is a directory, or anything else that is neither a file nor a stream
 */
export async function openInput(input: string | ReadableStream<Uint8Array>, hasher: Hasher): Promise<Input> {
  return typeof input === "string" ? await openFile(input, hasher) : openStream(input);
}

async function openFile(path: string, hasher: Hasher): Promise<Input> {
  const { size, mtime } = await statFile(path);
  const state = await stateOf(path);
  const identity = await identityOf(path, state);
  const sources = new Map<string, Source>(); // so that no chunk is hashed twice
  const sourceOf = (start: number, end: number) => {
    const known = sources.get(`${start}-${end}`) ?? fileSource(path, { start, end }, hasher);
    sources.set(`${start}-${end}`, known);
    return known;
  };
  return {
    name: basename(path),
    size,
    modified: mtime,
    identity,
    seekable: true,
    *chunks(chunkSize) {
      const count = chunkCount(size, chunkSize);
      for (let number = 1; number <= count; number++) {
        const start = (number - 1) * chunkSize;
        const source = sourceOf(start, Math.min(size, start + chunkSize));
        yield { number, source, isLast: () => Promise.resolve(number === count) };
      }
    },
    requireUnchanged: () => requireSame(path, state),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function requireSame(path: string, state: string): Promise<void> {
  const now = await stateOf(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw readError(error, path);
  });
  if (now === state) return;
  throw new MismatchError(
    `${path} was ${now === undefined ? "removed or renamed" : "changed"} while it was stored`,
    { hint: "the stash is left incomplete; store the file again when nothing writes to it" },
  );
}

/**
 * Does something with an input. What fails because the input is not what it was any more is told as that: bytes that end
 * too early, a digest that is another one, a file that is not there.
 *
 * @throws {MismatchError} when it was removed, renamed or changed meanwhile
 */
export async function whileUnchanged<T>(input: Input, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const kinds = [MismatchError, NotFoundError, Deno.errors.NotFound];
    if (kinds.some((kind) => error instanceof kind)) await input.requireUnchanged();
    throw error;
  }
}

/** What tells a file from what it was in an earlier process. */
async function identityOf(path: string, state: string): Promise<string> {
  const { dev, ino } = await Deno.stat(path);
  return JSON.stringify([await Deno.realPath(path), state, dev, ino]);
}

/**
 * What changes with a file's bytes; on some network disks the numbers of a file do so by themselves. The date of the last
 * change of any kind (`ctime`) cannot be set by hand: it gives away what the others hide. Deno tells it to the second.
 */
async function stateOf(path: string): Promise<string> {
  const { size, mtime, ctime } = await Deno.stat(path);
  return JSON.stringify([size, mtime, ctime]);
}

/**
 * The size and the time of the last change of a file that can be read.
 *
 * @throws {NotFoundError} when there is no such file
 * @throws {NotAllowedError} when it may not be read
 * @throws {InvalidInputError} when it is a directory, or anything else that is no file, or does not tell its size
 */
export async function statFile(path: string): Promise<{ size: number; mtime: Date }> {
  try {
    const { isFile, isDirectory, size, mtime } = await Deno.stat(path);
    if (isFile) {
      await requireReadable(path, size);
      return { size, mtime: mtime ?? new Date(0) };
    }
    throw new InvalidInputError(`${path} is ${isDirectory ? "a directory" : "no ordinary file"}`, {
      hint: isDirectory ? "pack it first, as in: tar cf DIR.tar DIR" : "pipe it: -i -",
    });
  } catch (error) {
    throw readError(error, path);
  }
}

/** Some files of the system tell no size: what is in them is made when they are read. */
async function requireReadable(path: string, size: number): Promise<void> {
  using file = await Deno.open(path);
  if (size > 0 || !await file.read(new Uint8Array(1))) return;
  throw new InvalidInputError(`${path} does not tell its size: it says 0 bytes, and has more`, {
    hint: `copy it first, or pipe it, as in: cat ${path} | layerstash upload -i -`,
  });
}

function openStream(stream: ReadableStream<Uint8Array>): Input {
  const cutter = new StreamCutter(stream);
  return {
    modified: new Date(),
    seekable: false,
    async *chunks(chunkSize) {
      let number = 0;
      do yield {
        number: ++number,
        source: cutter.take(chunkSize),
        isLast: async () => !await cutter.more(),
      }; while (await cutter.more());
    },
    requireUnchanged: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => cutter.cancel(),
  };
}
