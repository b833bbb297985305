/** Compares the trees of two sides, and the contents of their files. @module */
import { Pace } from "../async/pace.ts";
import { isInStaging } from "../folders/staged_folder.ts";
import type { FileTree, MergedEntry } from "../images/file_tree.ts";
import type { LayerEntry } from "../images/layer_entry.ts";
import { sourceKey } from "../images/read_sources.ts";
import type { ContentDigests } from "../layers/entry.ts";
import { STARGZ_PATHS } from "../layers/stargz.ts";
import { isSameContent } from "./contents.ts";
import {
  type Aspect,
  aspectsOf,
  described,
  pairsOf,
  type Sides,
  type TreeDifference,
} from "./differences.ts";
import { DirectorySide } from "./directory_side.ts";
import { ImageSide } from "./image_side.ts";

/** One side of a comparison. */
export type TreeSide = ImageSide | DirectorySide;

/** What the comparison of two trees takes beside them. */
interface ComparisonOptions {
  /** What does not count. */
  ignore?: readonly Aspect[] | undefined;
  signal?: AbortSignal | undefined;
}

/** Times in tables of contents and archives are kept as numbers, which round them by less than this, in seconds. */
const EXACT = 1e-6;
/** What a disk tells of times where it does not tell all, in seconds. */
const MILLISECOND = 1e-3;

/** A comparison of two trees, in which contents are read only where no digest tells. */
export class TreeComparison {
  readonly #sides: Sides<TreeSide>;
  readonly #trees: Sides<FileTree>;
  readonly #options: ComparisonOptions;

  constructor(
    sides: Sides<TreeSide>,
    trees: Sides<FileTree>,
    options: ComparisonOptions,
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
    const areFolders = this.#sides.every(isOfFolder);
    for await (const { before, after } of this.#pairs()) {
      const path = (before ?? after)!.path;
      if (!before || !after) {
        if (path === "") continue; // an image need not say anything of its top
        if (areFolders && (before ?? after)!.implied) continue; // it is in a layer that both have
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
    const isOnDisk = this.#sides.some((side) => side instanceof DirectorySide);
    const isUnpacked = isOnDisk && this.#sides.some(isOfFolder);
    for (const pair of pairsOf(withFirstNames(before), withFirstNames(after))) {
      if (pace.isPauseDue) await pace.pause();
      const { path } = (pair.before ?? pair.after)!;
      if (isOnDisk && isInStaging(path)) continue; // no download brings it back
      if (isUnpacked && STARGZ_PATHS.includes(path)) continue; // engines that unpack a folder make them
      yield pair;
    }
  }

  /** Disks tell nothing of owners here, and a folder has none. */
  #ignored(): ReadonlySet<Aspect> {
    const [one, other] = this.#sides;
    const isOnDisk = [one, other].some((side) => side instanceof DirectorySide);
    return new Set<Aspect>([
      ...this.#options.ignore ?? [],
      ...(isOnDisk ? ["owner", "attributes", "device"] as const : []),
      ...(isOnDisk && Deno.build.os === "windows" ? ["mode"] as const : []),
      ...(isOfFolder(one) !== isOfFolder(other) ? ["owner"] as const : []),
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
    return await side.digestsOf(path, known[1 - index]);
  }
}

/** Whether two entries are files of one size, so that their contents decide. */
function mayBeSame(before: MergedEntry | undefined, after: MergedEntry | undefined): boolean {
  if (!before?.source || !after?.source) return false;
  const [one, other] = [described(before), described(after)];
  return one.type === "file" && other.type === "file" && one.size === other.size && one.size > 0;
}

function isOfFolder(side: TreeSide): boolean {
  return side instanceof ImageSide && side.isFolder;
}

function isExact(side: TreeSide): boolean {
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
