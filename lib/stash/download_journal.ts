/** What is known of the bytes in `FILE.part`, so that another process can go on with it. @module */
import * as v from "valibot";
import type { OnEvent } from "../events.ts";
import { digestOf } from "../oci/digest.ts";
import type { ByteRange } from "../content/source.ts";
import { ByteRanges } from "../transfer/byte_ranges.ts";
import { type Journal, openJournal } from "../files/journal.ts";
import type { PartialFile } from "../files/partial_file.ts";
import type { Chunk, Stash } from "./stash.ts";

/** Where the journal is kept. */
export interface DownloadJournalOptions {
  /** Absent = nowhere. */
  stateDirectory?: string | undefined;
  onEvent?: OnEvent | undefined;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** The part was empty; a chunk is bad; a range of a chunk is written. */
const recordSchema = v.union([
  v.object({ empty: v.literal(true) }),
  v.object({ chunk: count, bad: v.literal(true) }),
  v.object({ chunk: count, start: count, end: count }),
]);
type PartRecord = v.InferOutput<typeof recordSchema>;

/**
 * Opens the journal of a part. What it says is not believed, but hashed: it saves the fetching. A chunk that it says
 * nothing of may be there all the same, and is hashed too.
 *
 * @throws {ConflictError} when another download to the file is under way
 */
export async function openDownloadJournal(
  part: PartialFile,
  stash: Stash,
  { stateDirectory, onEvent }: DownloadJournalOptions,
): Promise<DownloadJournal> {
  const contents = stash.chunks.map(({ digest, size }) => [digest, size]);
  const journal = await openJournal({
    directory: stateDirectory,
    name: `download to ${await part.fullName()}`,
    subject: digestOf(new TextEncoder().encode(JSON.stringify([part.identity, contents]))),
    onEvent,
  });
  if (journal.changed && part.found > 0) {
    const message = `${part.path} was begun for other content: what does not fit is fetched again`;
    onEvent?.({ type: "notice", message });
  }
  return new DownloadJournal(journal, part, { stash, onEvent });
}

/** What is known of each chunk. */
export class DownloadJournal implements Disposable {
  readonly #journal: Journal;
  readonly #part: PartialFile;
  readonly #stash: Stash;
  readonly #onEvent: OnEvent | undefined;
  /** By chunk number. No entry = nothing is known: the part is to be looked at. */
  readonly #written: Map<number, ByteRanges> = new Map();
  /** Chunks of which the journal's earlier records say something. */
  readonly #claimed: Set<number> = new Set();

  /** Reads what earlier processes wrote down. */
  constructor(
    journal: Journal,
    part: PartialFile,
    { stash, onEvent }: { stash: Stash; onEvent: OnEvent | undefined },
  ) {
    this.#journal = journal;
    this.#part = part;
    this.#stash = stash;
    this.#onEvent = onEvent;
    for (const record of journal.earlier) {
      const { success, output } = v.safeParse(recordSchema, record);
      if (success) this.#take(output, part.found);
    }
    if (part.found === 0) this.#add({ empty: true });
    for (const [number, ranges] of this.#written) if (ranges.bytes > 0) this.#claimed.add(number);
  }

  /** What may be in the part of a chunk. */
  have({ number, size, position }: Chunk): readonly ByteRange[] {
    const written = this.#written.get(number);
    if (written) return written.all();
    return position + size <= this.#part.found && this.#part.found > 0 ? [{ start: 0, end: size }] : [];
  }

  /** How many bytes have still to be written, as far as that is known. */
  get missing(): number {
    return this.#written.values().reduce((missing, { bytes }) => missing - bytes, this.#stash.size);
  }

  /** Writes down that a range of a chunk is in the part. */
  written({ number: chunk }: Chunk, range: ByteRange): void {
    this.#add({ chunk, ...range });
  }

  /** Writes down that all of a chunk is in the part. */
  complete(chunk: Chunk): void {
    if (this.#written.get(chunk.number)?.bytes === chunk.size) return;
    this.written(chunk, { start: 0, end: chunk.size });
  }

  /** Writes down that a chunk is bad; tells it where the journal said otherwise. */
  bad({ number: chunk }: Chunk): void {
    if (this.#claimed.delete(chunk)) {
      const message = `what ${this.#part.path} has of chunk ${chunk} is bad: the chunk is fetched again`;
      this.#onEvent?.({ type: "notice", message });
    }
    this.#add({ chunk, bad: true });
  }

  /** Ends the journal: there is nothing left to go on with. */
  discard(): void {
    this.#journal.discard();
  }

  /** Closes the journal. */
  [Symbol.dispose](): void {
    this.#journal[Symbol.dispose]();
  }

  #add(record: PartRecord): void {
    this.#journal.add(record);
    this.#take(record);
  }

  /** A part that was cut off by hand has nothing behind its end. */
  #take(record: PartRecord, fileSize = Infinity): void {
    if ("empty" in record) return this.#clear();
    const chunk = this.#stash.chunks[record.chunk - 1];
    if (!chunk) return;
    if ("bad" in record) return void this.#written.set(chunk.number, new ByteRanges());
    const ranges = this.#written.get(chunk.number) ?? new ByteRanges();
    ranges.add({ start: record.start, end: Math.min(record.end, chunk.size, fileSize - chunk.position) });
    this.#written.set(chunk.number, ranges);
  }

  /** Nothing is there of any chunk. */
  #clear(): void {
    for (const { number } of this.#stash.chunks) this.#written.set(number, new ByteRanges());
  }
}
