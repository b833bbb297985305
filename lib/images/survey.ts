/** Looks for files in the merged filesystem, from the topmost layer down, and no further than needed. @module */
import { MismatchError } from "../errors.ts";
import { baseName, parentOf } from "../layers/entry.ts";
import { FileTree, type LayerEntry, type MergedEntry, MOST_ENTRIES } from "./file_tree.ts";
import type { ImageFiles, OpenLayerEntry } from "./image_files.ts";
import type { PathPattern } from "./path_pattern.ts";
import { whiteoutOf } from "./whiteouts.ts";

/** What was found. */
export interface SurveyResult {
  /** The files that were looked for, each directory before what is in it. */
  entries: MergedEntry[];
  /** Everything that there is; absent where the search ended before all layers were read. */
  tree: FileTree | undefined;
}

/** What a search takes. */
export interface SurveyOptions {
  /**
   * Given each file that will most likely be among those found, while its bytes can be read; hard links have none of their
   * own, and whiteouts are no files. What was given in vain is not among them in the end, unless it is `certain`.
   */
  visit?: (entry: OpenLayerEntry, certain: boolean) => Promise<void>;
  /** Where a symbolic link is found the search does not end early: there is a tree then, in which it can be followed. */
  follows?: boolean | undefined;
  /** Reads every layer to its last byte, and verifies it. */
  whole?: boolean | undefined;
}

/**
 * Finds what patterns mean in the merged filesystem. The layers are read from the top down: a file that a plain path names
 * is final where it is found first, and the search ends in the middle of the layer when there is nothing else to find.
 *
 * Of two entries of one layer with the same name an engine takes the last; where the search ends early it is the first.
 */
export async function survey(
  files: ImageFiles,
  patterns: readonly PathPattern[],
  { visit, whole, follows }: SurveyOptions = {},
): Promise<SurveyResult> {
  const searches = patterns.map((pattern) => new PathSearch(pattern));
  const everything = patterns.some(({ path }) => path === "");
  const early = !whole && patterns.every(({ path, followed }) => path && !followed);
  const hidden = new Hidden();
  const seen: LayerEntry[][] = [];
  let count = 0;
  for (const layer of files.layers.toReversed()) {
    const entries: LayerEntry[] = [];
    seen.unshift(entries);
    const want = early ? "some" : visit && everything ? "bytes" : "names";
    for await (const open of files.entries(layer, { want, whole })) {
      if (++count > MOST_ENTRIES) throw tooMany();
      const { extents: _, ...entry } = open;
      entries.push(entry);
      for (const search of searches) search.see(entry);
      if (visit && isFile(entry) && !hidden.has(entry.path) && includes(patterns, entry.path)) {
        await visit(open, early && searches.some(({ found }) => found === entry));
      }
      if (early && searches.every(({ found }) => found && !(follows && found.type === "symlink"))) {
        return { entries: distinct(searches.map(({ found }) => found!)), tree: undefined };
      }
    }
    for (const search of searches) search.endLayer();
    for (const entry of entries) hidden.hide(entry);
  }
  const tree = treeOf(seen);
  return { entries: select(tree, patterns), tree };
}

function isFile({ type, path }: LayerEntry): boolean {
  return type === "file" && whiteoutOf(path) === undefined;
}

function includes(patterns: readonly PathPattern[], path: string): boolean {
  return patterns.some((pattern) => pattern.includes(path));
}

function treeOf(layers: LayerEntry[][]): FileTree {
  const tree = new FileTree();
  for (const entries of layers) for (const entry of entries) tree.add(entry);
  return tree;
}

/** What the patterns mean in the tree. A plain path may lead over links to where the files really are. */
function select(tree: FileTree, patterns: readonly PathPattern[]): MergedEntry[] {
  const real = patterns.map((pattern) => realPattern(tree, pattern));
  return [...tree.entries()].filter(({ path }) => real.some((includes) => includes(path)));
}

function realPattern(tree: FileTree, { path, followed, includes }: PathPattern): PathPattern["includes"] {
  const found = path === undefined ? undefined : tree.find(path);
  const led = found && followed ? tree.follow(found) : undefined;
  const place = (led?.type === "directory" ? led : found)?.path;
  if (place === undefined) return includes;
  if (place === "") return () => true;
  return (each) => each === place || each.startsWith(`${place}/`);
}

function distinct(entries: LayerEntry[]): MergedEntry[] {
  const byPath = new Map(entries.map((entry) => [entry.path, { ...entry, source: entry }]));
  return [...byPath.values()];
}

function tooMany(): MismatchError {
  return new MismatchError(
    `the layers have more than ${MOST_ENTRIES} entries: that is more than is kept in memory`,
  );
}

/** The search for one plain path: what is found is final where nothing seen before can have changed it. */
class PathSearch {
  readonly path: string | undefined;
  found: LayerEntry | undefined;
  readonly #parts: ReadonlySet<string>;
  /** Something on the way is a link or gone: only the whole tree can tell. */
  #doubtful = false;
  #doubtfulBelow = false;
  /** The directories that the layer being read has itself. */
  #own = new Set<string>([""]);
  #isTop = true;

  constructor({ path }: PathPattern) {
    this.path = path;
    this.#parts = new Set(path?.split("/"));
  }

  see(entry: LayerEntry): void {
    if (this.path === undefined || this.found) return;
    if (entry.type === "directory") this.#own.add(entry.path);
    const whiteout = whiteoutOf(entry.path);
    if (whiteout) {
      const gone = whiteout.kind === "removed"
        ? whiteout.path
        : whiteout.kind === "opaque"
        ? whiteout.directory
        : undefined;
      const touches = gone !== undefined && (this.#isOnWay(gone) || this.#mayLeadHere(gone, entry.path));
      if (touches) this.#doubtfulBelow = true;
    } else if (entry.path === this.path) {
      const plain = entry.type === "file" || entry.type === "symlink";
      if (plain && !this.#doubtful && (this.#isTop || this.#hasParents(entry.path))) this.found = entry;
      else this.#doubtful = true;
    } else if (entry.path.startsWith(`${this.path}/`)) this.#doubtful = true; // it is a directory
    else if (entry.type !== "directory" && this.#isOnWay(entry.path)) this.#doubtful = true;
    else if (this.#mayLeadHere(entry.path, entry.path)) this.#doubtful = true;
  }

  endLayer(): void {
    this.#doubtful ||= this.#doubtfulBelow;
    this.#own = new Set([""]);
    this.#isTop = false;
  }

  /** Where its directories are of this layer, it is where it seems to be, and nothing above can have moved it. */
  #hasParents(path: string): boolean {
    for (let above = parentOf(path); above !== ""; above = parentOf(above)) {
      if (!this.#own.has(above)) return false;
    }
    return true;
  }

  #isOnWay(path: string): boolean {
    return path === this.path || path === "" || this.path!.startsWith(`${path}/`);
  }

  /** An entry whose directory is in another layer may be somewhere else, where that directory is a link. */
  #mayLeadHere(path: string, name: string): boolean {
    return !this.#own.has(parentOf(name)) && (path === "" || this.#parts.has(baseName(path)));
  }
}

/** What the layers above hide, as far as names tell. */
class Hidden {
  readonly #paths = new Set<string>();
  readonly #below = new Set<string>();

  hide({ path, type }: LayerEntry): void {
    const whiteout = whiteoutOf(path);
    if (whiteout?.kind === "opaque") this.#below.add(whiteout.directory);
    else if (whiteout?.kind === "removed") this.#paths.add(whiteout.path);
    else if (!whiteout && type !== "directory") this.#paths.add(path);
  }

  has(path: string): boolean {
    if (this.#paths.has(path)) return true;
    for (let above = path; above !== "";) {
      above = parentOf(above);
      if (this.#below.has(above) || this.#paths.has(above)) return true;
    }
    return false;
  }
}
