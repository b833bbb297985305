/** Layers with a table of contents, made by hand: eStargz and zstd:chunked. @module */
import { createHash } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Bytes } from "../../lib/content/bytes.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { concatenate } from "./content.ts";
import type { MadeLayer } from "./images.ts";
import { headerOf, type TarFile, tarOf } from "./tar.ts";

const TYPES: Record<string, string> = {
  "0": "reg",
  "1": "hardlink",
  "2": "symlink",
  "3": "char",
  "5": "dir",
};
/** Larger files are in several chunks. */
const CHUNK = 1024 * 1024;

const gzip = (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes));
const zstd = (bytes: Uint8Array) => new Uint8Array(zstdCompressSync(bytes));

/** How a table differs from the files of its layer. */
export interface TableOptions {
  /** Whether the rows have digests of the contents; absent = they have. */
  digests?: boolean;
  /** Files whose contents are in the layer, while the table is of the others; absent = the same. */
  packed?: readonly TarFile[];
  /** Changes the rows. */
  change?: (rows: Record<string, unknown>[]) => void;
  /** Changes how the rows of eStargz are spelled. */
  spell?: (json: string) => string;
}

/** As stargz-snapshotter writes it: each content in a gzip member, the table in a tar, a footer that says where. */
export function estargzOf(
  files: readonly TarFile[],
  { digests = true, packed = files, change, spell = (json) => json }: TableOptions = {},
): Promise<MadeLayer> {
  const { entries } = pack(files, gzip);
  const { pieces, size } = pack(packed, gzip);
  const rows = entries.map(({ endOffset: _, digest, chunkDigest, ...row }) => ({
    ...row,
    ...(digests && { digest, chunkDigest }),
  }));
  change?.(rows);
  const json = new TextEncoder().encode(spell(JSON.stringify({ version: 1, entries: rows })));
  const toc = gzip(tarOf([{ name: "stargz.index.json", content: json }]));
  const extra = new TextEncoder().encode(`SG\x16\0${size.toString(16).padStart(16, "0")}STARGZ`);
  const footer = concatenate([
    new Uint8Array([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, extra.length, 0]),
    extra,
    new Uint8Array([1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]),
  ]);
  const bytes = concatenate([...pieces, toc, footer]);
  return Promise.resolve({
    bytes,
    annotations: { "containerd.io/snapshot/stargz/toc.digest": digestOf(json) },
  });
}

/** As containers/storage writes it: each content in a zstd frame, the table in a frame that decoders skip, then a footer. */
export function zstdChunkedOf(
  files: readonly TarFile[],
  { packed = files }: Pick<TableOptions, "packed"> = {},
): Promise<MadeLayer> {
  const { entries } = pack(files, zstd);
  const { pieces, size } = pack(packed, zstd);
  const end = zstd(new Uint8Array(1024));
  const json = new TextEncoder().encode(JSON.stringify({ version: 1, entries }));
  const toc = zstd(json);
  const start = size + end.length + 8;
  const footer = new DataView(new ArrayBuffer(40));
  [start, toc.length, json.length, 1].forEach((value, index) =>
    footer.setBigUint64(8 * index, BigInt(value), true)
  );
  const mark = new Uint8Array(footer.buffer);
  mark.set(new TextEncoder().encode("GnUlInUx"), 32);
  const bytes = concatenate([...pieces, end, skipped(toc), skipped(mark)]);
  const prefix = "io.github.containers.zstd-chunked.manifest-";
  return Promise.resolve({
    bytes,
    annotations: {
      [`${prefix}checksum`]: digestOf(toc),
      [`${prefix}position`]: `${start}:${toc.length}:${json.length}:1`,
    },
  });
}

function skipped(bytes: Bytes): Bytes {
  const head = new DataView(new ArrayBuffer(8));
  head.setUint32(0, 0x184d2a50, true);
  head.setUint32(4, bytes.length, true);
  return concatenate([new Uint8Array(head.buffer), bytes]);
}

/** Packs headers and contents apart, and notes where the contents are. */
function pack(files: readonly TarFile[], compress: (bytes: Uint8Array) => Bytes) {
  const pieces: Bytes[] = [];
  const entries: Record<string, unknown>[] = [];
  let size = 0;
  const add = (bytes: Uint8Array) => {
    const piece = compress(bytes);
    pieces.push(piece);
    const offset = size;
    size += piece.length;
    return { offset, endOffset: size };
  };
  for (const file of files) {
    const { content = "", name, flag = "0", target, device } = file;
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content as Bytes;
    add(headerOf(file));
    entries.push({
      name,
      type: TYPES[flag],
      mode: flag === "5" ? 0o755 : 0o644,
      modtime: "2020-09-13T12:26:40Z",
      ...(bytes.length > 0 && { size: bytes.length, digest: digestOf(bytes) }),
      ...(target && { linkName: target }),
      ...(device && { devMajor: device[0], devMinor: device[1] }),
      ...(bytes.length > 0 && chunkOf(bytes, 0, add)),
    });
    for (let at = CHUNK; at < bytes.length; at += CHUNK) {
      entries.push({ name, type: "chunk", ...chunkOf(bytes, at, add) });
    }
    add(new Uint8Array((512 - bytes.length % 512) % 512));
  }
  return { pieces, entries, size };
}

function chunkOf(bytes: Bytes, at: number, add: (bytes: Uint8Array) => object): object {
  const chunk = bytes.subarray(at, at + CHUNK);
  const chunkDigest = `sha256:${createHash("sha256").update(chunk).digest("hex")}`;
  return { ...add(chunk), chunkDigest, ...(at > 0 && { chunkOffset: at }), chunkSize: chunk.length };
}
