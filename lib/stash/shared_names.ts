/** Keeps stored files and folders from sharing a name: a download by that name would bring the file alone. @module */
import { ConflictError } from "../errors.ts";
import { isFolder } from "../images/folder_mark.ts";
import { MAX_TAG_LENGTH } from "../oci/reference.ts";
import { addressIn, commandLine } from "../store/command_line.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { lookAtTag } from "./chunk_image.ts";
import { chunkNumbers } from "./chunk_numbers.ts";
import { chunkTag } from "./chunk_tags.ts";
import { undefinedIfBroken } from "./find_stash.ts";

/**
 * Makes sure that no stored file has the name of a folder that is to be stored.
 *
 * @throws {ConflictError} if one has it, even if it is damaged
 */
export async function requireNoStash(
  store: StoreReader,
  name: string,
  options: CallOptions,
): Promise<void> {
  const first = chunkTag(name, 1);
  if (first.length > MAX_TAG_LENGTH) return; // no chunk can have such a tag
  const { kind } = await lookAtTag(store, first, options);
  if (kind === "chunk" || kind === "damaged") throw nameConflict(store, "a stored file", name);
}

/**
 * Makes sure that no folder has the name of a file that is to be stored.
 *
 * @throws {ConflictError} if one has it
 */
export async function requireNoFolder(
  store: StoreReader,
  name: string,
  options: CallOptions,
): Promise<void> {
  if (await isFolder(store, name, options).catch(undefinedIfBroken)) {
    throw nameConflict(store, "a folder", name);
  }
}

/**
 * The numbers of the chunks that have a tag under the name of a file that is to be stored.
 *
 * @throws {ConflictError} if a folder has the name
 */
export async function unsharedNumbers(
  store: StoreReader,
  name: string,
  options: CallOptions,
): Promise<number[]> {
  let isTaken = false;
  const onTag = (tag: string) => isTaken ||= tag === name;
  const numbers = await chunkNumbers(store, name, { ...options, onTag });
  if (isTaken) await requireNoFolder(store, name, options);
  return numbers;
}

function nameConflict(store: StoreReader, what: string, name: string): ConflictError {
  const removal = commandLine("remove", addressIn(store, name));
  return new ConflictError(`${what} has the name ${name} already`, {
    hint: `use another name, or remove that first: ${removal}`,
  });
}
