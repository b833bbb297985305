/** Journals: files in which a transfer records its progress, so that another process can resume it. @module */
import { join } from "node:path";
import * as v from "valibot";
import { systemWords } from "../content/system_words.ts";
import { makeDirectory, syncDirectory } from "../content/atomic_file.ts";
import { collectNext } from "../content/collect.ts";
import { hasName, openLocked } from "../content/open_locked.ts";
import { writeAllSync } from "../content/write_all.ts";
import { ConflictError } from "../errors.ts";
import type { OnEvent, TransferEvent } from "../events.ts";
import { digestOf, encodedPart } from "../oci/digest.ts";

/** What `openJournal` takes. */
export interface JournalOptions {
  /** The directory of all journals, which is made if it is missing. Absent = there is no journal. */
  directory: string | undefined;
  /** The transfer, as messages name it, such as `upload of disk to docker.io/me/files`. Each has a journal of its own. */
  name: string;
  /** The full address of the target, where two transfers may have one name. */
  where?: string | undefined;
  /** The content that the records are about, such as a file's path, size and date. Records about other content are dropped. */
  subject: string;
  onEvent?: OnEvent | undefined;
}

/** The journal of one transfer. No other process has it open. */
export interface Journal extends Disposable {
  /** The records of earlier processes, oldest first. They may be out of date: callers check them. */
  readonly earlier: readonly unknown[];
  /** Whether the journal had records about other content. */
  readonly changed: boolean;
  /** Whether it begins now, and is kept: a transfer of this name was never begun on this machine. */
  readonly begins: boolean;
  /** Adds a record. It survives the end of this process, however sudden; a power cut may lose it. */
  add(record: unknown): void;
  /** Replaces all records by one, so that nothing is left of the others. */
  replace(record: unknown): void;
  /** Closes and removes the journal: the transfer is complete. */
  discard(): void;
}

/** The size of the largest journal that is read, in bytes. No transfer writes so much. */
const MAX_SIZE = 512 * 1024 * 1024;
/** After how many milliseconds without a change a journal is removed. */
const MAX_AGE = 90 * 24 * 3600_000;

const firstSchema = v.object({ version: v.literal(1), name: v.string(), subject: v.string() });

/**
 * Opens a journal. Each line has a checksum: a line that a crash has torn or a disk has damaged is dropped, with all that
 * follow it. If no journal can be kept, an event says so, and the transfer goes on without one.
 *
 * @throws {ConflictError} if another process has it open, because the same transfer is under way there
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { directory, name, where, onEvent } = options;
  if (directory === undefined) return NO_JOURNAL;
  try {
    await makeDirectory(directory, { mode: 0o700 });
    await removeOldJournals(directory);
    const path = join(directory, fileName(name, where));
    const journal = read(path, await lockJournal(path, name), options);
    if (journal.earlier.length === 0) await syncDirectory(directory).catch(() => {}); // a lost journal costs time alone
    return journal;
  } catch (error) {
    if (error instanceof ConflictError) throw error;
    onEvent?.(notKept(options, error));
    return NO_JOURNAL;
  }
}

const NO_JOURNAL: Journal = {
  earlier: [],
  changed: false,
  begins: false,
  add() {},
  replace() {},
  discard() {},
  [Symbol.dispose]() {},
};

/** The file is named by a digest, because the name of a transfer may be long, and have any character. */
function fileName(name: string, where: string | undefined): string {
  return `${hash(JSON.stringify([name, where])).slice(0, 32)}.journal`;
}

/** Opens the file and locks it. Only its owner can read it: it may have the key of an upload. */
async function lockJournal(path: string, name: string): Promise<Deno.FsFile> {
  const file = await openLocked(path, {
    open: () => Deno.open(path, { read: true, write: true, create: true, mode: 0o600 }),
    busy: () => busyJournal(name),
  });
  try {
    const { mode } = await file.stat();
    if (mode !== null && (mode & 0o077) !== 0) await Deno.chmod(path, 0o600); // fails where it is another user's
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

function busyJournal(name: string): ConflictError {
  return new ConflictError(`another ${name} is under way on this machine`, {
    hint: "wait until it has ended, or end it; then run the same command again",
  });
}

function read(path: string, file: Deno.FsFile, options: JournalOptions): Journal {
  const { name, subject, onEvent } = options;
  const { records, length } = parseJournal(readAll(file));
  const about = v.safeParse(firstSchema, records[0]);
  const goesOn = about.success && about.output.name === name && about.output.subject === subject;
  file.truncateSync(goesOn ? length : 0);
  file.seekSync(0, Deno.SeekMode.End);
  if (!goesOn) writeLine(file, { version: 1, name, subject });
  let open = true;
  let writable = true;
  const close = () => {
    if (open) file.close();
    open = false;
  };
  const add = (record: unknown) => {
    try {
      if (writable) writeLine(file, record);
    } catch (error) { // a full disk is no reason to end a transfer over the network
      writable = false;
      onEvent?.(notKept(options, error));
    }
  };
  return {
    earlier: goesOn ? records.slice(1) : [],
    changed: about.success && !goesOn && records.length > 1,
    begins: records.length === 0,
    add,
    replace(record) {
      file.truncateSync(0);
      file.seekSync(0, Deno.SeekMode.Start);
      add({ version: 1, name, subject });
      add(record);
    },
    discard() {
      if (open) removeQuietly(path, onEvent);
      close();
    },
    [Symbol.dispose]: close,
  };
}

/** The transfer is complete: a journal that cannot be removed does no harm, so it is reported and not an error. */
function removeQuietly(path: string, onEvent: OnEvent | undefined): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    const message = `the journal ${path} could not be removed: ${systemWords(error as Error)}`;
    onEvent?.({ type: "notice", message });
  }
}

function notKept({ directory }: JournalOptions, error: unknown): TransferEvent {
  const why = error instanceof Error ? systemWords(error) : String(error);
  const message =
    `cannot keep a journal in ${directory}: after an interruption, transfers may start over (${why})`;
  return { type: "notice", message, noJournal: true };
}

function readAll(file: Deno.FsFile): Uint8Array {
  const { size } = file.statSync();
  if (size > MAX_SIZE) return new Uint8Array();
  return collectNext(file, size);
}

function writeLine(file: Deno.FsFile, record: unknown): void {
  writeAllSync(file, new TextEncoder().encode(journalLine(record)));
}

/** The records of a journal up to the first that is damaged, and how many bytes those take. */
export function parseJournal(bytes: Uint8Array): { records: unknown[]; length: number } {
  const records: unknown[] = [];
  let length = 0;
  for (let end; (end = bytes.indexOf(NEWLINE, length)) >= 0; length = end + 1) {
    const line = parseLine(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(length, end)));
    if (!line) break;
    records.push(line.record);
  }
  return { records, length };
}

const NEWLINE = 10;

function parseLine(line: string): { record: unknown } | undefined {
  const text = line.slice(CHECKSUM + 1);
  if (line !== `${checksum(text)} ${text}`) return undefined;
  try {
    return { record: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** A record as a line of a journal. */
export function journalLine(record: unknown): string {
  const text = JSON.stringify(record);
  return `${checksum(text)} ${text}\n`;
}

const CHECKSUM = 16;

function checksum(text: string): string {
  return hash(text).slice(0, CHECKSUM);
}

function hash(text: string): string {
  return encodedPart(digestOf(new TextEncoder().encode(text)));
}

/** Journals are small, but there is one for each stash; those of long ago go, unless they are in use. */
async function removeOldJournals(directory: string): Promise<void> {
  for await (const { name, isFile } of Deno.readDir(directory)) {
    if (isFile && name.endsWith(".journal")) await removeIfOld(join(directory, name)).catch(() => {});
  }
}

/** Fails where the journal is another user's, or another process has just removed it: then it concerns nobody here. */
async function removeIfOld(path: string): Promise<void> {
  const { mtime } = await Deno.lstat(path);
  if (!mtime || Date.now() - mtime.getTime() < MAX_AGE) return;
  using file = await Deno.open(path, { read: true, write: true });
  if (await file.tryLock(true) && await hasName(file, path)) await Deno.remove(path);
}
