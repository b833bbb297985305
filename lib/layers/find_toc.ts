/** Finds the table of contents of a layer in the format eStargz or zstd:chunked. @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError } from "../errors.ts";
import { hasDigest } from "../oci/digest.ts";
import { collect } from "../content/collect.ts";
import { type Compression, decompress } from "./compression.ts";
import type { LayerBlob } from "./layer_blob.ts";
import { readTar } from "./read_tar.ts";
import { StreamInput } from "./tar_input.ts";
import type { Entry, OpenEntry } from "./entry.ts";
import { STARGZ_TABLE, STARGZ_TABLE_DIGEST } from "./stargz.ts";
import { LARGEST_TOC, Toc } from "./toc.ts";

/** Layers smaller than this are read whole, which takes no longer and verifies them. In bytes. */
const SMALLEST_LAYER = 256 * 1024;

/** The byte range of a compressed table, and the table's digest. */
interface TableRange {
  start: number;
  end: number;
  /** The digest that the manifest gives: of the compressed table for zstd:chunked, of the JSON for eStargz. */
  digest: string | undefined;
}

/** The prefixes of zstd:chunked annotations. Early versions omitted `github`. */
const CHUNKED_PREFIXES = ["io.github.containers.zstd-chunked.", "io.containers.zstd-chunked."];
const CHUNKED_MAGIC = "GnUlInUx";

/**
 * The table of contents of a layer; `undefined` if it has none or an invalid one, which a notice reports. If the
 * manifest has the table's digest, the contents of files that are read through the table are verified.
 */
export async function findToc(blob: LayerBlob, compression: Compression): Promise<Toc | undefined> {
  if (blob.size < SMALLEST_LAYER || blob.wholeOnly) return undefined;
  return await unlessMalformed(blob, () => readToc(blob, compression));
}

/** Goes on without a table that is malformed, and says so. */
async function unlessMalformed<T>(blob: LayerBlob, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof MismatchError)) throw error;
    blob.notice(`the table of contents of the layer ${blob.digest} is not used: ${error.message}`);
    return undefined;
  }
}

/**
 * Reads the table of contents of a layer; `undefined` if it has none.
 *
 * @throws {MismatchError} if it is malformed, or its digest is not the one in the manifest
 */
async function readToc(blob: LayerBlob, compression: Compression): Promise<Toc | undefined> {
  if (compression === "none") return undefined;
  const table = compression === "gzip" ? await findStargzTable(blob) : await findChunkedTable(blob);
  if (!table) return undefined;
  requireTableInside(table, blob);
  const { json, entry } = compression === "gzip"
    ? await readStargz(blob, table)
    : { json: await readChunked(blob, table) };
  const toc = new Toc(json, { blob, compression, entry });
  blob.hasProvenTable = table.digest !== undefined && toc.provesAll;
  return toc;
}

/**
 * The table of contents of an eStargz layer as the JSON that it is, and where it begins; `undefined` if the manifest does not
 * have its digest, or the layer is small, or has another table, which a notice reports.
 */
export async function provenTable(blob: LayerBlob): Promise<StargzTable | undefined> {
  if (blob.annotations[STARGZ_TABLE_DIGEST] === undefined || blob.size < SMALLEST_LAYER) return undefined;
  return await unlessMalformed(blob, async () => {
    const table = await stargzTable(blob);
    return blob.wholeOnly ? undefined : table;
  });
}

/** The table of contents of an eStargz layer, to be read row by row. */
export interface StargzTable {
  /** Its bytes. */
  json: Bytes;
  /** Where it begins in the layer. */
  start: number;
  /** The file that it is in its layer. */
  entry: Entry;
}

/**
 * Reads the table of contents of an eStargz layer; `undefined` if it has none.
 *
 * @throws {TableTooLargeError} if it is larger than any that is read
 * @throws {MismatchError} if it is malformed, or its digest is not the one in the manifest
 */
export async function stargzTable(blob: LayerBlob): Promise<StargzTable | undefined> {
  const table = await findStargzTable(blob);
  if (!table) return undefined;
  requireTableInside(table, blob);
  return { start: table.start, ...await readStargz(blob, table) };
}

/** The error of a table of contents that is too large to be read. Its layer may be sound. */
export class TableTooLargeError extends MismatchError {}

function requireTableInside({ start, end }: TableRange, { size }: LayerBlob): void {
  if (end - start > LARGEST_TOC) throw new TableTooLargeError("it is too large");
  if (start < 0 || start > end || end > size) throw new MismatchError("it is outside the layer");
}

/**
 * Reads the footer of an eStargz layer: an empty gzip member of 51 bytes, whose extra field holds the table's offset.
 * In the older format the field lacks its subfield header, and the member has 47 bytes.
 */
async function findStargzTable(blob: LayerBlob): Promise<TableRange | undefined> {
  const digest = blob.annotations[STARGZ_TABLE_DIGEST];
  const footer = new TextDecoder("latin1").decode(await blob.slice(blob.size - 51, blob.size));
  const hex = footer.slice(16, 32);
  if (footer.slice(32, 38) !== "STARGZ" || !/^[0-9a-f]{16}$/.test(hex)) {
    if (digest === undefined) return undefined;
    throw new MismatchError("the manifest has its digest, but the layer has no table");
  }
  return { start: parseInt(hex, 16), end: blob.size - (footer.slice(12, 14) === "SG" ? 51 : 47), digest };
}

/** Reads the table of eStargz: the only file of a tar archive in a gzip member of its own, and a file of the layer. */
async function readStargz(
  blob: LayerBlob,
  { start, end, digest }: TableRange,
): Promise<{ json: Bytes; entry: Entry }> {
  const packed = await blob.slice(start, end);
  for await (
    const { extents, ...entry } of readTar(
      new StreamInput(decompress(onePiece(packed), "gzip", blob.signal)),
    )
  ) {
    const { path, size } = entry;
    if (path !== STARGZ_TABLE) break;
    if (size > LARGEST_TOC) throw new TableTooLargeError("it is too large");
    const json = await collect(ReadableStream.from(contentOf(extents())), size);
    if (digest === undefined || hasDigest(json, digest)) return { json, entry };
    throw new MismatchError(OTHER_DIGEST);
  }
  throw new MismatchError("the layer's footer does not point to it");
}

/** Reads the table's range from the annotations of the layer's descriptor, or from the footer of the layer. */
async function findChunkedTable(blob: LayerBlob): Promise<TableRange | undefined> {
  const annotation = (key: string) =>
    CHUNKED_PREFIXES.map((prefix) => blob.annotations[prefix + key]).find((each) => each);
  const position = /^(\d{1,15}):(\d{1,15}):/.exec(annotation("manifest-position") ?? "");
  if (position) {
    const start = Number(position[1]);
    return { start, end: start + Number(position[2]), digest: annotation("manifest-checksum") };
  }
  const footer = await blob.slice(blob.size - 64, blob.size);
  if (new TextDecoder("latin1").decode(footer.subarray(56)) !== CHUNKED_MAGIC) return undefined;
  // The skippable frame has eight numbers with tar-split and five without. The first four are the same.
  const view = new DataView(footer.buffer, 0, 64);
  const fieldsStart = view.getUint32(20, true) === 40 && view.getUint32(16, true) === 0x184d2a50 ? 24 : 0;
  const start = Number(view.getBigUint64(fieldsStart, true));
  return { start, end: start + Number(view.getBigUint64(fieldsStart + 8, true)), digest: undefined };
}

async function readChunked(blob: LayerBlob, { start, end, digest }: TableRange): Promise<Bytes> {
  const packed = await blob.slice(start, end);
  if (digest !== undefined && !hasDigest(packed, digest)) throw new MismatchError(OTHER_DIGEST);
  return await collect(ReadableStream.from(decompress(onePiece(packed), "zstd", blob.signal)), LARGEST_TOC);
}

const OTHER_DIGEST = "its digest is not the one in the manifest";

async function* onePiece(bytes: Bytes): AsyncGenerator<Bytes> {
  yield bytes;
}

async function* contentOf(extents: ReturnType<OpenEntry["extents"]>): AsyncGenerator<Bytes> {
  for await (const { bytes } of extents) yield bytes;
}
