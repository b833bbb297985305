/** A part of a file as content to be written to a store. @module */
import { MismatchError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
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
    open: (start = 0, end = size) => readFile(path, range.start + start, range.start + end),
    digest: () => digest ??= hasher.file(path, range),
  };
}

/** Streams a file from `start` up to `end`; fails when the file is shorter. */
export function readFile(path: string, start: number, end: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let file: Deno.FsFile | undefined;
  let position = start;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      file ??= await openAt(path, start);
      const piece = new Uint8Array(Math.min(PIECE, end - position));
      const read = position < end ? await file.read(piece) : 0;
      if (!read) return finish(controller);
      position += read;
      controller.enqueue(piece.subarray(0, read));
    },
    cancel: () => file?.close(),
  }, { highWaterMark: 1 });

  function finish(controller: ReadableStreamDefaultController): void {
    file?.close();
    file = undefined;
    if (position === end) controller.close();
    else controller.error(new MismatchError(`${path} ended at byte ${position} while it was read`));
  }
}

async function openAt(path: string, offset: number): Promise<Deno.FsFile> {
  const file = await Deno.open(path);
  await file.seek(offset, Deno.SeekMode.Start);
  return file;
}
