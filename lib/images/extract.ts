/** Takes files out of an image, onto the disk or into a stream. @module */
import { ConflictError, InvalidInputError, LayerstashError, NotFoundError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { checkNumbers } from "../oci/numbers.ts";
import type { MergedEntry } from "./file_tree.ts";
import type { ImageFiles, OpenLayerEntry } from "./image_files.ts";
import { type PathPattern, pathPattern } from "./path_pattern.ts";
import { Placement } from "./placement.ts";
import { readSources } from "./read_sources.ts";
import { Staging } from "./staging.ts";
import { type Found, survey } from "./survey.ts";

/** What is extracted, and where to. */
export interface ExtractOptions {
  /** Paths and globs; each has to mean something. */
  paths: readonly string[];
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
export interface Extracted {
  /** What was placed. */
  entries: MergedEntry[];
  /** Devices, pipes and broken links, which were left out. */
  skipped: MergedEntry[];
}

/**
 * Extracts files, with modes, times and links. All of them are fetched first, and placed then; nothing is written outside
 * the directory, whatever an archive says.
 *
 * @throws {InvalidInputError} when a pattern or `maxSize` cannot be
 * @throws {NotFoundError} when a path means nothing in the image
 * @throws {ConflictError} when something is in the way; nothing is changed then
 * @throws {MismatchError} when a layer is damaged; nothing is changed then
 *
 * @example
 * ```ts
 * import { extract, findImage, ImageFiles, openImage } from "@layerstash/cli";
 *
 * async function takeOut(name: string, path: string): Promise<void> {
 *   using image = openImage(name);
 *   const { layers } = await findImage(image.store, image.reference);
 *   await extract(new ImageFiles(image.store, layers), { paths: [path], directory: "out" });
 * }
 * if (typeof takeOut !== "function") throw new Error("unreachable");
 * ```
 */
export async function extract(files: ImageFiles, options: ExtractOptions): Promise<Extracted> {
  const { directory, maxSize = usualLimit(files), overwrite = false, sameOwner = false, whole } = options;
  checkNumbers(options, { maxSize: { least: 0 } });
  const patterns = await Promise.all(options.paths.map(pathPattern));
  await using staging = await Staging.in(directory, maxSize);
  const found = await survey(files, patterns, { visit: (entry) => staging.keep(entry), whole });
  requireAll(found, patterns);
  const [entries, skipped] = partition(found.entries, isPlaceable);
  requireDistinct(entries, options.caseSensitive ?? await staging.isCaseSensitive());
  const missing = entries.flatMap(({ source }) =>
    source?.type === "file" && !staging.has(source) ? [source] : []
  );
  await readSources(files, missing, (entry) => staging.keep(entry));
  const placement = new Placement(directory, staging, { overwrite, sameOwner });
  await placement.requireFree(entries);
  await placement.place(entries);
  tellLosses(entries, skipped, options);
  return { entries, skipped };
}

/** A layer that unpacks to a hundred times its size is no usual one. */
function usualLimit({ layers }: ImageFiles): number {
  return 1024 ** 3 + 100 * layers.reduce((sum, { size }) => sum + size, 0);
}

function requireAll({ entries, tree }: Found, patterns: readonly PathPattern[]): void {
  for (const { text, path, includes } of patterns) {
    const real = path === undefined ? undefined : tree?.find(path);
    if (real || entries.some((entry) => includes(entry.path))) continue;
    throw new NotFoundError(`there is no ${text} in the image`);
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
  entries: readonly MergedEntry[],
  skipped: readonly MergedEntry[],
  { onEvent, sameOwner }: ExtractOptions,
): void {
  const notice = (count: number, message: string) => count > 0 && onEvent?.({ type: "notice", message });
  const names = skipped.slice(0, 3).map(({ path }) => path).join(", ");
  notice(
    skipped.length,
    `${skipped.length} left out, for only files, directories and links are made: ${names}`,
  );
  const setId = entries.filter(({ mode, type }) => type === "file" && (mode & 0o6000) !== 0).length;
  if (!sameOwner) notice(setId, `set-user-id and set-group-id bits of ${setId} files were not set`);
  const attributed = entries.filter(({ attributes }) => attributes !== undefined).length;
  notice(attributed, `extended attributes of ${attributed} files were not set`);
}

/** What reading one file takes. */
export interface ReadFileOptions {
  /** Reads every layer to its last byte, and verifies it. */
  whole?: boolean | undefined;
  /** Takes the bytes, holes as zeros; each piece may be used until the promise resolves. */
  write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void> | void;
}

/**
 * Reads one file of the merged filesystem, and follows links to it.
 *
 * @throws {NotFoundError} when there is no such file
 * @throws {InvalidInputError} when it is no file
 *
 * @example
 * ```ts
 * import { findImage, ImageFiles, openImage, readImageFile } from "@layerstash/cli";
 *
 * async function print(name: string, path: string): Promise<void> {
 *   using image = openImage(name);
 *   const { layers } = await findImage(image.store, image.reference);
 *   await readImageFile(new ImageFiles(image.store, layers), path, { write: (bytes) => void Deno.stdout.write(bytes) });
 * }
 * if (typeof print !== "function") throw new Error("unreachable");
 * ```
 */
export async function readImageFile(
  files: ImageFiles,
  path: string,
  options: ReadFileOptions,
): Promise<MergedEntry> {
  const { write, whole } = options;
  const pattern = await pathPattern(path);
  if (pattern.path === undefined) throw new InvalidInputError(`${path} may mean several files`);
  const pour = (entry: OpenLayerEntry) => writeFilled(entry, write);
  let poured: OpenLayerEntry | undefined;
  const visit = async (entry: OpenLayerEntry, certain: boolean) => {
    if (certain) await pour(poured = entry);
  };
  const first = await survey(files, [pattern], { visit, whole });
  if (poured) return { ...poured, source: poured };
  const { tree } = first.tree ? first : await survey(files, [pattern], { complete: true });
  const found = tree!.find(pattern.path);
  const file = found && tree!.follow(found);
  if (!found) throw new NotFoundError(`there is no ${path} in the image`);
  if (!file) throw new NotFoundError(`${path} is a link that leads to no file of the image`);
  if (file.source?.type !== "file") throw new InvalidInputError(`${path} is a ${file.type}, not a file`);
  await readSources(files, [file.source], pour);
  return file;
}

const ZEROS = new Uint8Array(64 * 1024);

async function writeFilled(entry: OpenLayerEntry, write: ReadFileOptions["write"]): Promise<void> {
  let end = 0;
  const fill = async (to: number) => {
    for (; end < to; end += Math.min(ZEROS.length, to - end)) await write(ZEROS.subarray(0, to - end));
  };
  for await (const { offset, bytes } of entry.extents()) {
    await fill(offset);
    await write(bytes);
    end = offset + bytes.length;
  }
  await fill(entry.size);
  if (end !== entry.size) throw new LayerstashError(`${entry.path} has ${end} bytes, not ${entry.size}`);
}

function partition<T>(items: readonly T[], chosen: (item: T) => boolean): [T[], T[]] {
  return [items.filter(chosen), items.filter((item) => !chosen(item))];
}
