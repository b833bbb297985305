/** Finds what differs between two images, folders or directories. @module */
import { Pace } from "../async/pace.ts";
import type { FileTree, MergedEntry } from "../images/file_tree.ts";
import type { Layer } from "../images/image.ts";
import type { ReadReport } from "../images/image_files.ts";
import type { LayerEntry } from "../images/layer_entry.ts";
import type { PackedEntries } from "../images/packed_entries.ts";
import { sourceKey } from "../images/read_sources.ts";
import { whiteoutOf } from "../images/whiteouts.ts";
import type { ContentDigests } from "../layers/entry.ts";
import type { CallOptions } from "../store/store.ts";
import { isSameContent } from "./contents.ts";
import { type Aspect, aspectsOf, described, pairsOf, type TreeDifference } from "./differences.ts";
import { DirectorySide } from "./directory_side.ts";
import { type ImageLocation, ImageSide, treeOfEntries } from "./image_side.ts";

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
  const sides: Sides<ImageSide | DirectorySide> = [await open(before, options), await open(after, options)];
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

/** The same of both sides. */
type Sides<T> = readonly [before: T, after: T];

async function open(side: DiffSide, options: DiffOptions): Promise<ImageSide | DirectorySide> {
  return "directory" in side
    ? await DirectorySide.open(side.directory, options)
    : await ImageSide.open(side, options);
}

async function treeOf(side: ImageSide | DirectorySide): Promise<FileTree> {
  return side instanceof DirectorySide ? side.tree : treeOfEntries([await side.entriesOf(side.image.layers)]);
}

/** The files of two images, as far as layers differ. */
async function treesOfImages(one: ImageSide, other: ImageSide): Promise<Sides<FileTree>> {
  const [layers, others] = [one.image.layers, other.image.layers];
  if (one.isFolder && other.isFolder) {
    // The layers of a folder have no path in common, so that those of both folders change nothing.
    const own = await one.entriesOf(without(layers, others));
    return [treeOfEntries([own]), treeOfEntries([await other.entriesOf(without(others, layers))])];
  }
  const end = layers.findIndex(({ digest }, index) => digest !== others[index]?.digest);
  const shared = end < 0 ? layers.length : end;
  const own = await one.entriesOf(layers.slice(shared));
  const foreign = await other.entriesOf(others.slice(shared));
  if (shared === 0 || speakForThemselves(own, foreign)) {
    return [treeOfEntries([own]), treeOfEntries([foreign])];
  }
  const base = layers.slice(0, shared);
  const below = await one.entriesOf(base);
  for (const { number } of base) other.contents.adopt(one.contents, number);
  return [treeOfEntries([below, own]), treeOfEntries([below, foreign])];
}

function without(layers: readonly Layer[], others: readonly Layer[]): Layer[] {
  const digests = new Set(others.map(({ digest }) => digest));
  return layers.filter(({ digest }) => !digests.has(digest));
}

/** Whether layers that have the same paths hide the same of what is below them, so that nobody has to look there. */
function speakForThemselves(own: PackedEntries, foreign: PackedEntries): boolean {
  const paths = new Set<string>();
  let reaches = false;
  const see = ({ path, type }: LayerEntry) => {
    reaches ||= whiteoutOf(path) !== undefined || type === "hardlink";
    return path;
  };
  own.forEach((entry) => paths.add(see(entry)));
  const others = new Set<string>();
  foreign.forEach((entry) => others.add(see(entry)));
  return !reaches && paths.size === others.size && [...paths].every((path) => others.has(path));
}

/** Times in tables of contents and archives are kept as numbers, which round them by less than this, in seconds. */
const EXACT = 1e-6;
/** What a disk tells of times where it does not tell all, in seconds. */
const MILLISECOND = 1e-3;

/** One comparison. */
class TreeComparison {
  readonly #sides: Sides<ImageSide | DirectorySide>;
  readonly #trees: Sides<FileTree>;
  readonly #options: DiffOptions;

  constructor(
    sides: Sides<ImageSide | DirectorySide>,
    trees: Sides<FileTree>,
    options: DiffOptions,
  ) {
    [this.#sides, this.#trees, this.#options] = [sides, trees, options];
  }

  /** Reads the contents of images that may be the same, where no digest tells. */
  async readUndecided(): Promise<void> {
    const wanted = this.#sides.map(() => new Map<string, LayerEntry>());
    const isBesideImage = this.#sides.every((side) => side instanceof ImageSide);
    for await (const { before, after } of this.#pairs()) {
      if (!mayBeSame(before, after)) continue;
      const sources = [before!.source!, after!.source!] as const;
      const known = sources.map((source, index) => this.#known(index, source));
      if (isBesideImage && isSameContent(known[0], known[1]) !== undefined) continue;
      for (const [index, source] of sources.entries()) {
        const tells = known[index]?.whole ?? (isBesideImage ? undefined : known[index]?.pieces);
        if (tells === undefined) wanted[index]!.set(sourceKey(source), source);
      }
    }
    for (const [index, side] of this.#sides.entries()) {
      if (side instanceof ImageSide && wanted[index]!.size > 0) {
        await side.readContents([...wanted[index]!.values()]);
      }
    }
  }

  async *differences(): AsyncGenerator<TreeDifference> {
    const rules = { ignored: this.#ignored(), timeStep: this.#sides.every(isExact) ? EXACT : MILLISECOND };
    for await (const { before, after } of this.#pairs()) {
      const path = (before ?? after)!.path;
      if (!before || !after) {
        if (path === "") continue; // an image need not say anything of its top
        yield before
          ? { change: "removed", path, aspects: [], before }
          : { change: "added", path, aspects: [], after: after! };
        continue;
      }
      const aspects = aspectsOf(before, after, rules);
      if (mayBeSame(before, after) && !rules.ignored.has("content") && !await this.#isSame(before, after)) {
        aspects.unshift("content");
      }
      if (aspects.length > 0) yield { change: "changed", path, aspects, before, after };
    }
  }

  async *#pairs() {
    const pace = new Pace(this.#options.signal);
    const [before, after] = this.#trees;
    for (const pair of pairsOf(withFirstNames(before), withFirstNames(after))) {
      if (pace.isPauseDue) await pace.pause();
      yield pair;
    }
  }

  /** Disks tell nothing of owners here, and a folder has none. */
  #ignored(): ReadonlySet<Aspect> {
    const [one, other] = this.#sides;
    const isOnDisk = [one, other].some((side) => side instanceof DirectorySide);
    const isFolder = (side: ImageSide | DirectorySide) => side instanceof ImageSide && side.isFolder;
    return new Set<Aspect>([
      ...this.#options.ignore ?? [],
      ...(isOnDisk ? ["owner", "attributes", "device"] as const : []),
      ...(isOnDisk && Deno.build.os === "windows" ? ["mode"] as const : []),
      ...(isFolder(one) !== isFolder(other) ? ["owner"] as const : []),
    ]);
  }

  #known(index: number, source: LayerEntry): ContentDigests | undefined {
    const side = this.#sides[index]!;
    return side instanceof ImageSide ? side.contents.get(source) : undefined;
  }

  async #isSame(before: MergedEntry, after: MergedEntry): Promise<boolean> {
    const known = [this.#known(0, before.source!), this.#known(1, after.source!)] as const;
    const own = await this.#digestsOf(0, before, known);
    return isSameContent(own, await this.#digestsOf(1, after, [own, known[1]])) === true;
  }

  async #digestsOf(
    index: 0 | 1,
    { path }: MergedEntry,
    known: Sides<ContentDigests | undefined>,
  ): Promise<ContentDigests | undefined> {
    const side = this.#sides[index];
    if (side instanceof ImageSide) return known[index];
    return await side.digestsOf(path, known[1 - index], this.#options.signal);
  }
}

/** Whether two entries are files of one size, so that their contents decide. */
function mayBeSame(before: MergedEntry | undefined, after: MergedEntry | undefined): boolean {
  if (!before?.source || !after?.source) return false;
  const [one, other] = [described(before), described(after)];
  return one.type === "file" && other.type === "file" && one.size === other.size && one.size > 0;
}

function isExact(side: ImageSide | DirectorySide): boolean {
  return side instanceof ImageSide || side.isExact;
}

/** The entries of a tree. Of several names of a file, the first in order has the file, whatever the archive says. */
function* withFirstNames(tree: FileTree): Generator<MergedEntry> {
  const names = new Map<string, string | undefined>();
  for (const { type, source } of tree.entries()) {
    if (type === "hardlink" && source) names.set(sourceKey(source), undefined);
  }
  for (const entry of tree.entries()) {
    const { source } = entry;
    const key = source && names.size > 0 ? sourceKey(source) : "";
    if (!source || !names.has(key)) yield entry;
    else {
      const first = names.get(key);
      const { target: _, ...named } = entry;
      yield first === undefined
        ? { ...named, type: source.type }
        : { ...named, type: "hardlink", target: first };
      names.set(key, first ?? entry.path);
    }
  }
}

/** What was fetched of both; `undefined` if nothing was read. */
function totalReport(sides: Sides<ImageSide | DirectorySide>): ReadReport | undefined {
  const reports = sides.flatMap((side) => side instanceof ImageSide ? side.report ?? [] : []);
  if (reports.length === 0) return undefined;
  const verified = reports.every((each) => each.verified);
  return {
    fetched: reports.reduce((sum, { fetched }) => sum + fetched, 0),
    size: reports.reduce((sum, { size }) => sum + size, 0),
    verified,
    byTable: !verified && reports.every((each) => each.verified || each.byTable),
  };
}
