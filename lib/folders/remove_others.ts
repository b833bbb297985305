/** Removes what a directory has, and a folder does not. @module */
import { denied } from "../content/file_errors.ts";
import { systemWords } from "../content/system_words.ts";
import { LayerstashError } from "../errors.ts";
import { parentOf, pathIn } from "../layers/entry.ts";
import { type Disk, pathOnDisk } from "./disk.ts";
import { type FoundFolder, walkFolder } from "./walk.ts";

/** What stays, and how it is looked for. */
export interface RemoveOthersOptions {
  disk: Disk;
  /** The paths that stay. */
  stored: ReadonlySet<string>;
  /** Removes only what is below this path. */
  below?: string | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Removes what does not stay: what is in a directory before the directory. Links are removed, and not followed. A socket or a
 * pipe is never stored, so it stays in a directory that stays.
 *
 * @throws {LayerstashError} if something cannot be removed
 */
export async function removeOthers(
  root: string,
  { disk, stored, below = "", signal }: RemoveOthersOptions,
): Promise<number> {
  const withStaging = below !== ""; // at the top it is that of this download
  const found = await walkFolder(pathOnDisk(root, below), { disk, signal, isForeign: true, withStaging });
  const stays = (path: string) => path === "" || stored.has(path);
  let removed = 0;
  for (const { path, isOther } of pathsOf(found)) {
    const inFolder = path === "" ? below : pathIn(below, path);
    if (stays(inFolder) || isOther && stays(parentOf(inFolder))) continue;
    removeEntry(disk, pathOnDisk(root, inFolder));
    removed++;
  }
  return removed;
}

/** All paths that were found, each before the directory that it is in. */
function* pathsOf({ files, links, linksOf, others, directories }: FoundFolder): Generator<FoundPath> {
  for (const path of others) yield { path, isOther: true };
  for (let index = files.length - 1; index >= 0; index--) {
    yield { path: files.at(index).path };
    for (const link of linksOf.get(index) ?? []) yield { path: links.at(link).path };
  }
  for (let index = directories.length - 1; index >= 0; index--) yield { path: directories.at(index).path };
}

interface FoundPath {
  path: string;
  /** Whether it is something that is never stored. */
  isOther?: boolean;
}

function removeEntry(disk: Disk, at: string): void {
  try {
    disk.remove(at);
  } catch (error) {
    throw denied(error, `${at} cannot be removed: permission denied`) ??
      new LayerstashError(`${at} cannot be removed: ${error instanceof Error ? systemWords(error) : error}`, {
        cause: error,
      });
  }
}
