/** What is stored: a file, whose chunks can be read at any time, or a stream, whose chunks are read once. @module */
import { basename } from "node:path";
import { readError } from "../content/file_errors.ts";
import { fileSource } from "../content/file_source.ts";
import type { Hasher } from "../content/hasher.ts";
import type { Source } from "../content/source.ts";
import { StreamCutter } from "../content/stream_source.ts";
import type { Digest } from "../oci/digest.ts";
import type { Checkpoint } from "../store/store.ts";
import { InvalidInputError, MismatchError, NotFoundError } from "../errors.ts";
import { shellWord } from "../messages.ts";

/** One slice of the input. */
export interface InputChunk {
  /** From 1. */
  number: number;
  /** The bytes. */
  source: Source;
  /** Keeps the progress of its upload, so that another process can resume; absent = it is not kept. */
  checkpoint?: Checkpoint | undefined;
  /** Takes the digest of the bytes, which is known when they are stored. */
  remember?: ((digest: Digest) => void) | undefined;
  /** Whether it is the last chunk. Of a stream, that is known when the chunk has been read. */
  isLast(): Promise<boolean>;
}

/** The largest file that is hashed before it is sent, in bytes: that takes less time than a round trip. */
export const SMALL_FILE: number = 16 * 1024 * 1024;

/** Content to be stored. Sizes are in bytes. Disposing of it cancels a stream. */
export interface Input extends AsyncDisposable {
  /** The file's name without directories; absent where it has none. */
  name?: string | undefined;
  /** The number of bytes; absent while it is not known. */
  size?: number | undefined;
  /** When it was last changed; for a stream and a device, when it was opened. */
  modified: Date;
  /** A text that no other file has, nor this file after a change; absent for a stream and a device. */
  identity?: string | undefined;
  /** Whether a journal shows that nothing was ever stored there under this name from this machine; absent = there is none. */
  isFirst?: boolean | undefined;
  /** Whether chunks can be read in any order, in parallel, and more than once. */
  seekable: boolean;
  /** The chunks, in order. An empty input is one empty chunk. */
  chunks(chunkSize: number): Iterable<InputChunk> | AsyncIterable<InputChunk>;
  /**
   * Checks that the content has not changed since the input was opened.
   *
   * @throws {MismatchError} if the file was changed, renamed or removed
   */
  requireUnchanged(): Promise<void>;
}

/** Changes chunks as they come. */
export function mapChunks(
  chunks: ReturnType<Input["chunks"]>,
  change: (chunk: InputChunk) => InputChunk,
): ReturnType<Input["chunks"]> {
  if (Symbol.iterator in chunks) return Iterator.from(chunks).map(change);
  return async function* () {
    for await (const chunk of chunks) yield change(chunk);
  }();
}

/** How many chunks a file of a size has: at least one. */
export function chunkCount(size: number, chunkSize: number): number {
  return Math.max(1, Math.ceil(size / chunkSize));
}

/**
 * Opens a file or a stream to store it.
 *
 * @throws {NotFoundError} if the file does not exist
 * @throws {NotAllowedError} if it may not be read
 * @throws {InvalidInputError} if it is a directory, or anything else that is neither a file nor a stream
 */
export async function openInput(input: string | ReadableStream<Uint8Array>, hasher: Hasher): Promise<Input> {
  return typeof input === "string" ? await openFile(input, hasher) : openStream(input);
}

async function openFile(path: string, hasher: Hasher): Promise<Input> {
  const { size, mtime } = await statFile(path);
  const state = mtime && await stateOf(path); // what is written to a device changes nothing that could be compared
  const identity = state && await identityOf(path, state);
  const digests = new Map<string, Promise<Digest>>(); // so that no chunk is hashed twice
  const sourceOf = (start: number, end: number): Source => {
    const source = fileSource(path, { start, end }, hasher);
    const digest: Source["digest"] = (onBytes) => {
      const known = digests.get(`${start}-${end}`) ?? source.digest(onBytes);
      digests.set(`${start}-${end}`, known);
      return known;
    };
    return { ...source, digest };
  };
  return {
    name: basename(path),
    size,
    modified: mtime ?? new Date(),
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
    requireUnchanged: async () => {
      if (state) await requireSame(path, state);
    },
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
    { hint: "it was not completed: store it again when nothing writes to it" },
  );
}

/**
 * Works with an input. A change of the input can show as another error: bytes that end too early, a wrong digest, a
 * missing file. Such an error is replaced by one that says what happened.
 *
 * @throws {MismatchError} if the input was removed, renamed or changed meanwhile
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

/** A text that changes with a file, and that another process can compare. */
async function identityOf(path: string, state: string): Promise<string> {
  const { dev, ino } = await Deno.stat(path);
  return JSON.stringify([await Deno.realPath(path), state, dev, ino]);
}

/**
 * A text that changes with a file's bytes. It has no inode number, which some network disks change by themselves. It has
 * `ctime`, because users can set the other dates back; Deno gives it in whole seconds.
 */
async function stateOf(path: string): Promise<string> {
  const { size, mtime, ctime } = await Deno.stat(path);
  return JSON.stringify([size, mtime, ctime]);
}

/**
 * The size of a file or a block device in bytes, and when it was last changed, which a device does not tell.
 *
 * @throws {NotFoundError} if the file does not exist
 * @throws {NotAllowedError} if it may not be read
 * @throws {InvalidInputError} if it is neither, or has more bytes than its size says
 */
export async function statFile(path: string): Promise<{ size: number; mtime?: Date }> {
  try {
    const { isFile, isDirectory, isBlockDevice, size, mtime } = await Deno.stat(path);
    if (isBlockDevice) {
      const size = await sizeOfDevice(path);
      await requireReadable(path, size);
      return { size };
    }
    if (isFile) {
      await requireReadable(path, size);
      return { size, mtime: mtime ?? new Date(0) };
    }
    throw new InvalidInputError(`${path} is ${isDirectory ? "a directory" : "not an ordinary file"}`, {
      hint: isDirectory ? "name a file; or pack it first, as in: tar cf DIR.tar DIR" : pipeHint(path),
    });
  } catch (error) {
    throw readError(error, path);
  }
}

async function sizeOfDevice(path: string): Promise<number> {
  using device = await Deno.open(path);
  return await device.seek(0, Deno.SeekMode.End);
}

/**
 * Files of the system, such as those in `/proc`, have the size 0: their content is made when they are read. The end of a
 * device is at 0 where the system does not tell it, as macOS does not.
 */
async function requireReadable(path: string, size: number): Promise<void> {
  using file = await Deno.open(path);
  if (size > 0 || !await file.read(new Uint8Array(1))) return;
  throw new InvalidInputError(`${path} is not empty, but its size is given as 0 bytes`, {
    hint: pipeHint(path),
  });
}

function pipeHint(path: string): string {
  return `store what it gives, as in: cat ${shellWord(path)} | layerstash upload - me/files:NAME`;
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
