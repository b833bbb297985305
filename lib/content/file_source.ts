/** A range of a file as content for a store. @module */
import { MismatchError, NotFoundError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Bytes, ByteStream } from "./bytes.ts";
import { denied } from "./file_errors.ts";
import type { Hasher } from "./hasher.ts";
import type { ByteRange, Source } from "./source.ts";

/** The most that one read takes, in bytes. */
const PIECE = 256 * 1024;

/**
 * The bytes of a file from `start` up to, but not including, `end`. The hasher computes the digest when it is first asked
 * for, and once.
 */
export function fileSource(path: string, range: ByteRange, hasher: Hasher): Source {
  let digest: Promise<Digest> | undefined;
  const size = range.end - range.start;
  return {
    size,
    open: (start = 0, end = size) => readPieces(path, { start: range.start + start, end: range.start + end }),
    digest: (onBytes) => digest ??= hasher.file(path, range, { onBytes }),
  };
}

/**
 * Streams a file from `start` up to `end`. It fills the buffers of a reader that brings one. The stream errors with the
 * signal's reason when that aborts.
 *
 * @throws {MismatchError} if the file is shorter, by the stream
 * @throws {NotFoundError} if it does not exist, by the stream
 * @throws {NotAllowedError} if it may not be read, by the stream
 */
export function readFile(path: string, { start, end }: ByteRange, signal?: AbortSignal): ByteStream {
  const reading = new Reading(path, { start, end }, signal);
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: Math.max(1, Math.min(PIECE, end - start)),
    pull(controller) {
      const { byobRequest } = controller;
      const read = reading.into(byobRequest!.view as Bytes);
      if (read === 0) controller.close();
      byobRequest!.respond(read);
    },
    cancel: () => reading.close(),
  });
}

/** Reads a piece when it is asked for, and not before, into the buffer of the piece before. */
function readPieces(path: string, range: ByteRange): ByteStream {
  const reading = new Reading(path, range);
  const buffer = new Uint8Array(Math.min(PIECE, range.end - range.start));
  return new ReadableStream({
    pull(controller) {
      const read = reading.into(buffer);
      if (read === 0) controller.close();
      else controller.enqueue(buffer.subarray(0, read));
    },
    cancel: () => reading.close(),
  }, { highWaterMark: 0 });
}

/** A file from one position to another. It is opened by the first read, and closed by the last, or by one that fails. */
class Reading {
  readonly #path: string;
  readonly #end: number;
  readonly #signal: AbortSignal | undefined;
  #position: number;
  #file: Deno.FsFile | undefined;

  constructor(path: string, { start, end }: ByteRange, signal?: AbortSignal) {
    [this.#path, this.#position, this.#end, this.#signal] = [path, start, end, signal];
  }

  /** Fills a buffer as far as one read does, and gives the number of bytes; 0 = it was the last read. */
  into(buffer: Bytes): number {
    try {
      this.#signal?.throwIfAborted();
      this.#file ??= openToRead(this.#path, this.#position);
      const wanted = buffer.subarray(0, this.#end - this.#position);
      const read = wanted.length && this.#file.readSync(wanted); // the disk's cache is faster than waiting for another thread
      if (read === null) {
        throw new MismatchError(`${this.#path} ended at byte ${this.#position} while it was read`);
      }
      this.#position += read;
      if (read === 0) this.close();
      return read;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

function openToRead(path: string, position: number): Deno.FsFile {
  try {
    const file = Deno.openSync(path);
    file.seekSync(position, Deno.SeekMode.Start);
    return file;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new NotFoundError(`${path} no longer exists`, { cause });
    }
    throw denied(cause, `${path} may not be read: permission denied`) ?? cause;
  }
}
