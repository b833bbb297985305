/** Detects the compression of a layer by its first bytes, and decompresses it. @module */
import type { Gunzip, ZstdDecompress } from "node:zlib";
import { Pace } from "../async/pace.ts";
import { type Bytes, free } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import { StreamInput } from "./tar_input.ts";
import { zstdPieces } from "./zstd_frames.ts";

/** The compression of a layer. */
export type Compression = "none" | "gzip" | "zstd";

/** The compression, detected by the first four bytes. Media types are not consulted: they are often wrong. */
export function compressionOf(head: Uint8Array): Compression {
  const [a = 0, b = 0, c = 0, d = 0] = head;
  if (a === 0x1f && b === 0x8b) return "gzip";
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return "zstd";
  if ((a & 0xf0) === 0x50 && b === 0x2a && c === 0x4d && d === 0x18) return "zstd"; // a skippable frame
  return "none";
}

/** A compression that layers must not have, detected by the first four bytes; `undefined` if none is recognized. */
export function unsupportedCompressionOf(head: Uint8Array): "bzip2" | "xz" | undefined {
  const [a = 0, b = 0, c = 0, d = 0] = head;
  if (a === 0x42 && b === 0x5a && c === 0x68) return "bzip2"; // BZh
  return a === 0xfd && b === 0x37 && c === 0x7a && d === 0x58 ? "xz" : undefined;
}

/**
 * Decompresses a stream in constant memory. The maker of `pieces` may reuse a piece's buffer once the next is
 * requested. Each piece of the result is valid until the next is requested, too.
 *
 * @param signal ends it, also where much is made of few bytes
 * @throws {MismatchError} if the data is damaged or truncated
 */
export function decompress(
  pieces: AsyncIterable<Bytes>,
  compression: Compression,
  signal?: AbortSignal,
): AsyncIterable<Bytes> {
  if (compression === "gzip") return gunzip(pieces, signal);
  return compression === "zstd" ? unzstd(pieces, signal) : pieces;
}

/** The size of the decoders' output pieces, in bytes: smaller ones take more time. A block of zstd makes no more. */
const OUTPUT = { gzip: { chunkSize: 256 * 1024 }, zstd: { chunkSize: 128 * 1024 } };

/** Decompresses all gzip members: `DecompressionStream` stops after the first, but eStargz and bgzip have thousands. */
async function* gunzip(pieces: AsyncIterable<Bytes>, signal: AbortSignal | undefined): AsyncGenerator<Bytes> {
  const { createGunzip } = await import("node:zlib");
  yield* decode(createGunzip(OUTPUT.gzip), { pieces, format: "gzip", signal });
}

/**
 * Decompresses all zstd frames, and verifies their checksums. Deno's decoder ends quietly where data is truncated, passes
 * over a frame that begins within a write, and throws where nobody can catch it if it finds damage after a write's first
 * output. So frames are split into blocks, and each is written alone.
 */
async function* unzstd(pieces: AsyncIterable<Bytes>, signal: AbortSignal | undefined): AsyncGenerator<Bytes> {
  const { createZstdDecompress } = await import("node:zlib");
  const input = new StreamInput(pieces, { what: "zstd data of the layer" });
  try {
    yield* decode(createZstdDecompress(OUTPUT.zstd), { pieces: zstdPieces(input), format: "zstd", signal });
  } finally {
    await input.close();
  }
}

/** What a decoder is fed with. */
interface Feed {
  pieces: AsyncIterable<Bytes>;
  format: Compression;
  signal: AbortSignal | undefined;
}

/** Feeds a decoder, one piece after the other, and gives what it makes of them. */
async function* decode(decoder: Gunzip | ZstdDecompress, feed: Feed): AsyncGenerator<Bytes> {
  let failure: unknown;
  const feeding = writeAllTo(decoder, feed).catch((error) => {
    failure = error;
    decoder.destroy(error);
  });
  try {
    for await (const { buffer, byteOffset, length } of decoder) {
      const piece = new Uint8Array(buffer, byteOffset, length); // a Buffer would not be copied by slice()
      yield piece;
      free(piece); // the decoder has filled this buffer, and takes another one
    }
  } catch (error) {
    throw failure ?? damaged(feed.format, error);
  } finally {
    decoder.destroy();
    await feeding;
  }
  if (failure) throw failure;
}

/** @throws {MismatchError} if the decoder finds its end before that of the pieces, and so passes over some of them */
async function writeAllTo(decoder: Gunzip | ZstdDecompress, { pieces, signal }: Feed): Promise<void> {
  const closed = new Promise<void>((resolve) => decoder.once("close", resolve));
  const pace = new Pace(signal);
  let written = 0;
  for await (const piece of pieces) {
    if (pace.isPauseDue) await pace.pause();
    written += piece.length;
    // The callback of `write` is never called once the stream is closed.
    await Promise.race([closed, new Promise<void>((resolve) => decoder.write(piece, () => resolve()))]);
    if (decoder.destroyed) return;
    if (decoder.bytesWritten < written) throw hasOtherBytes();
  }
  decoder.end();
}

function damaged(format: Compression, cause: unknown): MismatchError {
  const why = cause instanceof Error ? cause.message : String(cause);
  if (format === "gzip" && why === "incorrect header check") return hasOtherBytes(cause); // where a member should begin
  return new MismatchError(`the layer's ${format} data is damaged: ${why}`, { cause });
}

/** The error for bytes after the last gzip member, as tapes add them: Go refuses them, and so does every engine. */
function hasOtherBytes(cause?: unknown): MismatchError {
  return new MismatchError("the layer has other bytes after its gzip data: container engines refuse it", {
    hint: "gzip passes over them: gzip -dc FILE | gzip > NEW makes a clean archive",
    cause,
  });
}
