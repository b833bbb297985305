/** Refuses names of an image that the disk of an extraction takes for one. @module */
import { ConflictError } from "../errors.ts";
import { baseName, parentOf } from "../layers/entry.ts";

/** Finds two of these names that are one name on a disk. */
export type FindSameNames = (names: readonly string[]) => Promise<[string, string] | undefined>;

/**
 * Refuses paths that are the same on a disk: one entry would replace the other, or lead through it. Disks fold names by
 * rules of their own, so the disk is asked, but only about names that some disk might fold.
 *
 * @throws {ConflictError} if two paths are the same on the disk
 */
export async function requireDistinctPaths(paths: Iterable<string>, findSame: FindSameNames): Promise<void> {
  for (const [directory, names] of groupsOf(paths)) {
    const same = await findSame(names);
    if (!same) continue;
    const [one, other] = same.map((name) => directory ? `${directory}/${name}` : name);
    throw new ConflictError(`${one} and ${other} are the same name on this disk`, {
      hint: "extract them one by one, or to a case-sensitive disk",
    });
  }
}

/** The names in one directory that some disk might fold, with the directory. */
function groupsOf(paths: Iterable<string>): [directory: string, names: string[]][] {
  const known = new Set<string>([""]);
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    for (let at = path; !known.has(at); at = parentOf(at)) {
      known.add(at);
      const key = `${parentOf(at)}/${folded(baseName(at))}`;
      const group = groups.get(key);
      if (group) group.push(at);
      else groups.set(key, [at]);
    }
  }
  return [...groups.values()].filter(({ length }) => length > 1)
    .map((group) => [parentOf(group[0]!), group.map(baseName)]);
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
