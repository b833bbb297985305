/** The merged filesystem of an image: what is there when all layers are put on each other. @module */
import { MismatchError } from "../errors.ts";
import { baseName, type Entry, normalPath, parentOf } from "../layers/entry.ts";
import { type Whiteout, whiteoutOf } from "./whiteouts.ts";

/** An entry of a layer, with the layer's number. */
export interface LayerEntry extends Entry {
  /** The number of the layer that it is from: 1 is the base. */
  layer: number;
}

/** What is at a place of the merged filesystem. */
export interface MergedEntry extends LayerEntry {
  /** Of a file or hard link: the entry that has the bytes. Those that share one are the same file. */
  source?: LayerEntry | undefined;
  /** Set where no layer has an entry for a directory, but for something in it. */
  implied?: true;
}

/** Whether it is a hard link whose file is not there. */
export function isBrokenLink({ type, source }: MergedEntry): boolean {
  return type === "hardlink" && source === undefined;
}

interface Node {
  /** Absent for a directory that is only implied. */
  entry: Entry | undefined;
  layer: number;
  /** Of a directory. */
  children: Map<string, Node> | undefined;
  source: LayerEntry | undefined;
}

/** So many links are followed at once, as in Linux. */
const MOST_HOPS = 40;
/** No path that a system can open has more parts. */
const DEEPEST = 4096;
/** So many entries are kept in memory; the largest images have some hundred thousand. */
export const MOST_ENTRIES = 2_000_000;

/**
 * Puts layers on each other, as a container engine does when it unpacks them. Entries are added from the base up, in the
 * order of their archives.
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
  #count = 0;

  /**
   * Nothing is there yet.
   *
   * @param options `keepWhiteouts` shows whiteouts as the files that they are, for a look at a single layer
   */
  constructor({ keepWhiteouts = false }: { keepWhiteouts?: boolean } = {}) {
    this.#keepsWhiteouts = keepWhiteouts;
  }

  /**
   * Puts an entry on what is there: a whiteout takes away what is of layers below, anything else takes the place of what
   * is there. Only a directory keeps what is in a directory. Links on the way are followed, and do not lead out.
   *
   * @throws {MismatchError} when there are too many
   */
  add(entry: LayerEntry): void {
    const { layer } = entry;
    const whiteout = this.#keepsWhiteouts ? undefined : whiteoutOf(entry.path);
    if (whiteout) return this.#erase(layer, whiteout);
    if (++this.#count > MOST_ENTRIES) {
      throw new MismatchError(
        `the layers have more than ${MOST_ENTRIES} entries: that is more than is kept in memory`,
      );
    }
    if (entry.path === "") return this.#describeRoot(layer, entry);
    const parent = this.#walk(parentOf(entry.path), layer)!;
    const name = baseName(entry.path);
    const isDirectory = entry.type === "directory";
    const source = entry.type === "hardlink" ? this.#linked(entry) : entry;
    const kept = isDirectory ? parent.children!.get(name)?.children : undefined;
    const children = isDirectory ? kept ?? new Map() : undefined;
    parent.children!.set(name, { entry, layer, children, source });
  }

  /** Everything that is there, each directory before what is in it, by name. */
  *entries(): Generator<MergedEntry> {
    if (this.#root.entry) yield merged(this.#root, "");
    yield* entriesIn(this.#root);
  }

  /** What is in a directory, by name; links on the way to it are followed. Empty where there is no such directory. */
  list(path: string): MergedEntry[] {
    const trail = this.#trail(normalPath(path));
    const node = trail?.at(-1)?.node;
    if (!node) return [];
    const place = trail!.slice(1).map(({ name }) => name).join("/");
    return childrenOf(node, place).map((child) => merged(child.node, child.path));
  }

  /**
   * What is at a place. Links in the middle of the path are followed, as in a container; the last part is not.
   * `undefined` = nothing.
   */
  find(path: string): MergedEntry | undefined {
    return this.#at(normalPath(path));
  }

  /** Where a symbolic link leads to in the end, as the system would go; `undefined` = nowhere. */
  follow(entry: MergedEntry): MergedEntry | undefined {
    let found: MergedEntry | undefined = entry;
    for (let hops = 0; found?.type === "symlink"; hops++) {
      if (hops === MOST_HOPS) return undefined;
      const target: string = found.target ?? "";
      found = this.#at(target.startsWith("/") ? target : `${parentOf(found.path)}/${target}`);
    }
    return found;
  }

  /** What is at a path, in which `..` is above where the links before it lead; its last name is not followed. */
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
    const place = normalPath(target);
    const parent = this.#trail(parentOf(place))?.at(-1)?.node;
    return parent?.children?.get(baseName(place))?.source;
  }

  #erase(layer: number, whiteout: Whiteout): void {
    if (whiteout.kind === "none") return;
    const path = whiteout.kind === "opaque" ? whiteout.directory : parentOf(whiteout.path);
    const children = this.#trail(path)?.at(-1)?.node.children;
    if (!children) return;
    if (whiteout.kind === "opaque") eraseAll(children, layer);
    else eraseOne(children, baseName(whiteout.path), layer);
  }

  /** The directory at a path; what is missing is made. */
  #walk(path: string, layer: number): Node | undefined {
    return this.#trail(path, layer)?.at(-1)?.node;
  }

  /** The way to a directory, with the names that it really has; `undefined` where it is not there and not to be made. */
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
  return { entry: undefined, layer, children: new Map(), source: undefined };
}

/** A whiteout takes away what is of the layers below, and nothing of its own. */
function eraseOne(children: Map<string, Node>, name: string, layer: number): void {
  const node = children.get(name);
  if (!node) return;
  if (node.children) eraseAll(node.children, layer);
  if (node.layer < layer && !node.children?.size) children.delete(name);
}

function eraseAll(children: Map<string, Node>, layer: number): void {
  for (const name of [...children.keys()]) eraseOne(children, name, layer);
}

/** Without recursion: an archive may nest directories deeper than the stack is. */
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

/** Nothing is known of a directory that no layer has: engines make it as any other. */
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
