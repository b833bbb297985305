/** Holds the index of a layout for many reads and changes: one writer at a time, and no parsing without need. @module */
import { join } from "node:path";
import { giveName, writeAndName } from "../content/atomic_file.ts";
import { lockLayout } from "./directory.ts";
import { LOCKS } from "./drafts.ts";
import { appendEntries } from "./entry_names.ts";
import { entriesOf, type IndexEntry } from "./index_entry.ts";
import { encodeIndex, type IndexJson } from "./index_json.ts";
import { readIndexFile } from "./read_index.ts";

/**
 * For how many milliseconds after a change an index is read again each time: file systems have coarse clocks, so another
 * change within the same tick leaves the file's time as it is.
 */
const SETTLED = 2000;

/** An index, and those of its entries that are understood. */
interface ParsedIndex {
  readonly index: IndexJson;
  readonly entries: IndexEntry[];
}

/** An index as it was read or written, and how its file looked then. */
interface KnownIndex extends ParsedIndex {
  /** A text that changes with the file. */
  readonly state: string;
  /** The file, if it was written here: while it is open no other file gets its number. */
  readonly file?: Deno.FsFile | undefined;
}

/** The entries of a layout, locked until the block ends. */
export interface LockedIndex extends Disposable {
  /** The entries when the lock was taken. */
  readonly entries: readonly IndexEntry[];
  /** Whether the layout lists something that is not understood. It stays listed. */
  readonly hasOthers: boolean;
  /** Takes entries away and adds others at the end, atomically. All that is not taken away stays as it is in the file. */
  change(change: IndexChange): Promise<void>;
}

/** What is to become of the list. */
interface IndexChange {
  /** Entries of the locked list. An equal entry that was read at another time is not taken away. */
  remove: readonly IndexEntry[];
  add?: readonly IndexEntry[];
}

/**
 * The index of one layout. What was read or written is remembered, and parsed again only when another process has changed the
 * file: with 100,000 tags that takes a second.
 */
export class IndexFile implements Disposable {
  readonly #directory: string;
  #known: KnownIndex | undefined;

  /** @param directory the layout's */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The entries as they are in the file now. */
  async read(): Promise<readonly IndexEntry[]> {
    return (await this.#current()).entries;
  }

  /** Locks the layout to change its index. */
  async lock(): Promise<LockedIndex> {
    const marker = await lockLayout(this.#directory);
    try {
      const { index, entries } = await this.#current();
      return {
        entries,
        hasOthers: entries.length < index.manifests.length,
        change: async (change) => await this.#change({ index, entries }, change),
        [Symbol.dispose]: () => marker[Symbol.dispose](),
      };
    } catch (error) {
      marker[Symbol.dispose]();
      throw error;
    }
  }

  /** The index that is known, if the file is certain to be unchanged since; otherwise the file is read. */
  async #current(): Promise<ParsedIndex> {
    const info = await Deno.stat(this.#path).catch(() => undefined);
    const state = info && stateOf(info);
    const isSettled = info?.mtime && Date.now() - info.mtime.getTime() >= SETTLED;
    if (this.#known && state === this.#known.state && (isSettled || this.#known.file)) return this.#known;
    const index = await readIndexFile(this.#directory);
    const entries = entriesOf(index.manifests);
    this.#keep(state !== undefined && isSettled ? { state, index, entries } : undefined);
    return { index, entries };
  }

  /** Writes the changed list. Only then the list in memory gets the added entries: there may be 100,000, too many to copy. */
  async #change({ index, entries }: ParsedIndex, { remove, add = [] }: IndexChange): Promise<void> {
    const gone = new Set<unknown>(remove.map(({ raw }) => raw));
    const isKept = (raw: unknown) => !gone.has(raw);
    const kept = gone.size === 0 ? { index, entries } : {
      index: { ...index, manifests: index.manifests.filter(isKept) },
      entries: entries.filter(({ raw }) => isKept(raw)),
    };
    const file = await this.#write(kept.index, add);
    for (const { raw } of add) kept.index.manifests.push(raw);
    appendEntries(kept.entries, add);
    this.#keep(file && { ...kept, state: stateOf(await file.stat()), file });
  }

  /** Writes the index with entries added at its end. Returns the file, still open, where that is possible. */
  async #write(index: IndexJson, add: readonly IndexEntry[]): Promise<Deno.FsFile | undefined> {
    let file: Deno.FsFile | undefined;
    await writeAndName(this.#path, encodeIndex(index, add), {
      name: async (temporary, path) => {
        if (LOCKS) file = await Deno.open(temporary); // on Windows an open file cannot be renamed
        await giveName(temporary, path);
      },
    }).catch((error) => {
      file?.close();
      throw error;
    });
    return file;
  }

  /** Remembers an index instead of the one before; `undefined` = none. */
  #keep(known: KnownIndex | undefined): void {
    this.#known?.file?.close();
    this.#known = known;
  }

  get #path(): string {
    return join(this.#directory, "index.json");
  }

  /** Forgets what is known, and closes the file. */
  [Symbol.dispose](): void {
    this.#keep(undefined);
  }
}

/** What the system says of a file, as a text that changes when the file is replaced or written. */
function stateOf({ dev, ino, size, mtime, ctime }: Deno.FileInfo): string {
  return JSON.stringify([dev, ino, size, mtime, ctime]);
}
