/** Reads the file `index.json` of a layout, and says why where it cannot be read. @module */
import { join } from "node:path";
import { collectFile } from "../content/collect.ts";
import { denied } from "../content/file_errors.ts";
import { systemWords } from "../content/system_words.ts";
import { InvalidInputError, LayerstashError, MismatchError } from "../errors.ts";
import { isFile } from "../oci/path_reference.ts";
import { hasManifests, howToRestore, indexLost } from "./directory.ts";
import { entriesOf, type IndexEntry } from "./index_entry.ts";
import { type IndexJson, MAX_INDEX_SIZE, parseIndex } from "./index_json.ts";

/** Reads the entries of a layout. A layout that does not exist yet has no entries. */
export async function readEntries(directory: string): Promise<IndexEntry[]> {
  return entriesOf((await readIndexFile(directory)).manifests);
}

/**
 * Reads the index of a layout. A layout that does not exist yet has an empty one.
 *
 * @throws {MismatchError} if it is malformed, too large, not an ordinary file, or lost: the layout has manifests and no index
 * @throws {InvalidInputError} if the path leads to a file, and not to the directory of a layout
 */
export async function readIndexFile(directory: string): Promise<IndexJson> {
  const index = await readIfThere(directory);
  if (index) return index;
  if (!await hasManifests(directory)) return { manifests: [] };
  // A first writer may have come in between: it writes the index before the first manifest.
  const later = await readIfThere(directory);
  if (later) return later;
  throw indexLost(directory);
}

/** Reads an index, if there is one. A symbolic link is followed here; the next change replaces it with a file. */
async function readIfThere(directory: string): Promise<IndexJson | undefined> {
  const path = join(directory, "index.json");
  try {
    return parseIndex(await readWhole(path), `index ${path}`);
  } catch (error) {
    if (error instanceof MismatchError) {
      throw error.with({ hint: error.hint ?? howToRestore(directory), cause: error });
    }
    if (error instanceof LayerstashError) throw error;
    if (isFile(directory)) throw notADirectory(`${directory} is a file, and a layout is a directory`);
    if (error instanceof Deno.errors.NotADirectory) {
      throw notADirectory(`a part of the path ${directory} is a file`);
    }
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw denied(error, `${path} may not be read: permission denied`) ??
      new LayerstashError(`${path} cannot be read: ${systemWords(error as Error)}`, { cause: error });
  }
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
