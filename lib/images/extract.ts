/** Extracts files of an image to disk. @module */
import type { OnEvent } from "../events.ts";
import { checkNumbers } from "../arguments.ts";
import { DistinctNames } from "./distinct_names.ts";
import { forEachEntry } from "./each_entry.ts";
import type { MergedEntry } from "./file_tree.ts";
import { isPlaceable, Losses, whyUnwritable } from "./losses.ts";
import type { LayerEntry } from "./layer_entry.ts";
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
  /** The entries that were extracted. Each time they are asked for, they are made anew. */
  readonly entries: MergedEntry[];
  /** The same, one after the other: all at once would take much memory. */
  extracted(): Iterable<MergedEntry>;
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
  await using staging = await Staging.in(directory, { limit: maxSize, sameOwner });
  const found = await survey(files, patterns, { visit: (entry) => staging.keep(entry), whole });
  requireMatches(found, patterns, files);
  const [losses, names, missing] = [new Losses({ sameOwner }), new DistinctNames(), [] as LayerEntry[]];
  const { signal } = files;
  await forEachEntry(found.selected(), { target: directory, signal }, (entry) => {
    if (!losses.see(entry)) return;
    names.see(entry);
    if (entry.source?.type === "file" && !staging.has(entry.source)) missing.push(entry.source);
  });
  const entries = extractable(found, losses);
  await names.require(entries, (names) => staging.findSame(names));
  await readSources(files, missing, (entry) => staging.keep(entry), { whole });
  await staging.finish();
  const placement = new Placement(directory, staging, { overwrite, sameOwner, signal });
  await placement.requireFree(entries);
  if (sameOwner) await staging.requireOwners(entries);
  await placement.place(entries);
  losses.report(files.name, options.onEvent ?? files.onEvent);
  return resultOf(entries, losses);
}

/** The entries that can be extracted. They can be read several times. */
function extractable({ selected }: SurveyResult, { unwritable }: Losses): Iterable<MergedEntry> {
  return {
    *[Symbol.iterator]() {
      for (const entry of selected()) {
        if (isPlaceable(entry) && (unwritable.length === 0 || whyUnwritable(entry) === undefined)) {
          yield entry;
        }
      }
    },
  };
}

function resultOf(extracted: Iterable<MergedEntry>, { skipped, unwritable }: Losses): ExtractResult {
  return {
    extracted: () => extracted,
    get entries() {
      return [...extracted];
    },
    skipped,
    unwritable,
  };
}

function requireMatches(
  { selected, tree }: SurveyResult,
  patterns: readonly PathPattern[],
  files: ImageFiles,
): void {
  for (const pattern of patterns) {
    const real = tree && findExact(tree, pattern);
    if (real || some(selected(), ({ path }) => pattern.includes(path))) continue;
    throw nothingAt(pattern, files);
  }
}

function some<T>(items: Iterable<T>, test: (item: T) => boolean): boolean {
  for (const item of items) if (test(item)) return true;
  return false;
}
