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

/** The annotation of an index entry that holds the tag. */
export const REF_NAME = "org.opencontainers.image.ref.name";

/** The largest `index.json` that is read, in bytes: that of 100,000 tags has some 30 MB. */
const MAX_INDEX_SIZE = 256 * 1024 * 1024;

/** One manifest that the layout lists. Fields of other tools are kept as they are. */
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
  manifests: v.nullish( // tools written in Go say null where there are none
    v.array(v.looseObject({
      mediaType: v.optional(v.string()),
      digest: v.custom<Digest>(isDigest, "is not a sha256 digest"),
      size: v.number(),
      annotations: v.optional(v.record(v.string(), v.string())),
    })),
    [],
  ),
});

/** The tag of an entry; `undefined` where it has none. */
export function tagOf(entry: IndexEntry): string | undefined {
  return entry.annotations?.[REF_NAME];
}

/** Reads the entries of a layout; none where there is no layout yet. */
export async function readEntries(directory: string): Promise<IndexEntry[]> {
  return (await readIndex(directory)).manifests;
}

/** The entries of a layout while nobody else can change them. The lock ends with the block. */
export interface LockedIndex extends Disposable {
  /** What the layout lists. */
  readonly entries: IndexEntry[];
  /** Lists these instead, from one moment to the next. */
  replace(entries: IndexEntry[]): Promise<void>;
}

/** Locks the entries of a layout to change them. */
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

/** A layout has its index before its first blob: where there is none, it is looked for once more behind the blobs. */
async function readIndex(directory: string): Promise<Index> {
  const index = await readIfThere(directory);
  if (index) return index;
  if (!await hasManifests(directory)) return { manifests: [] };
  const later = await readIfThere(directory);
  if (later) return later;
  throw indexLost(directory);
}

/** Where `index.json` is a link it is read through; the next change puts a file in its place. */
async function readIfThere(directory: string): Promise<Index | undefined> {
  const path = join(directory, "index.json");
  try {
    return parseAs(indexSchema, await readWhole(path), `index ${path}`);
  } catch (error) {
    if (error instanceof MismatchError) {
      throw new MismatchError(error.message, { hint: error.hint ?? howToRestore(directory), cause: error });
    }
    if (error instanceof LayerstashError) throw error;
    if (await isFile(directory)) throw noDirectory(`${directory} is a file, and a layout is a directory`);
    if (error instanceof Deno.errors.NotADirectory) {
      throw noDirectory(`a part of the path ${directory} is a file`);
    }
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw denied(error, `${path} may not be read: permission denied`) ??
      new LayerstashError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isFile }) => isFile, () => false);
}

/** Other programs take archives of layouts, too. */
function noDirectory(message: string): InvalidInputError {
  return new InvalidInputError(message, {
    hint: "an archive has to be unpacked first, as in: tar xf FILE -C DIR",
  });
}

/** Devices and pipes might never end, or never begin. */
async function readWhole(path: string): Promise<Uint8Array> {
  const { isFile, size } = await Deno.stat(path);
  if (!isFile) throw new MismatchError(`${path} is no ordinary file`);
  if (size <= MAX_INDEX_SIZE) return await collectFile(path, MAX_INDEX_SIZE);
  throw new MismatchError(`the index ${path} is too large: ${size} bytes, ${MAX_INDEX_SIZE} are read`);
}
