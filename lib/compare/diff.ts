/** Finds what differs between two images, folders or directories. @module */
import type { FileTree } from "../images/file_tree.ts";
import type { ReadReport } from "../images/image_files.ts";
import { totalSize } from "../oci/descriptor.ts";
import type { CallOptions } from "../store/store.ts";
import type { Aspect, Sides, TreeDifference } from "./differences.ts";
import { DirectorySide } from "./directory_side.ts";
import { type ImageLocation, ImageSide, treeOfEntries } from "./image_side.ts";
import { TreeComparison, type TreeSide } from "./tree_comparison.ts";
import { treesOfImages } from "./trees_of_images.ts";

/** What is compared: an image or a folder in a store, or a directory on the disk. */
export type DiffSide = ImageLocation | { directory: string };

/** Options of `diff`. */
export interface DiffOptions extends CallOptions {
  /** What does not count, such as `time`. */
  ignore?: readonly Aspect[] | undefined;
  /** Reads every layer that both do not share to its last byte, and verifies it; absent = tables of contents are believed. */
  whole?: boolean | undefined;
}

/** What differs between two trees. */
export interface Comparison extends Disposable {
  /** The differences, in the order of the paths, each directory before its content. They can be asked for once. */
  differences(): AsyncGenerator<TreeDifference>;
  /** How much was fetched, and whether it is verified; absent = nothing had to be read. */
  readonly report: ReadReport | undefined;
}

/**
 * Finds what differs between two images, folders or directories. Layers that both have are not fetched; a layer below others
 * is, where only its names tell whether a file is new or replaces another. A table of contents is read in the place of its
 * layer, and contents are compared by their digests.
 *
 * Of a directory on the disk, owners and extended attributes are not compared, and neither are pipes, sockets and devices: an
 * event names each.
 *
 * @param before what is taken for the older state
 * @param after what is taken for the newer one
 * @throws {NotFoundError} if there is no such image or directory
 * @throws {MismatchError} if a layer is damaged
 * @throws {NotAllowedError} if a part of a directory may not be read
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { diff, uploadFolder } from "@layerstash/cli/folders";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.mkdir(`${directory}/site`);
 * await Deno.writeTextFile(`${directory}/site/index.html`, "<h1>Hello</h1>");
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * await uploadFolder(store, "site", { directory: `${directory}/site` });
 *
 * await Deno.writeTextFile(`${directory}/site/index.html`, "<h1>Howdy</h1>");
 * using comparison = await diff({ store, reference: "site" }, { directory: `${directory}/site` });
 * for await (const { change, path, aspects } of comparison.differences()) {
 *   if (change !== "changed" || path !== "index.html" || !aspects.includes("content")) throw new Error(path);
 * }
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function diff(
  before: DiffSide,
  after: DiffSide,
  options: DiffOptions = {},
): Promise<Comparison> {
  using opened = new DisposableStack();
  const sides: Sides<TreeSide> = [await open(before, options), await open(after, options)];
  for (const side of sides) if (side instanceof DirectorySide) opened.use(side);
  const [one, other] = sides;
  const trees = one instanceof ImageSide && other instanceof ImageSide
    ? await treesOfImages(one, other)
    : [await treeOf(one), await treeOf(other)] as const;
  const comparison = new TreeComparison(sides, trees, options);
  await comparison.readUndecided();
  const kept = opened.move();
  return {
    differences: () => comparison.differences(),
    get report() {
      return totalReport(sides);
    },
    [Symbol.dispose]: () => kept.dispose(),
  };
}

async function open(side: DiffSide, options: DiffOptions): Promise<TreeSide> {
  return "directory" in side
    ? await DirectorySide.open(side.directory, options)
    : await ImageSide.open(side, options);
}

async function treeOf(side: TreeSide): Promise<FileTree> {
  return side instanceof DirectorySide ? side.tree : treeOfEntries([await side.entriesOf(side.image.layers)]);
}

/** What was fetched of both; `undefined` if nothing was read. */
function totalReport(sides: Sides<TreeSide>): ReadReport | undefined {
  const reports = sides.flatMap((side) => side instanceof ImageSide ? side.report ?? [] : []);
  if (reports.length === 0) return undefined;
  const verified = reports.every((each) => each.verified);
  return {
    fetched: reports.reduce((sum, { fetched }) => sum + fetched, 0),
    size: totalSize(reports),
    verified,
    byTable: !verified && reports.every((each) => each.verified || each.byTable),
  };
}
