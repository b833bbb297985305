/** Finds out in what a directory differs from a folder, before anything in it is changed. @module */
import { inParallel } from "../async/pool.ts";
import { ConflictError } from "../errors.ts";
import type { Layer } from "../images/image.ts";
import { type Entry, parentOf } from "../layers/entry.ts";
import { STARGZ_PATHS } from "../layers/stargz.ts";
import { hasContent, hasPiece } from "./compare_content.ts";
import { compareWithDisk, type Difference, statOrNothing } from "./compare_with_disk.ts";
import { type Disk, pathOnDisk } from "./disk.ts";
import type { FolderLayers } from "./folder_layers.ts";
import type { PackedEntry } from "./pack_table.ts";
import { linkedPath } from "./tree_writer.ts";
import type { WantedPart } from "./wanted_part.ts";

/** What differs, and what does not. */
export interface Differences {
  /** Paths of files and links that are to be brought back. */
  different: Set<string>;
  /** How many bytes of layers with tables they take: files take about as much on the disk, or more. */
  size: number;
  /** The layers that have them. */
  layers: Set<Layer>;
  /** Files of the right content that get another mode or time. */
  adjusted: Entry[];
  /** Paths at which there is a directory, and none in the folder. */
  blocked: string[];
  directories: Entry[];
  /** All paths of the folder, where others are to be removed: those of a million files take a hundred MiB. */
  stored: Set<string>;
  /** How many files and links are as they were stored. */
  kept: number;
}

/** How a directory is looked at. */
export interface DiskLookOptions {
  directory: string;
  disk: Disk;
  wanted: WantedPart;
  overwrite?: boolean | undefined;
  delete?: boolean | undefined;
  /** Compares contents in the place of times. */
  checksum?: boolean | undefined;
  sameOwner?: boolean | undefined;
  jobs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Notes which names of files are wanted, so that each can be looked up: see {@link WantedPart}. Returns how many bytes of
 * layers with tables they take.
 */
export async function noteNames(
  layers: FolderLayers,
  { wanted, jobs, signal }: Pick<DiskLookOptions, "wanted" | "jobs" | "signal">,
): Promise<number> {
  let total = 0;
  await inParallel(layers.all, { jobs, signal }, async (layer) => {
    for await (const { entry, size } of listedEntries(layers, layer, "names")) {
      wanted.note(entry);
      if (wanted.isAskedFor(entry)) total += size;
    }
  });
  return total;
}

/**
 * Compares a directory with the wanted part of a folder.
 *
 * @throws {ConflictError} if something differs that may not be replaced
 */
export async function lookAtDisk(layers: FolderLayers, options: DiskLookOptions): Promise<Differences> {
  const found: Differences = {
    different: new Set(),
    size: 0,
    layers: new Set(),
    adjusted: [],
    blocked: [],
    directories: [],
    stored: new Set(STARGZ_PATHS),
    kept: 0,
  };
  const { jobs, signal, wanted, checksum, disk } = options;
  const isReal = realDirectories(options.directory, disk);
  await inParallel(layers.all, { jobs, signal }, async (layer) => {
    for await (
      const { entry, size, isOnDisk } of listedEntries(layers, layer, checksum ? "bytes" : "names")
    ) {
      const picked = wanted.pick(entry);
      if (!picked) continue;
      const at = pathOnDisk(options.directory, picked.path);
      const verdict = isAbsent(picked, { found, isReal })
        ? "absent"
        : await compareWithDisk(picked, { ...options, hasContent: checksum && (() => isOnDisk(disk, at)) });
      judge(picked, { found, layer, size, verdict }, options);
    }
  });
  return found;
}

/** Whether nothing is to be compared: a link on the way leads elsewhere, or the first name of a file gets another one. */
function isAbsent(
  entry: Entry,
  { found, isReal }: { found: Differences; isReal: (path: string) => boolean },
): boolean {
  if (entry.path !== "" && !isReal(parentOf(entry.path))) return true;
  return entry.type === "hardlink" && found.different.has(linkedPath(entry));
}

/** Whether a path is a directory, and those above it, too, and none of them a link. */
function realDirectories(root: string, disk: Disk): (path: string) => boolean {
  const known = new Map<string, boolean>([["", true]]);
  return function isReal(path: string): boolean {
    const before = known.get(path);
    if (before !== undefined) return before;
    const is = isReal(parentOf(path)) && statOrNothing(disk, pathOnDisk(root, path))?.kind === "directory";
    known.set(path, is);
    return is;
  };
}

function judge(
  entry: Entry,
  { found, layer, size, verdict }: { found: Differences; layer: Layer; size: number; verdict: Difference },
  options: DiskLookOptions,
): void {
  if (options.delete) found.stored.add(entry.path);
  requireMayReplace(entry, verdict, options);
  if (entry.type === "directory") {
    if (verdict !== "same" || options.wanted.isAskedFor(entry)) found.directories.push(entry);
  } else if (verdict === "same") found.kept++;
  else if (verdict === "metadata") found.adjusted.push(entry);
  else {
    if (verdict === "directory") found.blocked.push(entry.path);
    found.different.add(entry.path);
    found.size += size;
    found.layers.add(layer);
  }
}

function requireMayReplace(
  { path, type }: Entry,
  verdict: Difference,
  { directory, overwrite, delete: deletes, disk }: DiskLookOptions,
): void {
  if (verdict === "absent" || verdict === "same" || verdict === "metadata") return;
  const at = pathOnDisk(directory, path);
  if (!overwrite && verdict === "time") {
    throw new ConflictError(`${at} has another time than what was stored`, {
      hint: "compare contents with --checksum, or replace what differs with --overwrite",
    });
  }
  if (!overwrite) {
    const why = type === "directory"
      ? "not a directory, but the folder has files in it"
      : "not what was stored";
    throw new ConflictError(`${at} is ${why}`, {
      hint: "replace what differs with --overwrite, or download to another directory",
    });
  }
  if (verdict === "directory" && !deletes && disk.list(at).length > 0) {
    throw new ConflictError(`${at} is a directory with files in it, and a file in the folder`, {
      hint: "--delete removes what is not in the folder",
    });
  }
}

/** An entry, and whether a file on the disk has its content. */
interface Compared {
  entry: Entry;
  /** How many bytes of the layer it takes; 0 where there is no table that says so. */
  size: number;
  isOnDisk(disk: Disk, at: string): Promise<boolean>;
}

/** The entries of a layer. Contents are read where there is no table that has their digests. */
async function* listedEntries(
  layers: FolderLayers,
  layer: Layer,
  want: "names" | "bytes",
): AsyncGenerator<Compared> {
  const table = await layers.table(layer);
  if (table) {
    for await (const entries of table.batches()) yield* entries.map(withPieces);
    return;
  }
  for await (const { extents, ...entry } of layers.archive(layer, want)) {
    const isOnDisk = (disk: Disk, at: string) =>
      hasContent(disk, at, { size: entry.size, extents: extents() });
    yield { entry, size: 0, isOnDisk };
  }
}

function withPieces({ pieces, ...entry }: PackedEntry): Compared {
  const isOnDisk = (disk: Disk, at: string) =>
    Promise.resolve(pieces.every((piece) => hasPiece(disk, at, piece)));
  return { entry, size: pieces.reduce((sum, { start, end }) => sum + end - start, 0), isOnDisk };
}
