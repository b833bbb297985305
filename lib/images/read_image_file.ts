/** Takes one file out of an image, into a stream. @module */
import { counted } from "../messages.ts";
import { InvalidInputError, LayerstashError, NotFoundError } from "../errors.ts";
import { absent } from "./absent.ts";
import { isBrokenLink, type MergedEntry } from "./file_tree.ts";
import type { ImageFiles, OpenLayerEntry } from "./image_files.ts";
import { pathPattern } from "./path_pattern.ts";
import { readSources } from "./read_sources.ts";
import { tooLarge, usualLimit } from "./size_limit.ts";
import { survey } from "./survey.ts";

/** What reading one file takes. */
export interface ReadFileOptions {
  /** Reads every layer to its last byte, and verifies it. */
  whole?: boolean | undefined;
  /** The largest file that is written, in bytes; absent = 1 GiB and 100 times what the layers have packed. */
  maxSize?: number | undefined;
  /** Takes the bytes, holes as zeros; each piece may be used until the promise resolves. */
  write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void> | void;
}

/**
 * Reads one file of the merged filesystem, and follows links to it.
 *
 * @throws {NotFoundError} when there is no such file
 * @throws {InvalidInputError} when it is no file
 * @throws {LayerstashError} when it is larger than it may be; nothing was written then
 *
 * @example
 * ```ts
 * import { findImage, ImageFiles, openImage, readImageFile } from "@layerstash/cli/images";
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
  const { write, whole, maxSize = usualLimit(files) } = options;
  const pattern = await pathPattern(path);
  if (pattern.path === undefined) throw new InvalidInputError(`${path} may mean several files`);
  const pour = async (entry: OpenLayerEntry) => {
    if (entry.size > maxSize) {
      throw tooLarge(`${path} has ${counted(entry.size, "byte")}, more than ${maxSize}`);
    }
    await writeFilled(entry, write);
  };
  let poured: OpenLayerEntry | undefined;
  const visit = async (entry: OpenLayerEntry, certain: boolean) => {
    if (certain) await pour(poured = entry);
  };
  const { tree } = await survey(files, [pattern], { visit, whole, follows: true });
  if (poured) return { ...poured, source: poured };
  const found = tree!.find(pattern.path);
  const file = found && tree!.follow(found);
  if (!found) throw absent(pattern, files);
  if (!file) throw new NotFoundError(`${path} is a link that leads to no file of ${files.name}`);
  if (isBrokenLink(file)) throw new NotFoundError(`what ${path} is a hard link to is not in ${files.name}`);
  if (file.source?.type !== "file") throw new InvalidInputError(`${path} is a ${file.type}, not a file`);
  await readSources(files, [file.source], pour, { whole });
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
  if (end !== entry.size) {
    throw new LayerstashError(`${entry.path} has ${counted(end, "byte")}, not ${entry.size}`);
  }
}
