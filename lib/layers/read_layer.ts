/** Reads the entries of a layer, whatever its compression. @module */
import { MismatchError } from "../errors.ts";
import { quoted } from "../messages.ts";
import { compressionOf, decompress } from "./compression.ts";
import type { OpenEntry } from "./entry.ts";
import type { LayerBlob } from "./layer_blob.ts";
import { RangedInput } from "./ranged_input.ts";
import { NotAnArchiveError, readTar } from "./read_tar.ts";
import { StreamInput } from "./tar_input.ts";
import { findToc } from "./find_toc.ts";

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

/**
 * The entries of a layer, in the order of the archive. A table of contents (eStargz, zstd:chunked) is used if there is
 * one. In an uncompressed archive, contents that nobody reads are not fetched. An entry's content can be read until the
 * next entry is requested. To stop fetching, stop requesting entries.
 *
 * @throws {MismatchError} if the layer is not a tar archive, is damaged, or does not have its digest
 */
export async function* readLayer(blob: LayerBlob, options: ReadLayerOptions): AsyncGenerator<OpenEntry> {
  try {
    yield* layerEntries(blob, options);
  } catch (error) {
    if (!(error instanceof NotAnArchiveError)) throw error;
    const known = `its media type is ${quoted(blob.mediaType)}, its digest ${blob.digest}`;
    throw new MismatchError(`the layer is not a tar archive; ${known}`, { cause: error });
  }
}

async function* layerEntries(
  blob: LayerBlob,
  { want, whole = false, archive = false }: ReadLayerOptions,
): AsyncGenerator<OpenEntry> {
  if (blob.size === 0) return;
  const compression = compressionOf(await blob.head());
  const toc = whole || archive || want === "bytes" ? undefined : await findToc(blob, compression);
  if (toc) return yield* toc.entries();
  if (compression === "none" && !whole && want !== "bytes") {
    const input = new RangedInput(blob);
    try {
      yield* readTar(input, () => noticeTorn(blob));
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
  const bytes = keptOpen(source);
  const input = new StreamInput(decompress(bytes, compression));
  try {
    yield* readTar(input, () => noticeTorn(blob));
    await input.close();
    for await (const _ of bytes); // the bytes after the archive's end count for the digest
  } finally {
    await input.close();
    await source.return(undefined);
  }
}

function noticeTorn(blob: LayerBlob): void {
  blob.notice(`the layer ${blob.digest} ends without the padding of its last file, which is whole`);
}

/**
 * An iterable over the same source that does not end it when a `for await` stops early. If the source failed, reading
 * on fails again: the gzip decoder reads ahead, and may meet the error after its own reader has left.
 */
export function keptOpen<T>(source: AsyncGenerator<T>): AsyncIterable<T> {
  let failed: Promise<IteratorResult<T>> | undefined;
  const next = async () => {
    if (failed) return await failed;
    const result = source.next();
    return await result.catch(() => failed = result);
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}
