/** What is known of the file itself while its chunks are encrypted. @module */
import * as v from "valibot";
import { streamed } from "../content/byte_stream.ts";
import type { Bytes, ByteStream } from "../content/bytes.ts";
import { RunningHash } from "../content/running_hash.ts";
import type { Source } from "../content/source.ts";
import type { InputChunk } from "../files/input.ts";
import type { Journal } from "../files/journal.ts";
import { type Digest, isDigest } from "../oci/digest.ts";

/** How a journal keeps the digest of the bytes in a chunk. */
const plainSchema = v.object({ chunk: v.number(), plain: v.custom<Digest>(isDigest) });

/** The bytes of the file itself: the digests of those in each chunk. */
export class PlainFile {
  readonly #journal: Journal;
  readonly #known: Map<number, Digest> = new Map();
  readonly #watched: Map<number, { source: Source; hash: RunningHash }> = new Map();

  /** Knows what the records of an earlier process say, if it had the same slices. */
  constructor(journal: Journal, earlier: readonly unknown[]) {
    this.#journal = journal;
    for (const record of earlier) {
      const { success, output } = v.safeParse(plainSchema, record);
      if (success) this.#known.set(output.chunk, output.plain);
    }
  }

  /** How many bytes have passed, of an input whose size was not known. */
  get size(): number {
    return this.#watched.values().reduce((sum, { source, hash }) => sum + (source.size ?? hash.position), 0);
  }

  /** The source of a chunk, which is hashed as it is read. */
  watch({ number, source }: Pick<InputChunk, "number" | "source">): Source {
    const hash = new RunningHash();
    this.#watched.set(number, { source, hash });
    return { ...source, open: (start, end) => streamed(seen(source.open(start, end), hash, start)) };
  }

  /** Keeps the digest of a chunk that was stored, so that another process need not read it again. */
  keep(number: number): void {
    const plain = this.#passed(number);
    if (plain !== undefined) this.#journal.add({ chunk: number, plain });
  }

  /** The digests of so many chunks. A chunk that did not pass as a whole is read once more. */
  async digests(count: number): Promise<Digest[]> {
    const digests: Digest[] = [];
    for (let number = 1; number <= count; number++) {
      digests.push(
        this.#passed(number) ?? this.#known.get(number) ?? await this.#watched.get(number)!.source.digest(),
      );
    }
    return digests;
  }

  #passed(number: number): Digest | undefined {
    const { source, hash } = this.#watched.get(number)!;
    return hash.digest(source.size ?? hash.position);
  }
}

/** The bytes of a stream, hashed as they pass. */
async function* seen(stream: ByteStream, hash: RunningHash, offset = 0): AsyncGenerator<Bytes, void> {
  for await (const piece of stream) {
    hash.see(piece, offset);
    offset += piece.length;
    yield piece;
  }
}
