/** Finds the table of contents of a layer: that of eStargz, or of zstd:chunked. @module */
import { MismatchError } from "../errors.ts";
import { digestOf } from "../oci/digest.ts";
import { collect } from "../content/collect.ts";
import { type Compression, decompress } from "./compression.ts";
import type { LayerBlob } from "./layer_blob.ts";
import { readTar } from "./read_tar.ts";
import { StreamInput } from "./tar_input.ts";
import { LARGEST_TOC, Toc } from "./toc.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A smaller layer is read as it is: that takes no longer, and proves it. In bytes. */
const WORTH_IT = 256 * 1024;

/** Where a packed table is, and the digest that the manifest gives it; without one it is as good as all that is unproven. */
interface Place {
  start: number;
  end: number;
  /** Of the table: packed for zstd:chunked, unpacked for eStargz. */
  digest: string | undefined;
}

const STARGZ_DIGEST = "containerd.io/snapshot/stargz/toc.digest";
/** Early versions left out `github`. */
const CHUNKED = ["io.github.containers.zstd-chunked.", "io.containers.zstd-chunked."];
const CHUNKED_MARK = "GnUlInUx";

/**
 * The table of a layer; `undefined` = it has none, or none that can be used: then there is an event that says why.
 * The table that the manifest names by digest proves what is read by it.
 */
export async function findToc(blob: LayerBlob, compression: Compression): Promise<Toc | undefined> {
  if (compression === "none" || blob.size < WORTH_IT || blob.wholeOnly) return undefined;
  try {
    const place = compression === "gzip" ? await placeOfStargz(blob) : await placeOfChunked(blob);
    if (!place) return undefined;
    requireInside(place, blob);
    const json = compression === "gzip" ? await readStargz(blob, place) : await readChunked(blob, place);
    const toc = new Toc(json, { blob, compression });
    blob.hasProvenTable = place.digest !== undefined && toc.provesAll;
    return toc;
  } catch (error) {
    if (!(error instanceof MismatchError)) throw error;
    blob.notice(`the table of contents of the layer ${blob.digest} is not used: ${error.message}`);
    return undefined;
  }
}

function requireInside({ start, end }: Place, { size }: LayerBlob): void {
  if (start >= 0 && start <= end && end <= size && end - start <= LARGEST_TOC) return;
  throw new MismatchError("it is too large, or not in the layer");
}

/**
 * The footer is an empty gzip member of 51 bytes; the place stands in its extra field. In that of older layers there is no
 * mark before it, and the member has 47: so the place is at the same distance from the end.
 */
async function placeOfStargz(blob: LayerBlob): Promise<Place | undefined> {
  const digest = blob.annotations[STARGZ_DIGEST];
  const footer = new TextDecoder("latin1").decode(await blob.slice(blob.size - 51, blob.size));
  const hex = footer.slice(16, 32);
  if (footer.slice(32, 38) !== "STARGZ" || !/^[0-9a-f]{16}$/.test(hex)) {
    if (digest === undefined) return undefined;
    throw new MismatchError("the manifest names one, and the layer has none");
  }
  return { start: parseInt(hex, 16), end: blob.size - (footer.slice(12, 14) === "SG" ? 51 : 47), digest };
}

/** It is the one file of a tar archive, in a gzip member of its own. */
async function readStargz(blob: LayerBlob, { start, end, digest }: Place): Promise<Bytes> {
  const packed = await blob.slice(start, end);
  for await (const { name, size, extents } of readTar(new StreamInput(decompress(once(packed), "gzip")))) {
    if (name !== "stargz.index.json") break;
    if (size > LARGEST_TOC) throw new MismatchError("it is too large");
    const json = await collect(ReadableStream.from(bytesOf(extents())), size);
    if (digest === undefined || digestOf(json) === digest) return json;
    throw new MismatchError("it has not the digest that the manifest gives it");
  }
  throw new MismatchError("it is not where the layer's footer says");
}

async function placeOfChunked(blob: LayerBlob): Promise<Place | undefined> {
  const note = (key: string) => CHUNKED.map((prefix) => blob.annotations[prefix + key]).find((each) => each);
  const position = /^(\d{1,15}):(\d{1,15}):/.exec(note("manifest-position") ?? "");
  if (position) {
    const start = Number(position[1]);
    return { start, end: start + Number(position[2]), digest: note("manifest-checksum") };
  }
  const footer = await blob.slice(blob.size - 64, blob.size);
  if (new TextDecoder("latin1").decode(footer.subarray(56)) !== CHUNKED_MARK) return undefined;
  // The frame before the mark has eight numbers with tar-split, and five without: the first four are the same.
  const view = new DataView(footer.buffer, 0, 64);
  const fieldsStart = view.getUint32(20, true) === 40 && view.getUint32(16, true) === 0x184d2a50 ? 24 : 0;
  const start = Number(view.getBigUint64(fieldsStart, true));
  return { start, end: start + Number(view.getBigUint64(fieldsStart + 8, true)), digest: undefined };
}

async function readChunked(blob: LayerBlob, { start, end, digest }: Place): Promise<Bytes> {
  const packed = await blob.slice(start, end);
  if (digest !== undefined && digestOf(packed) !== digest) {
    throw new MismatchError("it has not the digest that the manifest gives it");
  }
  return await collect(ReadableStream.from(decompress(once(packed), "zstd")), LARGEST_TOC);
}

async function* once(bytes: Bytes): AsyncGenerator<Bytes> {
  yield bytes;
}

async function* bytesOf(extents: AsyncGenerator<{ bytes: Bytes }>): AsyncGenerator<Bytes> {
  for await (const { bytes } of extents) yield bytes;
}
