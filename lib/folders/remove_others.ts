/** Removes what a directory has, and a folder does not. @module */
import { type Disk, pathOnDisk } from "./disk.ts";
import { STAGING } from "./staged_folder.ts";
import { walkFolder } from "./walk.ts";

/** What stays, and how it is looked for. */
export interface RemoveOthersOptions {
  disk: Disk;
  /** The paths that stay. */
  stored: ReadonlySet<string>;
  /** Removes only what is below this path. */
  below?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** Removes what does not stay: what is in a directory before the directory. Links are removed, and not followed. */
export async function removeOthers(
  root: string,
  { disk, stored, below = "", signal }: RemoveOthersOptions,
): Promise<number> {
  const isExcluded = (path: string) => below === "" && path === STAGING;
  const top = pathOnDisk(root, below);
  const { files, links, directories } = await walkFolder(top, { disk, signal, isForeign: true, isExcluded });
  let removed = 0;
  for (const list of [files, directories]) {
    for (let index = list.length - 1; index >= 0; index--) {
      const names = list === files ? [list.at(index), ...links.get(index) ?? []] : [list.at(index)];
      for (const { path } of names) {
        const inFolder = below === "" ? path : path === "" ? below : `${below}/${path}`;
        if (inFolder === "" || stored.has(inFolder)) continue;
        disk.remove(pathOnDisk(root, inFolder));
        removed++;
      }
    }
  }
  return removed;
}
