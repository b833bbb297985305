/** The nodes of a merged filesystem: directories with what they have by name, and the entries of all else. @module */
import { baseName } from "../layers/entry.ts";

/** A directory of the tree. */
export interface Directory {
  /** The index of its entry; absent for an implied directory. */
  entry: number | undefined;
  layer: number;
  children: Map<string, Node>;
  /** The last layer that has removed everything below it that lower layers have. */
  emptiedBy: number;
}

/** A directory, or the index of the entry of anything else. */
export type Node = Directory | number;

/** Where the tree has a name: its path without links, and what is there. */
export interface TreePlace<N = Node> {
  path: string;
  node: N;
  /** The layer that hides it; absent = it is part of the filesystem. */
  by?: number;
}

/** The directories on a path, from the root. */
export type Trail = { name: string; node: Directory }[];

/** The path of the last directory, without links. */
export function pathOf(trail: Trail): string {
  return trail.slice(1).map(({ name }) => name).join("/");
}

/** The path of a name in a directory. */
export function pathIn(path: string, name: string): string {
  return path ? `${path}/${name}` : name;
}

/** A directory that has no entry yet. */
export function emptyDirectory(layer: number): Directory {
  return { entry: undefined, layer, children: new Map(), emptiedBy: 0 };
}

/** Puts a directory's entry into the directory above it. What it had stays. */
export function describe(
  above: Directory["children"],
  { path, layer, entry }: { path: string; layer: number; entry: number },
): void {
  const kept = above.get(baseName(path));
  if (typeof kept === "object") Object.assign(kept, { layer, entry });
  else setChild(above, baseName(path), { ...emptyDirectory(layer), entry });
}

/** Sets a child. A name that is cut from a path would keep the whole path in memory: it is made anew. */
export function setChild(children: Directory["children"], name: string, node: Node): void {
  children.set(children.has(name) ? name : JSON.parse(JSON.stringify(name)), node);
}

/** A place, and all that is below it. */
export function* withContent(place: TreePlace): Generator<TreePlace> {
  yield place;
  if (typeof place.node === "object") yield* placesBelow(place.path, place.node);
}

/** What is below a directory, in the order of the names, each directory before its content. */
export function* placesBelow(path: string, directory: Directory): Generator<TreePlace> {
  // Not recursive: an archive may nest directories deeper than the stack allows.
  const levels = [childrenOf(directory, path)];
  for (let level; (level = levels.at(-1));) {
    const { done, value: place } = level.next();
    if (done) levels.pop();
    else {
      yield place;
      if (typeof place.node === "object") levels.push(childrenOf(place.node, place.path));
    }
  }
}

/** What a directory has, in the order of the names. */
export function* childrenOf({ children }: Directory, path: string): Generator<TreePlace, undefined> {
  for (const name of [...children.keys()].sort()) {
    yield { path: pathIn(path, name), node: children.get(name)! };
  }
}
