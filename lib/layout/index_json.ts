/** The file `index.json` of an OCI image layout (OCI image spec, image-layout.md). @module */
import * as v from "valibot";
import { join } from "node:path";
import { giveName, writeAndName } from "../content/atomic_file.ts";
import { collectFile } from "../content/collect.ts";
import { denied } from "../content/file_errors.ts";
import { InvalidInputError, LayerstashError, MismatchError } from "../errors.ts";
import { parseAs } from "../oci/manifest.ts";
import { IMAGE_INDEX } from "../oci/media_types.ts";
import { hasManifests, howToRestore, indexLost, lockLayout } from "./directory.ts";
import { LOCKS } from "./drafts.ts";
import { appendEntries } from "./entry_names.ts";
import { entriesOf, type IndexEntry } from "./index_entry.ts";

/** The largest `index.json` that is read, in bytes. With 100,000 tags it has some 30 MB. */
export const MAX_INDEX_SIZE: number = 256 * 1024 * 1024;

/** The index as it is in the file. Fields of other tools are kept as they are. */
interface Index {
  manifests: unknown[];
  [field: string]: unknown;
}

const indexSchema: v.GenericSchema<unknown, Index> = v.looseObject({
  manifests: v.nullish(v.array(v.unknown()), []), // tools written in Go write null for an empty list
});

/**
 * The entries of an index by its bytes.
 *
 * @param what names the index in messages
 * @throws {MismatchError} if it is malformed
 */
export function parseEntries(bytes: Uint8Array, what: string): IndexEntry[] {
  return entriesOf(parseAs(indexSchema, bytes, what).manifests);
}

/** Reads the entries of a layout. A layout that does not exist yet has no entries. */
export async function readEntries(directory: string): Promise<IndexEntry[]> {
  return entriesOf((await readIndexFile(directory)).manifests);
}

/** An index that was changed so lately, in milliseconds, may change once more without showing it: clocks of disks are coarse. */
const SETTLED = 2000;

/** An index, and those of its entries that are understood. */
interface ParsedIndex {
  readonly index: Index;
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

interface IndexChange {
  remove: readonly IndexEntry[];
  add?: readonly IndexEntry[];
}

/**
 * The index of one layout. It is parsed again only when another has changed the file: with 100,000 tags that takes a second.
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

  /** Writes the changed list; when it has its name, the list that is known is changed, too: there may be 100,000 entries. */
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
  async #write(index: Index, add: readonly IndexEntry[]): Promise<Deno.FsFile | undefined> {
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

/** How many entries are encoded at a time: with 100,000 tags the whole has some 30 MB. */
const ENTRIES_AT_ONCE = 1000;

function* encodeIndex(
  { manifests, ...fields }: Index,
  add: readonly IndexEntry[],
): Generator<Uint8Array<ArrayBuffer>, void> {
  const encoder = new TextEncoder();
  const head = JSON.stringify({ schemaVersion: 2, mediaType: IMAGE_INDEX.oci, ...fields });
  yield encoder.encode(`${head.slice(0, -1)},"manifests":[`);
  const count = manifests.length + add.length;
  for (let from = 0; from < count; from += ENTRIES_AT_ONCE) {
    const raw = manifests.slice(from, from + ENTRIES_AT_ONCE);
    const [first, end] = [Math.max(0, from - manifests.length), from + ENTRIES_AT_ONCE - manifests.length];
    if (end > 0) raw.push(...add.slice(first, end).map((entry) => entry.raw));
    yield encoder.encode(`${from > 0 ? "," : ""}${JSON.stringify(raw).slice(1, -1)}`);
  }
  yield encoder.encode("]}");
}

function stateOf({ dev, ino, size, mtime, ctime }: Deno.FileInfo): string {
  return JSON.stringify([dev, ino, size, mtime, ctime]);
}

/** An index that is missing is looked for again after the manifests: a first writer may have come in between. */
async function readIndexFile(directory: string): Promise<Index> {
  const index = await readIfThere(directory);
  if (index) return index;
  if (!await hasManifests(directory)) return { manifests: [] };
  const later = await readIfThere(directory);
  if (later) return later;
  throw indexLost(directory);
}

/** A symbolic link is followed here; the next change replaces it with a file. */
async function readIfThere(directory: string): Promise<Index | undefined> {
  const path = join(directory, "index.json");
  try {
    return parseAs(indexSchema, await readWhole(path), `index ${path}`);
  } catch (error) {
    if (error instanceof MismatchError) {
      throw error.with({ hint: error.hint ?? howToRestore(directory), cause: error });
    }
    if (error instanceof LayerstashError) throw error;
    if (await isFile(directory)) throw notADirectory(`${directory} is a file, and a layout is a directory`);
    if (error instanceof Deno.errors.NotADirectory) {
      throw notADirectory(`a part of the path ${directory} is a file`);
    }
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw denied(error, `${path} may not be read: permission denied`) ??
      new LayerstashError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isFile }) => isFile, () => false);
}

/** The error for a layout that is not a directory. Other programs also take archives of layouts, so the hint unpacks one. */
function notADirectory(message: string): InvalidInputError {
  return new InvalidInputError(message, {
    hint: "unpack an archive first, as in: tar xf FILE -C DIR",
  });
}

/** Reads an ordinary file: a device or a pipe might never end, or never begin. */
async function readWhole(path: string): Promise<Uint8Array> {
  const { isFile, size } = await Deno.stat(path);
  if (!isFile) throw new MismatchError(`${path} is not an ordinary file`);
  if (size <= MAX_INDEX_SIZE) return await collectFile(path, MAX_INDEX_SIZE);
  throw new MismatchError(
    `the index ${path} is too large: it has ${size} bytes, and at most ${MAX_INDEX_SIZE} are read`,
  );
}
