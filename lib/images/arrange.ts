/** Arranges the contents of an extraction as the merged filesystem has them, before any of it is seen in the target. @module */
import { dirname, resolve } from "node:path";
import { linkOrRename } from "../content/atomic_file.ts";
import { parentOf } from "../layers/entry.ts";
import { isDirectory } from "../oci/path_reference.ts";
import { type EachEntryOptions, forEachEntry } from "./each_entry.ts";
import type { MergedEntry } from "./file_tree.ts";
import { setLinkMetadata, setMetadata } from "./metadata.ts";
import type { Staging } from "./staging.ts";

/** How entries are arranged. */
export interface ArrangeOptions extends EachEntryOptions {
  /** Gives files and links their owners. */
  sameOwner: boolean;
}

/**
 * Brings contents to the paths that their files have in the merged filesystem. Most are there: they came under these paths.
 * Symbolic links come last, so that nothing is written through them.
 *
 * @param entries can be read twice
 * @returns the entries of directories
 */
export async function arrange(
  entries: Iterable<MergedEntry>,
  staging: Staging,
  options: ArrangeOptions,
): Promise<MergedEntry[]> {
  const { tree } = staging;
  await clear(entries, staging, options);
  const [directories, links]: [MergedEntry[], MergedEntry[]] = [[], []];
  await forEachEntry(entries, options, (entry) => {
    if (entry.type === "directory") {
      tree.makeDirectory(entry.path);
      directories.push(entry);
    } else if (entry.source?.type === "symlink") links.push(entry);
    else bring(entry, staging, options);
  });
  await forEachEntry(links, options, ({ path, source }) => {
    const place = tree.free(path);
    makeLink(source!.target ?? "", place);
    setLinkMetadata(place, source!, options);
  });
  return directories;
}

/** Takes away from the tree what is not under its final path: it waits aside, or is not wanted at all. */
async function clear(
  entries: Iterable<MergedEntry>,
  { files, tree, aside }: Staging,
  options: ArrangeOptions,
): Promise<void> {
  const isSettled = new Uint8Array(files.length);
  const wanted = new Set<string>([""]);
  await forEachEntry(entries, options, ({ path, type, source }) => {
    let directory = type === "directory" ? path : parentOf(path);
    for (; !wanted.has(directory); directory = parentOf(directory)) wanted.add(directory);
    const index = source?.type === "file" ? files.indexOf(source) : undefined;
    if (index !== undefined && files.pathOf(index) === tree.at(path)) isSettled[index] = 1;
  });
  const misplaced = function* () {
    for (const [index, settled] of isSettled.entries()) {
      const path = files.pathOf(index);
      if (!settled && path !== aside(index)) yield { path, index };
    }
  };
  await forEachEntry(misplaced(), options, ({ path, index }) => {
    Deno.renameSync(path, aside(index));
    files.move(index, aside(index));
  });
  await forEachEntry([{ path: "" }], options, () => tree.retain(wanted));
}

/** Gives a file its path: it is there, or waits aside, or has another name already. */
function bring(
  { path, source }: MergedEntry,
  { files, tree, aside }: Staging,
  options: ArrangeOptions,
): void {
  const index = files.indexOf(source!)!;
  const [from, to] = [files.pathOf(index), tree.at(path)];
  if (from === aside(index)) {
    linkOrRename(from, tree.free(path));
    files.move(index, to);
  } else if (from !== to) Deno.linkSync(from, tree.free(path));
  if (from === aside(index) || options.sameOwner) setMetadata(to, source!, options);
}

/** Makes a symbolic link. Windows needs a backslash as the separator, and the type of the target, which may come later. */
function makeLink(target: string, path: string): void {
  if (Deno.build.os !== "windows") return Deno.symlinkSync(target, path);
  const own = target.replaceAll("/", "\\");
  Deno.symlinkSync(own, path, { type: isDirectory(resolve(dirname(path), own)) ? "dir" : "file" });
}
