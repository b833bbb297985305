/** A packed layer with so many files that a test may not hold its archive in memory. @module */
import { collect } from "../../lib/content/collect.ts";
import { headerOf } from "./tar.ts";

/** How many files a directory has. */
const IN_ONE = 1000;
/** How many files are made at once. */
const BATCH = 1000;

/** A layer, packed by gzip, of so many empty files in directories of a thousand. Names are as long as real ones. */
export async function layerOfMany(files: number): Promise<Uint8Array<ArrayBuffer>> {
  const archive = ReadableStream.from(archiveOf(files)).pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await collect(archive, 512 * files));
}

function* archiveOf(files: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let from = 0; from < files; from += BATCH) {
    const blocks = new Uint8Array(512 * Math.min(BATCH, files - from));
    for (let at = 0; at < blocks.length; at += 512) {
      blocks.set(headerOf({ name: nameOf(from + at / 512) }), at);
    }
    yield blocks;
  }
  yield new Uint8Array(1024);
}

function nameOf(index: number): string {
  const directory = Math.floor(index / IN_ONE);
  return `usr/share/documents/part-${directory}/a file of an image ${index}.html`;
}
