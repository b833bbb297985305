/** Detects the compression of a layer by its first bytes, and decompresses it. @module */
import { Decompress } from "fzstd";
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import { StreamInput } from "./tar_input.ts";
import { joined, zstdPieces } from "./zstd_frames.ts";

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
 * requested.
 *
 * @throws {MismatchError} if the data is damaged or truncated
 */
export function decompress(pieces: AsyncIterable<Bytes>, compression: Compression): AsyncIterable<Bytes> {
  if (compression === "gzip") return gunzip(pieces);
  return compression === "zstd" ? unzstd(pieces) : pieces;
}

/** Decompresses all gzip members: `DecompressionStream` stops after the first, but eStargz and bgzip have thousands. */
async function* gunzip(pieces: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  const { createGunzip } = await import("node:zlib");
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  const closed = new Promise<void>((resolve) => gunzip.once("close", resolve));
  let failure: unknown;
  const feeding = (async () => {
    for await (const piece of pieces) {
      // The callback of `write` is never called once the stream is closed.
      await Promise.race([closed, new Promise<void>((resolve) => gunzip.write(piece, () => resolve()))]);
      if (gunzip.destroyed) return;
    }
    gunzip.end();
  })().catch((error) => {
    failure = error;
    gunzip.destroy(error);
  });
  try {
    for await (const piece of gunzip) yield piece;
  } catch (error) {
    throw failure ?? damaged("gzip", error);
  } finally {
    gunzip.destroy();
    await feeding;
  }
}

/**
 * Decompresses zstd with fzstd, because node:zlib drops every frame after the first and does not notice missing bytes.
 * Each piece that fzstd gets ends one byte before a block does: at the end of a block it would keep all earlier input.
 */
async function* unzstd(pieces: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  let ready: Bytes[] = [];
  const decoder = new Decompress((bytes) => void ready.push(bytes as Bytes));
  const input = new StreamInput(pieces, { what: "zstd data" });
  let held: Bytes = new Uint8Array();
  try {
    for await (const piece of zstdPieces(input)) {
      decode(decoder, joined(held, piece.subarray(0, -1)));
      held = piece.slice(-1);
      yield* ready;
      ready = [];
    }
    decode(decoder, held, true);
    yield* ready;
  } finally {
    await input.close();
  }
}

function decode(decoder: Decompress, piece: Bytes, last = false): void {
  try {
    decoder.push(piece, last);
  } catch (error) {
    throw damaged("zstd", error);
  }
}

function damaged(format: string, cause: unknown): MismatchError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new MismatchError(`the layer's ${format} data is damaged: ${why}`, { cause });
}
