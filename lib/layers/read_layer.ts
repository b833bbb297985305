/** Reads the entries of a layer, whatever its compression. @module */
import type { Bytes } from "../content/bytes.ts";
import { looksLikeAge } from "../encryption/header_text.ts";
import { needsKeyError } from "../encryption/identities.ts";
import { LayerstashError, MismatchError } from "../errors.ts";
import { quoted } from "../messages.ts";
import { titleOf } from "../oci/descriptor.ts";
import { compressionOf, decompress, unsupportedCompressionOf } from "./compression.ts";
import { normalPath, type OpenEntry } from "./entry.ts";
import { decompressBeside } from "./decoding_thread.ts";
import type { LayerBlob } from "./layer_blob.ts";
import { RangedInput } from "./ranged_input.ts";
import { NotAnArchiveError, readTar } from "./read_tar.ts";
import { StreamInput } from "./tar_input.ts";
import { findToc } from "./find_toc.ts";

/** Below this many packed bytes a thread costs more than it saves. */
const WORTH_A_THREAD = 2 * 1024 * 1024;

/** Options for reading a layer. */
export interface ReadLayerOptions {
  /**
   * What the reader wants: the names of all entries, also the contents of all, or some of either. `some` fetches in
   * small steps, so that little is wasted when the reader stops.
   */
  want: "names" | "bytes" | "some";
  /** Reads and verifies every byte: skips nothing, and uses no table of contents. */
  whole?: boolean | undefined;
  /** Ignores a table of contents. Positions in the table differ from those in the archive. */
  archive?: boolean | undefined;
}

/** A layer is not an archive, and is not said to be one: it holds something else, as layers of artifacts do. */
export class NoFilesError extends LayerstashError {}

/**
 * The entries of a layer, in the order of the archive. A table of contents (eStargz, zstd:chunked) is used if there is
 * one. In an uncompressed archive, contents that nobody reads are not fetched. An entry's content can be read until the
 * next entry is requested. To stop fetching, stop requesting entries.
 *
 * A layer that is not an archive, and has a title, is the file of that name: so oras stores files.
 *
 * @throws {MismatchError} if the layer is damaged, does not have its digest, or is not the tar archive that its media type
 *   says
 * @throws {NoFilesError} if the layer is something else
 */
export async function* readLayer(blob: LayerBlob, options: ReadLayerOptions): AsyncGenerator<OpenEntry> {
  const title = filePathOf(blob);
  let isEmpty = true;
  try {
    for await (const entry of layerEntries(blob, options)) {
      isEmpty = false;
      yield entry;
    }
  } catch (error) {
    if (!(error instanceof NotAnArchiveError)) throw error;
    if (title === undefined) throw whyNoFiles(blob, await blob.head(), error);
  }
  if (isEmpty && title !== undefined) yield wholeLayer(blob, title);
}

/** The path that a layer's title gives it; `undefined` if it has none. It does not lead out of the image. */
function filePathOf(blob: LayerBlob): string | undefined {
  const title = titleOf(blob) ?? "";
  return title.includes("\0") ? undefined : normalPath(title) || undefined;
}

/** A layer as one file. What it holds is verified when all of it is read. */
function wholeLayer(blob: LayerBlob, path: string): OpenEntry {
  const { size } = blob;
  return {
    ...{ path, name: path, type: "file", mode: 0o644, uid: 0, gid: 0, owner: "", group: "", size },
    ...{ modified: 0, position: 0 },
    lasting: { isProven: false },
    async *extents(from = 0) {
      let offset = from;
      for await (const bytes of blob.from(from, { all: from === 0 })) {
        yield { offset, bytes };
        offset += bytes.length;
      }
    },
  };
}

function whyNoFiles(
  { mediaType, digest }: LayerBlob,
  head: Bytes,
  cause: NotAnArchiveError,
): LayerstashError {
  if (looksLikeAge(head)) return needsKeyError("the layer");
  const packed = unsupportedCompressionOf(head);
  const why = packed ? `is compressed with ${packed}, which is not read` : "is not a tar archive";
  const message = `the layer ${why}; its media type is ${quoted(mediaType)}, its digest ${digest}`;
  const isSaidToBe = /[.]tar([+.](gzip|zstd))?$/.test(mediaType);
  return new (isSaidToBe ? MismatchError : NoFilesError)(message, { cause });
}

async function* layerEntries(
  blob: LayerBlob,
  { want, whole = false, archive = false }: ReadLayerOptions,
): AsyncGenerator<OpenEntry> {
  blob.hasProvenTable = false;
  if (blob.size === 0) return;
  const compression = compressionOf(await blob.head());
  const toc = whole || archive || want === "bytes" ? undefined : await findToc(blob, compression);
  if (toc) return yield* toc.entries();
  if (compression === "none" && !whole && want !== "bytes") {
    const input = new RangedInput(blob);
    try {
      yield* readTar(input, { onTorn: () => noticeTorn(blob) });
      await input.finish();
    } finally {
      await input.close();
    }
    return;
  }
  yield* readStream(blob, { compression, all: want !== "some" || whole });
}

async function* readStream(
  blob: LayerBlob,
  { compression, all }: { compression: ReturnType<typeof compressionOf>; all: boolean },
): AsyncGenerator<OpenEntry> {
  const source = blob.from(0, { all });
  const inThread = compression !== "none" && all && blob.size > WORTH_A_THREAD; // a thread reads far ahead
  const unpack = inThread ? decompressBeside : decompress;
  const input = new StreamInput(unpack(source, compression, blob.signal));
  try {
    yield* readTar(input, { onTorn: () => noticeTorn(blob) });
    await input.finish(); // what follows the archive's end counts for the checksums and the digest
  } finally {
    await input.close();
    await source.return(undefined);
  }
}

function noticeTorn(blob: LayerBlob): void {
  // Without a digest, so that it is said once for an image: umoci packs all of its layers so.
  blob.notice("a layer ends without the padding of its last file, which is whole: nothing is missing");
}
