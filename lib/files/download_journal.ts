/** The journal of a download: which bytes of `FILE.part` are good, so that another process can resume. @module */
import * as v from "valibot";
import type { ByteRange } from "../content/source.ts";
import type { OnEvent } from "../events.ts";
import { digestOf } from "../oci/digest.ts";
import { ByteRanges } from "../transfer/byte_ranges.ts";
import type { FetchLog } from "../transfer/incoming_blob.ts";
import { type PlacedBlob, sizeOfFile } from "../transfer/placed_blob.ts";
import { type Journal, openJournal } from "./journal.ts";
import type { PartialFile } from "./partial_file.ts";

/** Where the journal is kept. */
export interface DownloadJournalOptions {
  /** The directory of the journal; absent = there is none. */
  stateDirectory?: string | undefined;
  onEvent?: OnEvent | undefined;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** The partial file was empty; what it has of a blob is bad; a range of a blob is written. Blobs count from 1. */
const recordSchema = v.union([
  v.object({ empty: v.literal(true) }),
  v.object({ blob: count, bad: v.literal(true) }),
  v.object({ blob: count, start: count, end: count }),
]);
type DownloadRecord = v.InferOutput<typeof recordSchema>;

/** Early versions of the program wrote `chunk` where `blob` stands now. */
function withBlob(record: unknown): unknown {
  if (typeof record !== "object" || record === null || !("chunk" in record)) return record;
  const { chunk, ...rest } = record;
  return { blob: chunk, ...rest };
}

/**
 * Opens the journal of a partial file. Its records are not believed, but hashed: they save the fetching. Where it does
 * not mention a blob, the partial file may have it all the same, and is hashed too.
 *
 * @param blobs the blobs that make up the file
 * @throws {ConflictError} if another process downloads to the file
 */
export async function openDownloadJournal(
  partial: PartialFile,
  blobs: readonly PlacedBlob[],
  { stateDirectory, onEvent }: DownloadJournalOptions,
): Promise<DownloadJournal> {
  const contents = blobs.map(({ digest, size }) => [digest, size]);
  const journal = await openJournal({
    directory: stateDirectory,
    name: `download to ${await partial.fullName()}`,
    subject: digestOf(new TextEncoder().encode(JSON.stringify([partial.identity, contents]))),
    onEvent,
  });
  if (journal.changed && partial.found > 0) {
    const message = `${partial.path} was begun for other content: what does not fit is fetched again`;
    onEvent?.({ type: "notice", message });
  }
  return new DownloadJournal(journal, partial, { blobs, onEvent });
}

/** Which bytes of each blob the partial file has. */
export class DownloadJournal implements FetchLog, Disposable {
  readonly #journal: Journal;
  readonly #partial: PartialFile;
  readonly #blobs: readonly PlacedBlob[];
  readonly #onEvent: OnEvent | undefined;
  /** By the number of the blob. No entry = unknown: the bytes in the partial file decide. */
  readonly #written: Map<number, ByteRanges> = new Map();
  /** The numbers of blobs of which earlier records claim bytes. */
  readonly #claimed: Set<number> = new Set();

  /** Whether an earlier process has recorded something about a partial file of this name. */
  readonly resumes: boolean;

  /** Reads the records of earlier processes. */
  constructor(
    journal: Journal,
    partial: PartialFile,
    { blobs, onEvent }: { blobs: readonly PlacedBlob[]; onEvent: OnEvent | undefined },
  ) {
    this.#journal = journal;
    this.#partial = partial;
    this.#blobs = blobs;
    this.#onEvent = onEvent;
    this.resumes = journal.earlier.length > 0 || journal.changed;
    for (const record of journal.earlier) {
      const { success, output } = v.safeParse(recordSchema, withBlob(record));
      if (success) this.#apply(output, partial.found);
    }
    if (partial.found === 0) this.#add({ empty: true });
    for (const [number, ranges] of this.#written) if (ranges.bytes > 0) this.#claimed.add(number);
  }

  /** Which bytes of a blob the partial file may have. */
  present({ number, size, at }: PlacedBlob): readonly ByteRange[] {
    const written = this.#written.get(number);
    if (written) return written.all();
    const { found } = this.#partial;
    return found > 0 && at + size <= found ? [{ start: 0, end: size }] : [];
  }

  /** How many bytes have still to be written, as far as that is known. */
  get missing(): number {
    const size = sizeOfFile(this.#blobs);
    return this.#written.values().reduce((missing, { bytes }) => missing - bytes, size);
  }

  /** Records that the partial file has a range of a blob. */
  written({ number: blob }: PlacedBlob, range: ByteRange): void {
    this.#add({ blob, ...range });
  }

  /** Records that the partial file has all of a blob. */
  complete(blob: PlacedBlob): void {
    if (this.#written.get(blob.number)?.bytes === blob.size) return;
    this.written(blob, { start: 0, end: blob.size });
  }

  /** Records that the bytes of a blob are bad. An event says so where an earlier process had recorded that they are there. */
  bad({ number: blob, what }: PlacedBlob): void {
    if (this.#claimed.delete(blob)) {
      const message = `${this.#partial.path} has bad bytes of ${what}: they are fetched again`;
      this.#onEvent?.({ type: "notice", message });
    }
    this.#add({ blob, bad: true });
  }

  /** Removes the journal: the download is complete. */
  discard(): void {
    this.#journal.discard();
  }

  /** Closes the journal. */
  [Symbol.dispose](): void {
    this.#journal[Symbol.dispose]();
  }

  #add(record: DownloadRecord): void {
    this.#journal.add(record);
    this.#apply(record);
  }

  /** A partial file that was truncated by hand has nothing after its end. */
  #apply(record: DownloadRecord, fileSize = Infinity): void {
    if ("empty" in record) return this.#clear();
    const blob = this.#blobs[record.blob - 1];
    if (!blob) return;
    if ("bad" in record) return void this.#written.set(blob.number, new ByteRanges());
    const ranges = this.#written.get(blob.number) ?? new ByteRanges();
    ranges.add({ start: record.start, end: Math.min(record.end, blob.size, fileSize - blob.at) });
    this.#written.set(blob.number, ranges);
  }

  /** The partial file has no bytes of any blob. */
  #clear(): void {
    for (const { number } of this.#blobs) this.#written.set(number, new ByteRanges());
  }
}
