/** Takes files out of an image, onto the disk. @module */
import { counted } from "../messages.ts";
import { ConflictError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { checkNumbers } from "../arguments.ts";
import { absent } from "./absent.ts";
import { isBrokenLink, type MergedEntry } from "./file_tree.ts";
import type { ImageFiles } from "./image_files.ts";
import { type PathPattern, pathPattern } from "./path_pattern.ts";
import { Placement } from "./placement.ts";
import { readSources } from "./read_sources.ts";
import { usualLimit } from "./size_limit.ts";
import { Staging } from "./staging.ts";
import { survey, type SurveyResult } from "./survey.ts";

/** Where files are extracted to, and how. */
export interface ExtractOptions {
  /** The directory in which files get the paths that they have in the image. */
  directory: string;
  /** Replaces files that are there. */
  overwrite?: boolean | undefined;
  /** Gives files the owners and set-id bits that they have in the image; needs the rights of root. */
  sameOwner?: boolean | undefined;
  /** The most that is written, in bytes; absent = 1 GiB and 100 times what the layers have packed: more is a bomb. */
  maxSize?: number | undefined;
  /** Reads every layer to its last byte, and verifies it. */
  whole?: boolean | undefined;
  /** Whether `a` and `A` are two names on the disk; absent = that is found out. */
  caseSensitive?: boolean | undefined;
  /** Told of what could not be made. */
  onEvent?: OnEvent | undefined;
}

/** What was extracted. */
export interface ExtractResult {
  /** What was placed. */
  entries: MergedEntry[];
  /** Devices, pipes and broken links, which were left out. */
  skipped: MergedEntry[];
}

/**
 * Extracts the files that `paths` (paths and globs; each has to mean something) name, with modes, times and links. All of them are fetched first, and placed then; nothing is written outside
 * the directory, whatever an archive says.
 *
 * @throws {InvalidInputError} when a pattern or `maxSize` cannot be
 * @throws {NotFoundError} when a path means nothing in the image
 * @throws {ConflictError} when something is in the way; nothing is changed then
 * @throws {NotAllowedError} when owners are wanted, and only root may give them; nothing is changed then
 * @throws {MismatchError} when a layer is damaged; nothing is changed then
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
  const { directory, maxSize = usualLimit(files), overwrite = false, sameOwner = false, whole } = options;
  checkNumbers(options, { maxSize: { least: 0 } });
  const patterns = await Promise.all(paths.map(pathPattern));
  await using staging = await Staging.in(directory, maxSize);
  const found = await survey(files, patterns, { visit: (entry) => staging.keep(entry), whole });
  requireAll(found, patterns, files);
  const [entries, skipped] = partition(found.entries, isPlaceable);
  requireDistinct(entries, options.caseSensitive ?? await staging.isCaseSensitive());
  const missing = entries.flatMap(({ source }) =>
    source?.type === "file" && !staging.has(source) ? [source] : []
  );
  await readSources(files, missing, (entry) => staging.keep(entry), { whole });
  const placement = new Placement(directory, staging, { overwrite, sameOwner });
  await placement.requireFree(entries);
  if (sameOwner) await staging.requireOwners(entries);
  await placement.place(entries);
  const extracted = { entries, skipped };
  tellLosses(files, extracted, options);
  return extracted;
}

function requireAll(
  { entries, tree }: SurveyResult,
  patterns: readonly PathPattern[],
  files: ImageFiles,
): void {
  for (const pattern of patterns) {
    const real = pattern.path === undefined ? undefined : tree?.find(pattern.path);
    if (real || entries.some(({ path }) => pattern.includes(path))) continue;
    throw absent(pattern, files);
  }
}

/** Devices need the rights of root, and nobody misses pipes. */
function isPlaceable({ type, source }: MergedEntry): boolean {
  return type === "directory" || source?.type === "file" || source?.type === "symlink";
}

/** Names that are one on this disk would replace each other, or lead through each other. */
function requireDistinct(entries: readonly MergedEntry[], caseSensitive: boolean): void {
  if (caseSensitive) return;
  const names = new Map<string, string>();
  for (const { path } of entries) {
    const folded = path.normalize("NFC").toLowerCase();
    const other = names.get(folded);
    if (other !== undefined && other !== path) {
      throw new ConflictError(`${other} and ${path} are the same name on this disk`, {
        hint: "extract them one by one, or to a disk that tells upper case from lower case",
      });
    }
    names.set(folded, path);
  }
}

function tellLosses(
  files: ImageFiles,
  { entries, skipped }: ExtractResult,
  { onEvent, sameOwner }: ExtractOptions,
): void {
  const notice = (about: readonly MergedEntry[], message: string) =>
    about.length > 0 && onEvent?.({ type: "notice", message });
  const [broken, special] = partition(skipped, isBrokenLink);
  notice(
    special,
    `${special.length} left out, for only files, directories and links are made: ${beginning(special)}`,
  );
  notice(
    broken,
    `${counted(broken.length, "hard link")} left out, for what they lead to is not in ${files.name}: ` +
      beginning(broken),
  );
  const setId = sameOwner ? [] : entries.filter(({ mode, type }) => type === "file" && (mode & 0o6000) !== 0);
  notice(setId, `set-user-id and set-group-id bits of ${counted(setId.length, "file")} were not set`);
  const attributed = entries.filter(({ attributes }) => attributes !== undefined);
  notice(attributed, `extended attributes of ${counted(attributed.length, "file")} were not set`);
}

function beginning(entries: readonly MergedEntry[]): string {
  const names = entries.slice(0, 3).map(({ path }) => path);
  return [...names, ...(entries.length > names.length ? ["..."] : [])].join(", ");
}

function partition<T>(items: readonly T[], chosen: (item: T) => boolean): [T[], T[]] {
  return [items.filter(chosen), items.filter((item) => !chosen(item))];
}
