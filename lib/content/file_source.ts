/** A range of a file as content for a store. @module */
import { MismatchError, NotFoundError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { denied } from "./file_errors.ts";
import type { Hasher } from "./hasher.ts";
import type { Source } from "./source.ts";

/** The most that one read takes, in bytes. */
const PIECE = 256 * 1024;

/**
 * The bytes of a file from `start` up to, but not including, `end`. The hasher computes the digest when it is first asked
 * for, and once.
 */
export function fileSource(path: string, range: { start: number; end: number }, hasher: Hasher): Source {
  let digest: Promise<Digest> | undefined;
  const size = range.end - range.start;
  return {
    size,
    open: (start = 0, end = size) =>
      streamPieces(readPieces(path, { start: range.start + start, end: range.start + end }, { reuse: true })),
    digest: (onBytes) => digest ??= hasher.file(path, range, { onBytes }),
  };
}

/**
 * Streams a file from `start` up to `end`. The stream errors with the signal's reason when that aborts.
 *
 * @throws {MismatchError} if the file is shorter, by the stream
 * @throws {NotFoundError} if it does not exist, by the stream
 * @throws {NotAllowedError} if it may not be read, by the stream
 */
export function readFile(
  path: string,
  { start, end }: { start: number; end: number },
  signal?: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return streamPieces(readPieces(path, { start, end }, { signal }));
}

/** Reads a piece when it is asked for, and not before: its buffer may be that of the piece before. */
function streamPieces(
  pieces: Generator<Uint8Array<ArrayBuffer>, void>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull(controller) {
      const { done, value } = pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => void pieces.return(), // closes the file
  }, { highWaterMark: 0 });
}

function* readPieces(
  path: string,
  { start, end }: { start: number; end: number },
  { reuse, signal }: { reuse?: boolean; signal?: AbortSignal | undefined },
): Generator<Uint8Array<ArrayBuffer>, void> {
  using file = openToRead(path);
  file.seekSync(start, Deno.SeekMode.Start);
  let buffer: Uint8Array<ArrayBuffer> | undefined;
  for (let position = start; position < end;) {
    signal?.throwIfAborted();
    const piece = buffer?.subarray(0, end - position) ?? new Uint8Array(Math.min(PIECE, end - position));
    if (reuse) buffer ??= piece;
    const read = file.readSync(piece); // the disk's cache is faster than waiting for another thread
    if (!read) throw new MismatchError(`${path} ended at byte ${position} while it was read`);
    position += read;
    yield piece.subarray(0, read);
  }
}

function openToRead(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new NotFoundError(`${path} no longer exists`, { cause });
    }
    throw denied(cause, `${path} may not be read: permission denied`) ?? cause;
  }
}
