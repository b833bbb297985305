/** The file `index.json` of an OCI image layout (OCI image spec, image-layout.md). @module */
import * as v from "valibot";
import { join } from "node:path";
import { writeAtomically } from "../content/atomic_file.ts";
import { collectFile } from "../content/collect.ts";
import { denied } from "../content/file_errors.ts";
import { InvalidInputError, LayerstashError, MismatchError } from "../errors.ts";
import { parseAs } from "../oci/manifest.ts";
import { IMAGE_INDEX } from "../oci/media_types.ts";
import { hasManifests, howToRestore, indexLost, lockLayout } from "./directory.ts";
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

/**
 * Reads the entries of one layout, and parses its index again only when the file has changed: with 100,000 tags that takes
 * half a second.
 */
export class EntriesReader {
  readonly #directory: string;
  #known: { state: string; entries: readonly IndexEntry[] } | undefined;

  /** @param directory the layout's */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The entries as they are in the file now. */
  async read(): Promise<readonly IndexEntry[]> {
    const state = await settledState(join(this.#directory, "index.json"));
    if (state !== undefined && state === this.#known?.state) return this.#known.entries;
    const entries = await readEntries(this.#directory);
    this.#known = state === undefined ? undefined : { state, entries };
    return entries;
  }
}

/** A text that changes with a file; `undefined` = it was changed just now, or cannot be looked at. */
async function settledState(path: string): Promise<string | undefined> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (!info?.mtime || Date.now() - info.mtime.getTime() < SETTLED) return undefined;
  const { dev, ino, size, mtime, ctime } = info;
  return JSON.stringify([dev, ino, size, mtime, ctime]);
}

/** The entries of a layout, locked until the block ends. */
export interface LockedIndex extends Disposable {
  /** The entries when the lock was taken. */
  readonly entries: IndexEntry[];
  /** Whether the layout lists something that is not understood. It stays listed. */
  readonly hasOthers: boolean;
  /** Takes entries away and adds others at the end, atomically. All that is not taken away stays as it is in the file. */
  change(change: { remove: readonly IndexEntry[]; add?: readonly IndexEntry[] }): Promise<void>;
}

/** Locks the index of a layout to change it. */
export async function lockIndex(directory: string): Promise<LockedIndex> {
  const marker = await lockLayout(directory);
  try {
    const index = await readIndexFile(directory);
    const entries = entriesOf(index.manifests);
    return {
      entries,
      hasOthers: entries.length < index.manifests.length,
      change: async ({ remove, add = [] }) => {
        const removed = new Set<unknown>(remove.map(({ raw }) => raw));
        const manifests = index.manifests.filter((raw) => !removed.has(raw));
        await writeIndex(directory, { ...index, manifests: [...manifests, ...add.map(({ raw }) => raw)] });
      },
      [Symbol.dispose]: () => marker[Symbol.dispose](),
    };
  } catch (error) {
    marker[Symbol.dispose]();
    throw error;
  }
}

async function writeIndex(directory: string, index: Index): Promise<void> {
  const content = { schemaVersion: 2, mediaType: IMAGE_INDEX.oci, ...index };
  await writeAtomically(join(directory, "index.json"), new TextEncoder().encode(JSON.stringify(content)));
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
