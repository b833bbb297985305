/** The file `index.json` of an OCI image layout (OCI image spec, image-layout.md). @module */
import * as v from "valibot";
import { join } from "node:path";
import { writeAtomically } from "../content/atomic_file.ts";
import { collectFile } from "../content/collect.ts";
import { denied } from "../content/file_errors.ts";
import { InvalidInputError, LayerstashError, MismatchError } from "../errors.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { parseAs } from "../oci/manifest.ts";
import { IMAGE_INDEX } from "../oci/media_types.ts";
import { hasManifests, howToRestore, indexLost, lockLayout } from "./directory.ts";

/** The annotation that holds the tag of an index entry. */
export const REF_NAME = "org.opencontainers.image.ref.name";

/** The largest `index.json` that is read, in bytes. With 100,000 tags it has some 30 MB. */
const MAX_INDEX_SIZE = 256 * 1024 * 1024;

/** A manifest that the layout lists. Fields of other tools are kept as they are. */
export interface IndexEntry {
  mediaType?: string | undefined;
  digest: Digest;
  size: number;
  annotations?: Record<string, string> | undefined;
  [field: string]: unknown;
}

interface Index {
  manifests: IndexEntry[];
  [field: string]: unknown;
}

const indexSchema: v.GenericSchema<unknown, Index> = v.looseObject({
  manifests: v.nullish( // tools written in Go write null for an empty list
    v.array(v.looseObject({
      mediaType: v.optional(v.string()),
      digest: v.custom<Digest>(isDigest, "is not a sha256 digest"),
      size: v.number(),
      annotations: v.optional(v.record(v.string(), v.string())),
    })),
    [],
  ),
});

/** The tag of an entry; `undefined` = it has no tag. */
export function tagOf(entry: IndexEntry): string | undefined {
  return entry.annotations?.[REF_NAME];
}

/** Reads the entries of a layout. A layout that does not exist yet has no entries. */
export async function readEntries(directory: string): Promise<IndexEntry[]> {
  return (await readIndex(directory)).manifests;
}

/** The entries of a layout, locked until the block ends. */
export interface LockedIndex extends Disposable {
  /** The entries when the lock was taken. */
  readonly entries: IndexEntry[];
  /** Replaces them atomically. */
  replace(entries: IndexEntry[]): Promise<void>;
}

/** Locks the index of a layout to change it. */
export async function lockIndex(directory: string): Promise<LockedIndex> {
  const marker = await lockLayout(directory);
  try {
    const index = await readIndex(directory);
    return {
      entries: index.manifests,
      replace: (manifests) => writeIndex(directory, { ...index, manifests }),
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
async function readIndex(directory: string): Promise<Index> {
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
