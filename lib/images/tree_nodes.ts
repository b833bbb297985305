/** The nodes of a merged filesystem: directories with what they have by name, and the entries of all else. @module */
import { baseName, pathIn } from "../layers/entry.ts";
import type { FileIndex, IndexedDirectory } from "./file_index.ts";

/** A directory of the tree. */
export interface Directory {
  /** The index of its entry; absent for an implied directory. */
  entry: number | undefined;
  layer: number;
  children: Children;
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

/** What a directory has, by name: directories, and files by their index, which has their names for the whole tree. */
export class Children implements IndexedDirectory {
  readonly number: number;
  last = 0;
  readonly #index: FileIndex;
  #files = 0;
  #directories: Map<string, Directory> | undefined;

  /** @param index that of the tree */
  constructor(index: FileIndex) {
    this.#index = index;
    this.number = index.addDirectory();
  }

  /** How many there are. */
  get size(): number {
    return this.#files + (this.#directories?.size ?? 0);
  }

  /** What has a name. */
  get(name: string): Node | undefined {
    return this.#directories?.get(name) ?? this.#index.find(this, name);
  }

  /** Gives a name to something else. A name that is cut from a path would keep the whole path in memory: it is made anew. */
  set(name: string, node: Node): void {
    this.delete(name);
    if (typeof node === "object") {
      this.#directories ??= new Map();
      this.#directories.set(JSON.parse(JSON.stringify(name)), node);
    } else {
      this.#index.add(this, name, node);
      this.#files++;
    }
  }

  /** Removes what has a name. */
  delete(name: string): void {
    if (this.#directories?.delete(name)) return;
    const file = this.#index.find(this, name);
    if (file === undefined) return;
    this.#index.remove(file);
    this.#files--;
  }

  /** All of it, in no order. */
  *entries(): Generator<[name: string, node: Node]> {
    for (const file of this.#index.filesIn(this)) yield [this.#index.nameOf(file), file];
    yield* this.#directories ?? [];
  }

  /** A directory of the same tree that has no entry yet. */
  emptyDirectory(layer: number): Directory {
    return emptyDirectory(layer, this.#index);
  }
}

/** A directory that has no entry yet. */
export function emptyDirectory(layer: number, index: FileIndex): Directory {
  return { entry: undefined, layer, children: new Children(index), emptiedBy: 0 };
}

/** Puts a directory's entry into the directory above it. What it had stays. */
export function describe(
  above: Children,
  { path, layer, entry }: { path: string; layer: number; entry: number },
): void {
  const kept = above.get(baseName(path));
  if (typeof kept === "object") Object.assign(kept, { layer, entry });
  else above.set(baseName(path), { ...above.emptyDirectory(layer), entry });
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
  const inOrder = [...children.entries()].sort(([one], [other]) => one < other ? -1 : 1);
  for (const [name, node] of inOrder) yield { path: pathIn(path, name), node };
}
