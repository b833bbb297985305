/** Reads one file of an image. @module */
import { counted } from "../messages.ts";
import { InvalidInputError, LayerstashError, NotFoundError } from "../errors.ts";
import { nothingAt, pathPattern } from "./path_pattern.ts";
import { type FileTree, isBrokenLink, type MergedEntry } from "./file_tree.ts";
import type { OpenEntry } from "../layers/entry.ts";
import type { LayerEntry } from "./layer_entry.ts";
import type { ImageFiles, OpenLayerEntry } from "./image_files.ts";
import { defaultLimit, readSources, sourceKey, tooLarge } from "./read_sources.ts";
import { findExact, survey } from "./survey.ts";

/** Options for reading one file. */
export interface ReadFileOptions {
  /** Reads every layer to its last byte, and verifies it. */
  whole?: boolean | undefined;
  /** The largest file that is read, in bytes; absent = 1 GiB plus 100 times the compressed size of the layers. */
  maxSize?: number | undefined;
  /** Receives the content, with holes as zeros. Each piece is valid until the promise resolves. */
  write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void> | void;
  /** Called if the path is that of a directory, which is an error otherwise. `directory` is its path without links. */
  onDirectory?: ((found: { tree: FileTree; directory: string }) => Promise<void>) | undefined;
}

/**
 * Reads one file of the merged filesystem. Links to it are followed.
 *
 * @throws {NotFoundError} if there is no such file
 * @throws {InvalidInputError} if the path is a glob and nothing has its name, or is not that of a file
 * @throws {LayerstashError} if the file is larger than `maxSize`; nothing was written then
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
  const { write, whole, maxSize = defaultLimit(files) } = options;
  const pattern = await pathPattern(path);
  const pour = async (entry: OpenLayerEntry) => await writeFilled(entry, write);
  const held = new HeldContent(pattern.exact);
  const { entries, tree } = await survey(files, [pattern], {
    ...(pattern.path !== "" && { visit: (entry) => held.keep(entry) }),
    whole,
    follows: true,
  });
  const found = tree ? findExact(tree, pattern) : entries[0];
  const file = found && tree ? tree.follow(found) : found;
  if (!found && pattern.isGlob) throw new InvalidInputError(`${path} may match several files`);
  if (!found) throw nothingAt(pattern, files);
  if (!file) throw new NotFoundError(`${path} is a broken link: its target is not in ${files.name}`);
  if (isBrokenLink(file)) {
    throw new NotFoundError(`${path} is a hard link whose target is not in ${files.name}`);
  }
  const { source } = file;
  if (file.type === "directory" && tree && options.onDirectory) {
    await options.onDirectory({ tree, directory: file.path });
    return file;
  }
  if (source?.type !== "file") throw new InvalidInputError(`${path} is a ${file.type}, not a file`);
  if (source.size > maxSize) {
    throw tooLarge(`${path} has ${counted(source.size, "byte")}, more than ${maxSize}`);
  }
  const bytes = held.contentOf(source);
  if (bytes) await write(bytes);
  else await readSources(files, [source], pour, { whole });
  return file;
}

/** The most bytes of a file that are held in memory until it is certain which entry counts. */
const MOST_HELD = 16 * 1024 * 1024;

/** The content of the last entry of one of these paths, so that a packed layer need not be read again for a small file. */
class HeldContent {
  readonly #paths: readonly string[];
  #key: string | undefined;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array();

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  async keep(entry: OpenLayerEntry): Promise<void> {
    if (!this.#paths.includes(entry.path) || entry.size > MOST_HELD) return;
    const bytes = new Uint8Array(entry.size);
    let end = 0;
    await writeFilled(entry, (piece) => {
      bytes.set(piece, end);
      end += piece.length;
    });
    [this.#key, this.#bytes] = [sourceKey(entry), bytes];
  }

  contentOf(source: LayerEntry): Uint8Array<ArrayBuffer> | undefined {
    return sourceKey(source) === this.#key ? this.#bytes : undefined;
  }
}

const ZEROS = new Uint8Array(64 * 1024);

/** Writes the content of a file, with its holes as zeros. */
export async function writeFilled(entry: OpenEntry, write: ReadFileOptions["write"]): Promise<void> {
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
