/** Extracts files of an image to disk. @module */
import { counted } from "../messages.ts";
import type { OnEvent } from "../events.ts";
import { checkNumbers } from "../arguments.ts";
import { requireDistinctPaths } from "./distinct_names.ts";
import { isBrokenLink, type MergedEntry } from "./file_tree.ts";
import type { ImageFiles } from "./image_files.ts";
import { nothingAt, type PathPattern, pathPattern } from "./path_pattern.ts";
import { Placement } from "./placement.ts";
import { defaultLimit, readSources } from "./read_sources.ts";
import { Staging } from "./staging.ts";
import { findExact, survey, type SurveyResult } from "./survey.ts";

/** Options for extracting files. */
export interface ExtractOptions {
  /** The target directory. Files keep their paths in the image below it. */
  directory: string;
  /** Replaces existing files. */
  overwrite?: boolean | undefined;
  /** Preserves owners and set-ID bits. Needs the rights of root. */
  sameOwner?: boolean | undefined;
  /** The most bytes that are written; absent = 1 GiB plus 100 times the compressed size of the layers. */
  maxSize?: number | undefined;
  /** Reads every layer to its last byte, and verifies it. */
  whole?: boolean | undefined;
  /** Receives notices about entries and attributes that were not extracted. */
  onEvent?: OnEvent | undefined;
}

/** The result of an extraction. */
export interface ExtractResult {
  /** The entries that were extracted. */
  entries: MergedEntry[];
  /** Devices, pipes and broken links, which were skipped. */
  skipped: MergedEntry[];
  /** Entries that cannot be written for their names or targets, and were skipped: not UTF-8, or too long. */
  unwritable: MergedEntry[];
}

/**
 * Extracts files with their modes, times and links. All contents are fetched before the first file gets its name.
 * Nothing is written outside the directory, whatever an archive contains.
 *
 * Directories are synced, so the names survive a power cut once it is done. Files are not synced one by one, which would
 * take long for thousands of them: the system writes their bytes to the disk in its own time.
 *
 * @param paths paths and globs, each of which has to match something
 * @throws {InvalidInputError} if a pattern is too long, or `maxSize` is out of range
 * @throws {NotFoundError} if a path or glob matches nothing in the image
 * @throws {ConflictError} if a file exists and is not to be replaced, or the disk takes two paths for one; nothing is
 *   changed then
 * @throws {NotAllowedError} if `sameOwner` needs the rights of root; nothing is changed then
 * @throws {MismatchError} if a layer is damaged; nothing is changed then
 *
 * @example
 * ```ts
 * import { extract, findImage, ImageFiles, openImage } from "@layerstash/cli/images";
 *
 * async function takeOut(name: string, path: string): Promise<void> {
 *   using image = openImage(name);
 *   const { layers } = await findImage(image.store, image.reference);
 *   await extract(new ImageFiles(image.store, layers), [path], { directory: "out" });
 * }
 * if (typeof takeOut !== "function") throw new Error("unreachable");
 * ```
 */
export async function extract(
  files: ImageFiles,
  paths: readonly string[],
  options: ExtractOptions,
): Promise<ExtractResult> {
  const { directory, maxSize = defaultLimit(files), overwrite = false, sameOwner = false, whole } = options;
  checkNumbers(options, { maxSize: { least: 0 } });
  const patterns = await Promise.all(paths.map(pathPattern));
  await using staging = await Staging.in(directory, maxSize);
  const found = await survey(files, patterns, { visit: (entry) => staging.keep(entry), whole });
  requireMatches(found, patterns, files);
  const [placeable, skipped] = partition(found.entries, isPlaceable);
  const [entries, unwritable] = partition(placeable, (entry) => whyUnwritable(entry) === undefined);
  await requireDistinctPaths(entries.map(({ path }) => path), (names) => staging.findSame(names));
  const missing = entries.flatMap(({ source }) =>
    source?.type === "file" && !staging.has(source) ? [source] : []
  );
  await readSources(files, missing, (entry) => staging.keep(entry), { whole });
  const placement = new Placement(directory, staging, { overwrite, sameOwner, signal: files.signal });
  await placement.requireFree(entries);
  if (sameOwner) await staging.requireOwners(entries);
  await placement.place(entries);
  const extracted = { entries, skipped, unwritable };
  reportLosses(files, extracted, options);
  return extracted;
}

function requireMatches(
  { entries, tree }: SurveyResult,
  patterns: readonly PathPattern[],
  files: ImageFiles,
): void {
  for (const pattern of patterns) {
    const real = tree && findExact(tree, pattern);
    if (real || entries.some(({ path }) => pattern.includes(path))) continue;
    throw nothingAt(pattern, files);
  }
}

/** Whether an entry is extracted. Devices would need the rights of root, and nobody misses pipes. */
function isPlaceable({ type, source }: MergedEntry): boolean {
  return type === "directory" || source?.type === "file" || source?.type === "symlink";
}

/** The most bytes of a path, and of a name in it. */
const [LONGEST_PATH, LONGEST_NAME] = [Deno.build.os === "darwin" ? 1023 : 4095, 255];

/** Why a name or the target of a link cannot be written; `undefined` if it can. */
function whyUnwritable({ path, source }: MergedEntry): string | undefined {
  const target = source?.type === "symlink" ? source.target ?? "" : "";
  // Deno would write another name, the same one for many.
  if (!path.isWellFormed() || !target.isWellFormed()) return "this program writes only names that are UTF-8";
  const isLong = [path, target].some((each) => byteLength(each) > LONGEST_PATH) ||
    byteLength(path) > LONGEST_NAME && path.split("/").some((name) => byteLength(name) > LONGEST_NAME);
  return isLong ? `the name is too long for a disk` : undefined;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function reportLosses(
  files: ImageFiles,
  { entries, skipped, unwritable }: ExtractResult,
  { onEvent = files.onEvent, sameOwner }: ExtractOptions,
): void {
  const notice = (about: readonly MergedEntry[], message: string) =>
    about.length > 0 && onEvent?.({ type: "notice", message });
  const [broken, special] = partition(skipped, isBrokenLink);
  notice(
    special,
    `${counted(special.length, "entry")} skipped, because only files, directories and links are extracted: ` +
      firstPaths(special),
  );
  notice(
    broken,
    `${counted(broken.length, "hard link")} skipped, because the target is not in ${files.name}: ` +
      firstPaths(broken),
  );
  for (const [why, entries] of Map.groupBy(unwritable, whyUnwritable)) {
    notice(entries, `${counted(entries.length, "entry")} skipped, because ${why}: ${firstPaths(entries)}`);
  }
  const setId = sameOwner
    ? []
    : entries.filter(({ mode, type }) => type !== "symlink" && (mode & 0o6000) !== 0);
  notice(setId, `set-user-ID and set-group-ID bits of ${filesAndDirectories(setId)} were not set`);
  const attributed = entries.filter(({ attributes }) => attributes !== undefined);
  notice(attributed, `extended attributes of ${counted(attributed.length, "file")} were not set`);
}

/** How many there are of each: `1 file and 2 directories`. */
function filesAndDirectories(entries: readonly MergedEntry[]): string {
  const [directories, files] = partition(entries, ({ type }) => type === "directory");
  return [counted(files.length, "file"), counted(directories.length, "directory")]
    .filter((each) => !each.startsWith("0 ")).join(" and ");
}

function firstPaths(entries: readonly MergedEntry[]): string {
  const names = entries.slice(0, 3).map(({ path }) => path);
  return [...names, ...(entries.length > names.length ? ["..."] : [])].join(", ");
}

function partition<T>(items: readonly T[], chosen: (item: T) => boolean): [T[], T[]] {
  return [items.filter(chosen), items.filter((item) => !chosen(item))];
}
