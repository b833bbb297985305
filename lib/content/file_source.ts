/** A part of a file as content to be written to a store. @module */
import { MismatchError, NotFoundError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { denied } from "./file_errors.ts";
import type { Hasher } from "./hasher.ts";
import type { Source } from "./source.ts";

/** What one read takes from the file, in bytes. */
const PIECE = 256 * 1024;

/**
 * The bytes of a file from `start` up to, and not with, `end`. The digest is computed by the hasher when it is
 * first asked for.
 */
export function fileSource(path: string, range: { start: number; end: number }, hasher: Hasher): Source {
  let digest: Promise<Digest> | undefined;
  const size = range.end - range.start;
  return {
    size,
    open: (start = 0, end = size) => readFile(path, { start: range.start + start, end: range.start + end }),
    digest: (onBytes) => digest ??= hasher.file(path, range, { onBytes }),
  };
}

/** Streams a file from `start` up to `end`. Fails when it is shorter or may not be read, and with the signal's reason. */
export function readFile(
  path: string,
  { start, end }: { start: number; end: number },
  signal?: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = readPieces(path, { start, end }, signal);
  return new ReadableStream({
    pull(controller) {
      const { done, value } = pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => void pieces.return(), // closes the file
  }, { highWaterMark: 1 });
}

function* readPieces(
  path: string,
  { start, end }: { start: number; end: number },
  signal: AbortSignal | undefined,
): Generator<Uint8Array<ArrayBuffer>, void> {
  using file = openToRead(path);
  file.seekSync(start, Deno.SeekMode.Start);
  for (let position = start; position < end;) {
    signal?.throwIfAborted();
    const piece = new Uint8Array(Math.min(PIECE, end - position));
    const read = file.readSync(piece); // waiting for another thread takes longer than the disk's cache does
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
      throw new NotFoundError(`${path} is not there any more`, { cause });
    }
    throw denied(cause, `${path} may not be read: permission denied`) ?? cause;
  }
}
