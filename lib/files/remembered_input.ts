/** An input whose journal keeps digests and upload progress of its chunks from one process to the next. @module */
import * as v from "valibot";
import type { OnEvent } from "../events.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { Checkpoint, Store, UploadPoint } from "../store/store.ts";
import { type Journal, openJournal } from "./journal.ts";
import type { Input, InputChunk } from "./input.ts";

/** What `rememberInput` takes. */
export interface MemoryOptions {
  /** Where the input is stored. */
  store: Pick<Store, "name" | "url">;
  /** What it is stored as, for messages: the name of a stash, or the path of a file that becomes a blob. */
  name: string;
  /** The directory of the journal; absent = there is none. */
  stateDirectory?: string | undefined;
  onEvent?: OnEvent | undefined;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** How a journal says how far an upload has come. */
export const pointSchema: v.GenericSchema<unknown, UploadPoint> = v.object({
  location: v.string(),
  acknowledged: count,
  sent: count,
  partSize: v.optional(v.pipe(count, v.minValue(1))),
});

const recordSchema = v.object({
  start: count,
  end: count,
  digest: v.optional(v.custom<Digest>(isDigest)),
  point: v.optional(pointSchema),
});

/**
 * Gives an input a journal, which keeps the digests of its chunks, and how much of each the registry has. Records are
 * dropped when the size or a date of the file changes. Until the result is disposed of, no other process on this machine
 * stores the same; the given input has to be disposed of by itself.
 *
 * @throws {ConflictError} if another process stores the same
 */
export async function rememberInput<I extends Input>(input: I, options: MemoryOptions): Promise<I> {
  const { store, name, stateDirectory, onEvent } = options;
  const journal = await openJournal({
    directory: stateDirectory,
    name: `upload of ${name} to ${store.name}`,
    where: store.url,
    subject: input.identity ?? crypto.randomUUID(),
    onEvent,
  });
  const end = () => Promise.resolve(journal[Symbol.dispose]());
  const isFirst = journal.begins;
  if (!input.identity) return { ...input, isFirst, [Symbol.asyncDispose]: end };
  const memory = new Memory(journal);
  return {
    ...input,
    isFirst,
    *chunks(chunkSize) {
      for (const chunk of input.chunks(chunkSize) as Iterable<InputChunk>) {
        yield memory.of(chunk, (chunk.number - 1) * chunkSize);
      }
    },
    [Symbol.asyncDispose]: end,
  };
}

/** Digests and upload points by the range of bytes that a chunk has in the file. */
class Memory {
  readonly #journal: Journal;
  readonly #digests: Map<string, Digest> = new Map();
  readonly #points: Map<string, UploadPoint> = new Map();

  constructor(journal: Journal) {
    this.#journal = journal;
    for (const record of journal.earlier) {
      const { success, output } = v.safeParse(recordSchema, record);
      if (!success) continue;
      const key = `${output.start}-${output.end}`;
      if (output.digest) this.#digests.set(key, output.digest);
      if (output.point) this.#points.set(key, output.point);
    }
  }

  of(chunk: InputChunk, start: number): InputChunk {
    const { source } = chunk;
    const range = { start, end: start + (source.size ?? 0) };
    const key = `${range.start}-${range.end}`;
    const remember = (digest: Digest) => {
      chunk.remember?.(digest);
      if (this.#digests.get(key) !== digest) this.#journal.add({ ...range, digest });
      this.#digests.set(key, digest);
      return digest;
    };
    const checkpoint: Checkpoint = {
      last: this.#points.get(key),
      save: (point) => {
        this.#points.set(key, point);
        this.#journal.add({ ...range, point });
      },
    };
    const digest = async (onBytes?: (bytes: number) => void) => remember(await source.digest(onBytes));
    return { ...chunk, remember, checkpoint, source: { ...source, known: this.#digests.get(key), digest } };
  }
}
