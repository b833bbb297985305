/** Reads the entries of a layer, however it is packed. @module */
import { MismatchError } from "../errors.ts";
import { quoted } from "../messages.ts";
import { compressionOf, decompress } from "./compression.ts";
import type { OpenEntry } from "./entry.ts";
import type { LayerBlob } from "./layer_blob.ts";
import { RangedInput } from "./ranged_input.ts";
import { NoArchiveError, readTar } from "./read_tar.ts";
import { StreamInput } from "./tar_input.ts";
import { findToc } from "./find_toc.ts";

/** How a layer is read. */
export interface ReadLayerOptions {
  /**
   * Set where every entry is wanted for its name only, or for its bytes, too. `some` fetches in small steps, so that
   * little is lost when the reader stops.
   */
  want: "names" | "bytes" | "some";
  /** Reads every byte, and verifies them: no leaps, no table of contents. */
  whole?: boolean | undefined;
  /** Reads the archive, also where there is a table of contents. Positions in one are not those in the other. */
  archive?: boolean | undefined;
}

/**
 * The entries of a layer, in the order of the archive. A table of contents (eStargz, zstd:chunked) is used where there is
 * one; of an uncompressed archive the contents that nobody reads are not fetched. Each entry's bytes can be read before
 * the next is asked for. Who stops asking stops the fetching.
 *
 * @throws {MismatchError} when it is no tar archive, or it is damaged, or not what its digest says
 */
export async function* readLayer(blob: LayerBlob, options: ReadLayerOptions): AsyncGenerator<OpenEntry> {
  try {
    yield* readEntries(blob, options);
  } catch (error) {
    if (!(error instanceof NoArchiveError)) throw error;
    const known = `its media type is ${quoted(blob.mediaType)}, its digest ${blob.digest}`;
    throw new MismatchError(`the layer is no tar archive; ${known}`, { cause: error });
  }
}

async function* readEntries(
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
      yield* readTar(input);
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
    yield* readTar(input);
    await input.close();
    for await (const _ of bytes); // what is behind the archive's end belongs to the digest
  } finally {
    await input.close();
    await source.return(undefined);
  }
}

/**
 * The same pieces; that one reader has enough does not end the source. With what it has failed it fails again: who reads
 * ahead, as the decoder of gzip does, may have been told of it after its own reader had left.
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
