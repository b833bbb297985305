/** Keeps rows in memory compressed: there may be hundreds of megabytes of them. @module */
import type { Bytes } from "../content/bytes.ts";

/** Compresses a page of rows, into memory of its own. */
export function compressPage(rows: Bytes): Bytes {
  const compressed = zlib().deflateRawSync(rows, { level: 1, chunkSize: rows.length + 1024 });
  const kept = new Uint8Array(compressed);
  (compressed.buffer as ArrayBuffer).transfer(0); // frees the memory at once
  return kept;
}

/**
 * The rows of a page, in memory of their own.
 *
 * @param usual how many bytes most pages have at most
 */
export function expandPage(page: Bytes, usual: number): Bytes {
  const { buffer, byteOffset, length } = zlib().inflateRawSync(page, { chunkSize: usual + 1 });
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
}

/** What compresses. Deno takes a while to load it, so this waits for the first page: few folders have so many files. */
function zlib() {
  return globalThis.process.getBuiltinModule("node:zlib");
}
