/** The merged filesystem of an image, which results from applying its layers in order. @module */
import { MismatchError } from "../errors.ts";
import { baseName, type Entry, normalPath, parentOf } from "../layers/entry.ts";
import { EntryBudget } from "./entry_budget.ts";
import { isOfAufs, type Whiteout, whiteoutOf } from "./whiteouts.ts";

/** An entry, and the number of its layer. */
export interface LayerEntry extends Entry {
  /** The number of its layer: 1 is the base. */
  layer: number;
}

/** An entry of the merged filesystem. */
export interface MergedEntry extends LayerEntry {
  /** For a file or a hard link: the entry that has the content. Entries with the same source are the same file. */
  source?: LayerEntry | undefined;
  /** Set for a directory that no layer lists, although it lists something in it. */
  implied?: true;
}

/** Whether an entry is a hard link whose target is missing. */
export function isBrokenLink({ type, source }: MergedEntry): boolean {
  return type === "hardlink" && source === undefined;
}

interface Node {
  /** Absent for an implied directory. */
  entry: Entry | undefined;
  layer: number;
  /** Set for a directory. */
  children: Map<string, Node> | undefined;
  source: LayerEntry | undefined;
  /** The last layer that has removed everything below it that lower layers have. */
  emptiedBy: number;
}

/** The most symbolic links that are followed in one path. Linux has the same limit. */
const MOST_HOPS = 40;
/** The most nested directories: no system can open a deeper path. */
const DEEPEST = 4096;

/**
 * Merges layers as a container engine does when it unpacks them. Entries are added from the base up, in the order of
 * their archives.
 *
 * @example
 * ```ts
 * import { FileTree, type LayerEntry } from "@layerstash/cli/images";
 *
 * const file = (layer: number, path: string): LayerEntry => ({
 *   layer,
 *   path, name: path, type: "file", mode: 0o644, uid: 0, gid: 0, owner: "", group: "", size: 0, modified: 0, position: 0,
 * });
 * const tree = new FileTree();
 * tree.add(file(1, "etc/old"));
 * tree.add(file(2, "etc/.wh.old"));
 * tree.add(file(2, "etc/new"));
 * const paths = Array.from(tree.entries(), ({ path, layer }) => `${path} ${layer}`);
 * if (paths.join() !== "etc 1,etc/new 2") throw new Error(paths.join());
 * ```
 */
export class FileTree {
  readonly #root: Node = directory(0);
  readonly #keepsWhiteouts: boolean;
  readonly #budget = new EntryBudget();
  /** Files by path that AUFS kept for itself: engines do not unpack them, but hard links may lead to them. */
  readonly #hidden = new Map<string, LayerEntry>();

  /**
   * Makes an empty tree.
   *
   * @param options `keepWhiteouts` lists whiteouts as files, to show a single layer
   */
  constructor({ keepWhiteouts = false }: { keepWhiteouts?: boolean } = {}) {
    this.#keepsWhiteouts = keepWhiteouts;
  }

  /**
   * Applies an entry: a whiteout removes what lower layers have, and anything else replaces what has the same path.
   * Only a directory that replaces a directory keeps its content. Links in the path are followed, and do not lead
   * out.
   *
   * @throws {MismatchError} if there are too many entries, or they hold too much
   */
  add(entry: LayerEntry): void {
    const { layer } = entry;
    const whiteout = this.#keepsWhiteouts ? undefined : whiteoutOf(entry.path);
    if (whiteout) return this.#erase(layer, whiteout);
    this.#budget.take(entry);
    if (!this.#keepsWhiteouts && isOfAufs(entry.path)) return void this.#hidden.set(entry.path, entry);
    if (entry.path === "") return this.#describeRoot(layer, entry);
    const parent = this.#walk(parentOf(entry.path), layer)!;
    const name = baseName(entry.path);
    const isDirectory = entry.type === "directory";
    const source = entry.type === "hardlink" ? this.#linked(entry) : entry;
    const kept = isDirectory ? parent.children!.get(name) : undefined;
    const children = isDirectory ? kept?.children ?? new Map() : undefined;
    parent.children!.set(name, { entry, layer, children, source, emptiedBy: kept?.emptiedBy ?? 0 });
  }

  /** All entries in the order of their names, each directory before its content. */
  *entries(): Generator<MergedEntry> {
    if (this.#root.entry) yield merged(this.#root, "");
    yield* entriesIn(this.#root);
  }

  /** The entries in a directory, by name; empty if there is no such directory. Links in the path are followed. */
  list(path: string): MergedEntry[] {
    const trail = this.#trail(normalPath(path));
    const node = trail?.at(-1)?.node;
    if (!node) return [];
    const realPath = trail!.slice(1).map(({ name }) => name).join("/");
    return childrenOf(node, realPath).map((child) => merged(child.node, child.path));
  }

  /**
   * The entry at a path; `undefined` if there is none. As in a container, links within the path are followed, but not one
   * at its end.
   */
  find(path: string): MergedEntry | undefined {
    return this.#at(normalPath(path));
  }

  /** The entry that a symbolic link finally leads to, as the system would resolve it; `undefined` if there is none. */
  follow(entry: MergedEntry): MergedEntry | undefined {
    let found: MergedEntry | undefined = entry;
    for (let hops = 0; found?.type === "symlink"; hops++) {
      if (hops === MOST_HOPS) return undefined;
      const target: string = found.target ?? "";
      found = this.#at(target.startsWith("/") ? target : `${parentOf(found.path)}/${target}`);
    }
    return found;
  }

  /** The entry at a path. `..` means the parent of the directory that links before it lead to. */
  #at(path: string): MergedEntry | undefined {
    const name = baseName(path);
    const isName = !["", ".", ".."].includes(name);
    const trail = this.#trail(isName ? parentOf(path) : path);
    if (!trail) return undefined;
    const above = trail.at(-1)!.node;
    const node = isName ? above.children!.get(name) : above;
    const names = [...trail.slice(1).map((step) => step.name), ...(isName ? [name] : [])];
    return node && merged(node, names.join("/"));
  }

  #describeRoot(layer: number, entry: Entry): void {
    if (entry.type !== "directory") return;
    this.#root.entry = entry;
    this.#root.layer = layer;
  }

  #linked({ target = "" }: Entry): LayerEntry | undefined {
    const path = normalPath(target);
    const parent = this.#trail(parentOf(path))?.at(-1)?.node;
    return this.#hidden.get(path) ?? parent?.children?.get(baseName(path))?.source;
  }

  #erase(layer: number, whiteout: Whiteout): void {
    if (whiteout.kind === "none") return;
    const path = whiteout.kind === "opaque" ? whiteout.directory : parentOf(whiteout.path);
    const node = this.#trail(path)?.at(-1)?.node;
    if (!node?.children) return;
    if (whiteout.kind === "opaque") eraseAll(node, layer);
    else eraseOne(node, baseName(whiteout.path), layer);
  }

  /** The directory at a path. Missing directories are made. */
  #walk(path: string, layer: number): Node | undefined {
    return this.#trail(path, layer)?.at(-1)?.node;
  }

  /** The directories on a path, with links resolved; `undefined` if one is missing and `makeFor` names no layer. */
  #trail(path: string, makeFor?: number): { name: string; node: Node }[] | undefined {
    const trail = [{ name: "", node: this.#root }];
    const left = path.split("/").reverse();
    for (let hops = 0; left.length > 0;) {
      const name = left.pop()!;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const { children } = trail.at(-1)!.node;
      let node = children!.get(name);
      const target = node?.entry?.type === "symlink" && hops++ < MOST_HOPS ? node.entry.target : undefined;
      if (target !== undefined) {
        if (target.startsWith("/")) trail.length = 1;
        for (const part of target.split("/").reverse()) left.push(part);
        continue;
      }
      if (!node?.children) {
        if (makeFor === undefined) return undefined;
        this.#budget.takeImplied();
        children!.set(name, node = directory(makeFor));
      }
      if (trail.push({ name, node }) > DEEPEST) {
        throw new MismatchError("the layers nest directories too deeply");
      }
    }
    return trail;
  }
}

function directory(layer: number): Node {
  return { entry: undefined, layer, children: new Map(), source: undefined, emptiedBy: 0 };
}

/** Removes what lower layers have under a name: a whiteout does not affect its own layer. */
function eraseOne({ children }: Node, name: string, layer: number): void {
  const node = children!.get(name);
  if (!node) return;
  if (node.children) eraseAll(node, layer);
  if (node.layer < layer && !node.children?.size) children!.delete(name);
}

/** Removes what lower layers have in a directory, once for each layer: what comes after that is the layer's own. */
function eraseAll(directory: Node, layer: number): void {
  if (directory.emptiedBy === layer) return;
  directory.emptiedBy = layer;
  for (const name of [...directory.children!.keys()]) eraseOne(directory, name, layer);
}

/** All entries below a directory. Not recursive: an archive may nest directories deeper than the stack allows. */
function* entriesIn(root: Node): Generator<MergedEntry> {
  const left = childrenOf(root, "").reverse();
  for (let next; (next = left.pop());) {
    yield merged(next.node, next.path);
    for (const child of childrenOf(next.node, next.path).reverse()) left.push(child);
  }
}

function childrenOf({ children }: Node, path: string): { node: Node; path: string }[] {
  const names = [...children?.keys() ?? []].sort();
  return names.map((name) => ({ node: children!.get(name)!, path: path ? `${path}/${name}` : name }));
}

function merged({ entry, layer, source }: Node, path: string): MergedEntry {
  if (!entry) return { ...IMPLIED, path, name: path, layer, implied: true };
  const linked = entry.type === "hardlink" && source ? { size: source.size } : {};
  return { ...entry, ...linked, path, layer, ...(source && { source }) };
}

/** The metadata of a directory that no layer lists: engines make it with defaults. */
const IMPLIED: Omit<Entry, "path" | "name"> = {
  type: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  owner: "",
  group: "",
  size: 0,
  modified: 0,
  position: -1,
};
