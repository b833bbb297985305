/** Refuses names of an image that the disk of an extraction takes for one. @module */
import { ConflictError } from "../errors.ts";
import { baseName, parentOf, pathIn } from "../layers/entry.ts";
import type { MergedEntry } from "./file_tree.ts";
import { NumberList } from "./number_list.ts";

/** A path, and what has it. */
type Named = Pick<MergedEntry, "path" | "type">;

/** Finds two of these names that are one name on a disk. */
export type FindSameNames = (names: readonly string[]) => Promise<[string, string] | undefined>;

/**
 * Finds paths that are the same on a disk: one entry would replace the other, or lead through it. Disks fold names by
 * rules of their own, so the disk is asked, but only about names that some disk might fold.
 */
export class DistinctNames {
  readonly #hashes = new NumberList();
  readonly #see = pathsOnce((path) => this.#hashes.push(hashOf(keyOf(path))));

  /** Looks at an entry. */
  see(entry: Named): void {
    this.#see(entry);
  }

  /**
   * Refuses paths that are the same.
   *
   * @param entries those that were seen
   * @throws {ConflictError} if two paths are the same on the disk
   */
  async require(entries: Iterable<Named>, findSame: FindSameNames): Promise<void> {
    const suspects = this.#suspects();
    if (suspects.size === 0) return;
    for (const [directory, names] of groupsOf(entries, suspects)) {
      const same = await findSame(names);
      if (!same) continue;
      const [one, other] = same.map((name) => pathIn(directory, name));
      throw new ConflictError(`${one} and ${other} are the same name on this disk`, {
        hint: "extract them one by one, or to a case-sensitive disk",
      });
    }
  }

  /** The hashes that several folded paths have. Few are: the rest need not be compared. */
  #suspects(): Set<number> {
    const sorted = Float64Array.from({ length: this.#hashes.length }, (_, index) => this.#hashes.at(index));
    return new Set(sorted.sort().filter((hash, index) => hash === sorted[index + 1]));
  }
}

/**
 * Refuses paths of files that are the same on a disk.
 *
 * @throws {ConflictError} if two paths are the same on the disk
 */
export async function requireDistinctPaths(paths: Iterable<string>, findSame: FindSameNames): Promise<void> {
  const files = Array.from(new Set(paths), (path) => ({ path, type: "file" as const }));
  const names = new DistinctNames();
  for (const file of files) names.see(file);
  await names.require(files, findSame);
}

/** The names in one directory that some disk might fold, with the directory. */
function groupsOf(
  entries: Iterable<Named>,
  suspects: ReadonlySet<number>,
): [directory: string, names: string[]][] {
  const groups = new Map<string, string[]>();
  const see = pathsOnce((path) => {
    const key = keyOf(path);
    if (!suspects.has(hashOf(key))) return;
    const group = groups.get(key);
    if (group) group.push(path);
    else groups.set(key, [path]);
  });
  for (const entry of entries) see(entry);
  return [...groups.values()].filter(({ length }) => length > 1)
    .map((group) => [parentOf(group[0]!), group.map(baseName)]);
}

/** Calls with the path of each entry, and once with each directory above one. */
function pathsOnce(call: (path: string) => void): (entry: Named) => void {
  const directories = new Set<string>([""]);
  return ({ path, type }) => {
    if (directories.has(path)) return;
    call(path);
    let above = type === "directory" ? path : parentOf(path);
    for (; !directories.has(above); above = parentOf(above)) {
      directories.add(above);
      if (above !== path) call(above);
    }
  };
}

/** Paths have the same key if some disk may take them for one: that of their directory, and the folded name. */
function keyOf(path: string): string {
  return `${parentOf(path)}/${folded(baseName(path))}`;
}

/** The hash of a text (FNV-1a). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash;
}

/**
 * A name without all differences that a disk might overlook: case by the full folding, where `ß` is `SS`, the form of
 * accents and of ligatures, and characters that are not seen. It overlooks more than any disk does.
 */
function folded(name: string): string {
  if (/^[\x21-\x7e]*$/.test(name)) return name.toUpperCase();
  const visible = name.replace(/\p{Default_Ignorable_Code_Point}/gu, "");
  return visible.normalize("NFKD").toUpperCase().normalize("NFKD");
}
