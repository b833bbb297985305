/** Reads the entries of a layer, however it is packed. @module */
import { compressionOf, decompress } from "./compression.ts";
import type { OpenEntry } from "./entry.ts";
import type { LayerBlob } from "./layer_blob.ts";
import { RangedInput } from "./ranged_input.ts";
import { readTar } from "./read_tar.ts";
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
}

/**
 * The entries of a layer, in the order of the archive. A table of contents (eStargz, zstd:chunked) is used where there is
 * one; of an uncompressed archive the contents that nobody reads are not fetched. Each entry's bytes can be read before
 * the next is asked for. Who stops asking stops the fetching.
 *
 * @throws {MismatchError} when it is no tar archive, or it is damaged, or not what its digest says
 */
export async function* readLayer(
  blob: LayerBlob,
  { want, whole = false }: ReadLayerOptions,
): AsyncGenerator<OpenEntry> {
  if (blob.size === 0) return;
  const compression = compressionOf(await blob.head());
  const toc = whole || want === "bytes" ? undefined : await findToc(blob, compression);
  if (toc) return yield* toc.entries();
  if (compression === "none" && !whole && want !== "bytes") {
    const input = new RangedInput(blob);
    try {
      yield* readTar(input);
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
  const bytes = blob.from(0, { all });
  const input = new StreamInput(decompress(keptOpen(bytes), compression));
  try {
    yield* readTar(input);
    await input.close();
    for await (const _ of bytes); // what is behind the archive's end belongs to the digest
  } finally {
    await input.close();
    await bytes.return(undefined);
  }
}

/** The same pieces; that their reader has enough does not end the source. */
export function keptOpen<T>(source: AsyncGenerator<T>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => ({ next: () => source.next() }) };
}
