/** Finds files in the merged filesystem, from the topmost layer down, and reads no further than needed. @module */
import { Pace } from "../async/pace.ts";
import { MismatchError } from "../errors.ts";
import { isOfStargz } from "../layers/stargz.ts";
import { EntryBudget } from "./entry_budget.ts";
import { FileTree, type MergedEntry } from "./file_tree.ts";
import type { LayerEntry } from "./layer_entry.ts";
import type { ImageFiles, OpenLayerEntry } from "./image_files.ts";
import { PackedEntries } from "./packed_entries.ts";
import type { PathPattern } from "./path_pattern.ts";
import { HiddenPaths, PathSearch } from "./path_search.ts";
import { whiteoutOf } from "./whiteouts.ts";

/** The result of a survey. */
export interface SurveyResult {
  /** The files that the patterns select, each directory before its content. Each time it is asked for, it is made anew. */
  readonly entries: MergedEntry[];
  /** The same, one after the other: all at once would take much memory. */
  selected(): Iterable<MergedEntry>;
  /** The merged filesystem; absent if the survey ended before all layers were read. */
  readonly tree: FileTree | undefined;
  /** What is wrong with a damaged layer, if that is tolerated: entries may be missing. */
  readonly damage?: MismatchError;
}

/** Options for a survey. */
export interface SurveyOptions {
  /**
   * Called with each file that is likely to be selected, while its content can be read. Hard links have no content of
   * their own. A lower or later entry may still rule the file out.
   */
  visit?: (entry: OpenLayerEntry) => Promise<void>;
  /** Reads all layers if a symbolic link is found, so that there is a tree to follow it in. */
  follows?: boolean | undefined;
  /** Reads every layer to its last byte, and verifies it. */
  whole?: boolean | undefined;
  /** Also selects what later layers hide. For that, all layers are read. */
  hidden?: boolean | undefined;
  /** Gives what can be read of damaged layers, and the damage, instead of failing with it. */
  toleratesDamage?: boolean | undefined;
}

/**
 * Finds the files that patterns select in the merged filesystem. Layers are read from the top down, each to its end: of
 * entries with the same path the last counts, as for a container engine. If there are plain paths only, the survey ends
 * with the layer in which the last of them is found, because lower layers cannot change them. The files that the format
 * eStargz adds to layers are selected only by their exact paths.
 *
 * @throws {MismatchError} if a layer is damaged
 */
export async function survey(
  files: ImageFiles,
  patterns: readonly PathPattern[],
  options: SurveyOptions = {},
): Promise<SurveyResult> {
  const { visit, whole, follows, toleratesDamage, hidden: keepHidden = false } = options;
  const early = !whole && !keepHidden && patterns.every(({ path, followed }) => path && !followed);
  const searches = early ? patterns.map((pattern) => new PathSearch(pattern)) : [];
  const hidden = new HiddenPaths();
  const seen: PackedEntries[] = [];
  const want = visit && patterns.some(({ path }) => path === "") ? "bytes" : "names";
  const budget = new EntryBudget();
  let damage: MismatchError | undefined;
  const tree = new FileTree({ keepHidden });
  const see = async (open: OpenLayerEntry, upper: PackedEntries | undefined) => {
    const { extents: _, ...entry } = open;
    if (upper) upper.push(entry);
    else tree.add(entry);
    for (const search of searches) search.see(entry);
    if (visit && hasReadableContent(entry) && !hidden.has(entry.path) && isSelected(patterns, entry.path)) {
      await visit(open);
    }
  };
  for (const layer of files.layers.toReversed()) {
    // The base is read last, and the tree begins with it. What the others have waits until then.
    const upper = seen.length < files.layers.length - 1 ? new PackedEntries(budget) : undefined;
    if (upper) seen.unshift(upper);
    const read = async () => {
      for await (const open of files.entries(layer, { want, whole })) {
        if (!isOfStargz(layer, open.path) || isNamed(patterns, open.path)) await see(open, upper);
      }
    };
    if (toleratesDamage) damage = await damageOf(read) ?? damage;
    else await read();
    for (const search of searches) search.endLayer();
    if (visit) upper?.forEach((entry) => hidden.hide(entry));
    const found = early && upper && !damage ? foundByAll(searches, { follows }) : undefined;
    if (found) return resultOf(() => onePerPath(found), undefined);
  }
  await addLayers(tree, seen, files.signal);
  return resultOf(() => select(tree, patterns), tree, damage);
}

function resultOf(
  selected: () => Iterable<MergedEntry>,
  tree: FileTree | undefined,
  damage?: MismatchError,
): SurveyResult {
  return {
    selected,
    tree,
    ...(damage && { damage }),
    get entries() {
      return [...selected()];
    },
  };
}

/** What was searched for, if nothing else has to be read for it; `undefined` = the survey goes on. */
function foundByAll(
  searches: readonly PathSearch[],
  { follows }: Pick<SurveyOptions, "follows">,
): LayerEntry[] | undefined {
  const found = searches.flatMap((search) => search.found ?? []);
  if (found.length < searches.length) return undefined;
  return follows && found.some(({ type }) => type === "symlink") ? undefined : found;
}

/** Reads, and gives the damage that ends it early. */
async function damageOf(read: () => Promise<void>): Promise<MismatchError | undefined> {
  try {
    await read();
  } catch (error) {
    if (error instanceof MismatchError) return error;
    throw error;
  }
  return undefined;
}

function hasReadableContent({ type, path }: LayerEntry): boolean {
  return type === "file" && whiteoutOf(path) === undefined;
}

/** Whether a pattern is exactly this path. */
function isNamed(patterns: readonly PathPattern[], path: string): boolean {
  return patterns.some(({ exact }) => exact.includes(path));
}

function isSelected(patterns: readonly PathPattern[], path: string): boolean {
  return patterns.some((pattern) => pattern.includes(path));
}

async function addLayers(
  tree: FileTree,
  layers: PackedEntries[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const pace = new Pace(signal);
  for (const entries of layers) {
    for (const entry of entries.drain()) {
      tree.add(entry);
      if (pace.isPauseDue) await pace.pause();
    }
  }
}

/** The entries that the patterns select. A plain path may lead over links to the real path of its files. */
function* select(tree: FileTree, patterns: readonly PathPattern[]): Generator<MergedEntry> {
  const real = patterns.map((pattern) => realPattern(tree, pattern));
  for (const entry of tree.entries()) if (real.some((includes) => includes(entry.path))) yield entry;
}

/** The entry that a pattern names exactly; `undefined` if it is a glob, or nothing has its name. */
export function findExact(tree: FileTree, { exact }: PathPattern): MergedEntry | undefined {
  for (const path of exact) {
    const found = tree.find(path);
    if (found) return found;
  }
  return undefined;
}

function realPattern(tree: FileTree, pattern: PathPattern): PathPattern["includes"] {
  const { followed, includes } = pattern;
  const found = findExact(tree, pattern);
  const led = found && followed ? tree.follow(found) : undefined;
  const real = (led?.type === "directory" ? led : found)?.path;
  if (real === undefined) return includes;
  if (real === "") return () => true;
  return (each) => each === real || each.startsWith(`${real}/`);
}

function onePerPath(entries: LayerEntry[]): MergedEntry[] {
  const byPath = new Map(entries.map((entry) => [entry.path, { ...entry, source: entry }]));
  return [...byPath.values()];
}
