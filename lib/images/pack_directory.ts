/** Packs a directory of an image as a tar archive, which is written as it is made. @module */
import type { OnEvent } from "../events.ts";
import { Pace } from "../async/pace.ts";
import { counted } from "../messages.ts";
import { parentOf, timeOf } from "../layers/entry.ts";
import { encodeHeaders, END_OF_ARCHIVE, paddingAfter, type TarEntry } from "../layers/write_tar.ts";
import { totalSize } from "../oci/descriptor.ts";
import type { FileTree, MergedEntry } from "./file_tree.ts";
import type { ImageFiles } from "./image_files.ts";
import type { LayerEntry } from "./layer_entry.ts";
import { Losses } from "./losses.ts";
import { plainMode } from "./metadata.ts";
import { type ReadFileOptions, writeFilled } from "./read_image_file.ts";
import { defaultLimit, readSources, sourceKey, tooLarge } from "./read_sources.ts";

/** Options for packing a directory. */
export interface PackOptions extends Pick<ReadFileOptions, "write" | "whole" | "maxSize"> {
  /** Keeps owners and set-ID bits. Otherwise, everything belongs to root, and `tar x` gives it to whoever runs it. */
  sameOwner?: boolean | undefined;
  /** Receives notices about entries and attributes that are left out. */
  onEvent?: OnEvent | undefined;
}

/**
 * Writes the archive of a directory. Entries have their paths in the image, as extracted files have below the target.
 *
 * The tree must be known before the first byte is written, and is read from all layers. The contents are then read layer by
 * layer: those of a packed layer are fetched a second time. The same image always gives the same bytes: files in the order
 * of the layers, then hard links, and then the directories, the innermost first and each with its symbolic links. Earlier, a
 * directory that may not be written would refuse its files, and the time of any would change with them. GNU tar makes
 * symbolic links at the very end, and then sets the times only of directories that it was told of before them.
 *
 * @param tree the merged filesystem
 * @param directory the path of the directory, without links; empty = the root
 * @returns the entries that an archive for every disk cannot have, and were left out
 * @throws {LayerstashError} if the files have more than `maxSize` bytes; nothing was written then
 */
export async function packDirectory(
  files: ImageFiles,
  { tree, directory }: { tree: FileTree; directory: string },
  options: PackOptions,
): Promise<MergedEntry[]> {
  const { write, whole, sameOwner = false, maxSize = defaultLimit(files), onEvent = files.onEvent } = options;
  const losses = new Losses({ sameOwner });
  const { sources, paths, hardLinks, directories, symlinks } = await plan(
    filtered(entriesIn(tree, directory), (entry) => losses.see(entry)),
    files.signal,
  );
  const size = totalSize(sources);
  if (size > maxSize) throw tooLarge(`the files have ${counted(size, "byte")}, more than ${maxSize}`);
  const put = (entry: LayerEntry, more: Pick<TarEntry, "type"> & Partial<TarEntry>) =>
    write(encodeHeaders(tarEntryOf(entry, more, { sameOwner })));
  const putLink = ({ path, source }: MergedEntry) =>
    put(source!, { path, type: "symlink", target: source!.target ?? "" });
  await readSources(files, sources, async (open) => {
    await put(open, { path: paths.get(sourceKey(open))!, type: "file", size: open.size });
    await writeFilled(open, write);
    await write(paddingAfter(open.size));
  }, { whole });
  for (const { path, source } of hardLinks) {
    await put(source!, { path, type: "hardlink", target: paths.get(sourceKey(source!))! });
  }
  for (const entry of directories.reverse()) {
    if (!entry.implied) await put(entry, { type: "directory" });
    for (const link of symlinks.get(entry.path) ?? []) await putLink(link);
    symlinks.delete(entry.path);
  }
  for (const link of [...symlinks.values()].flat()) await putLink(link);
  await write(END_OF_ARCHIVE);
  losses.report(files.name, onEvent);
  return losses.unwritable;
}

/** What an archive is made of. */
interface Plan {
  /** The entries that have the contents, and the path that each gets. */
  sources: LayerEntry[];
  paths: Map<string, string>;
  /** Further names of the same files. */
  hardLinks: MergedEntry[];
  /** Each directory before those in it. */
  directories: MergedEntry[];
  /** By the directory that they are in. */
  symlinks: Map<string, MergedEntry[]>;
}

async function plan(entries: Iterable<MergedEntry>, signal: AbortSignal | undefined): Promise<Plan> {
  const made: Plan = { sources: [], paths: new Map(), hardLinks: [], directories: [], symlinks: new Map() };
  const pace = new Pace(signal);
  for (const entry of entries) {
    if (pace.isPauseDue) await pace.pause();
    const { path, type, source } = entry;
    const above = parentOf(path);
    if (type === "directory") made.directories.push(entry);
    else if (source!.type === "symlink") {
      if (!made.symlinks.has(above)) made.symlinks.set(above, []);
      made.symlinks.get(above)!.push(entry);
    } else if (made.paths.has(sourceKey(source!))) made.hardLinks.push(entry);
    else {
      made.paths.set(sourceKey(source!), path);
      made.sources.push(source!);
    }
  }
  return made;
}

function* filtered<T>(items: Iterable<T>, test: (item: T) => boolean): Generator<T> {
  for (const item of items) if (test(item)) yield item;
}

/** What is at a path and below it; the root itself is left out, because its place belongs to whoever unpacks the archive. */
function* entriesIn(tree: FileTree, directory: string): Generator<MergedEntry> {
  for (const entry of tree.entries()) {
    const isBelow = directory === "" || entry.path.startsWith(`${directory}/`) || entry.path === directory;
    if (isBelow && entry.path !== "") yield entry;
  }
}

function tarEntryOf(
  entry: LayerEntry,
  more: Pick<TarEntry, "type"> & Partial<TarEntry>,
  { sameOwner }: { sameOwner: boolean },
): TarEntry {
  const { path, mode, uid, gid, owner, group } = entry;
  const about = sameOwner ? { mode, owned: { uid, gid, owner, group } } : { mode: plainMode({ mode }) };
  return { path, ...about, size: 0, ...timeOf(entry), ...more };
}
