/** The merged filesystem of an image, which results from applying its layers in order. @module */
import { MismatchError } from "../errors.ts";
import { baseName, type Entry, normalPath, parentOf, pathIn } from "../layers/entry.ts";
import { EntryBudget } from "./entry_budget.ts";
import { FileIndex } from "./file_index.ts";
import { HiddenEntries } from "./hidden_entries.ts";
import type { LayerEntry } from "./layer_entry.ts";
import { PackedEntries } from "./packed_entries.ts";
import {
  childrenOf,
  describe,
  type Directory,
  emptyDirectory,
  pathOf,
  placesBelow,
  type Trail,
  type TreePlace,
  withContent,
} from "./tree_nodes.ts";
import { isOfAufs, type Whiteout, whiteoutOf } from "./whiteouts.ts";

/** An entry of the merged filesystem. */
export interface MergedEntry extends LayerEntry {
  /** For a file or a hard link: the entry that has the content. Entries with the same source are the same file. */
  source?: LayerEntry | undefined;
  /** Set for a directory that no layer lists, although it lists something in it. */
  implied?: true;
  /** The number of the later layer that removes or replaces the entry; absent = it is part of the filesystem. */
  hiddenBy?: number;
}

/** Whether an entry is a hard link whose target is missing. */
export function isBrokenLink({ type, source }: MergedEntry): boolean {
  return type === "hardlink" && source === undefined;
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
  readonly #keepsWhiteouts: boolean;
  readonly #entries = new PackedEntries();
  readonly #root = emptyDirectory(0, new FileIndex((file) => baseName(this.#entries.pathOf(file))));
  /** For hard links: the indexes of the entries that have the content, by their own. */
  readonly #sources = new Map<number, number>();
  readonly #budget = new EntryBudget();
  /** Files by path that AUFS kept for itself: engines do not unpack them, but hard links may lead to them. */
  readonly #ofAufs = new Map<string, number>();
  /** What later layers have removed or replaced; `undefined` = that is not kept. */
  readonly #hidden: HiddenEntries | undefined;

  /**
   * Makes an empty tree.
   *
   * @param options `keepWhiteouts` lists whiteouts as files, to show a single layer; `keepHidden` also lists what later
   *   layers hide
   */
  constructor({ keepWhiteouts = false, keepHidden = false } = {}) {
    this.#keepsWhiteouts = keepWhiteouts;
    this.#hidden = keepHidden ? new HiddenEntries(this.#entries) : undefined;
  }

  /**
   * Applies an entry: a whiteout removes what lower layers have, and anything else replaces what has the same path.
   * Only a directory that replaces a directory keeps its content. Links in the path are followed, and do not lead
   * out.
   *
   * @throws {MismatchError} if there are too many entries, or they hold too much
   */
  add(entry: LayerEntry): void {
    const { layer, path } = entry;
    const whiteout = this.#keepsWhiteouts ? undefined : whiteoutOf(path);
    if (whiteout) return this.#erase(layer, whiteout);
    const own = this.#entries.push(entry);
    if (!this.#keepsWhiteouts && isOfAufs(path)) return void this.#ofAufs.set(path, own);
    if (path === "") return this.#describeRoot(entry, own);
    const trail = this.#trail(parentOf(path), layer)!;
    const { children } = trail.at(-1)!.node;
    const replaced = children.get(baseName(path));
    const isMerged = entry.type === "directory" && typeof replaced === "object";
    if (replaced !== undefined && !isMerged) {
      this.#hide({ path: pathIn(pathOf(trail), baseName(path)), node: replaced }, layer);
    }
    if (entry.type === "directory") return describe(children, { path, layer, entry: own });
    if (entry.type === "hardlink") this.#link(own, entry);
    children.set(baseName(path), own);
  }

  /**
   * All entries in the order of their names, each directory before its content. What is hidden comes before what is seen at
   * its path.
   */
  *entries(): Generator<MergedEntry> {
    if (this.#root.entry !== undefined) yield this.#merged({ path: "", node: this.#root });
    const seen = placesBelow("", this.#root);
    for (const place of this.#hidden?.among(seen) ?? seen) {
      const merged = this.#merged(place);
      yield place.by === undefined ? merged : { ...merged, hiddenBy: place.by };
    }
  }

  /** The paths of all entries that are not hidden, in the same order and without the root. */
  *paths(): Generator<string> {
    for (const { path } of placesBelow("", this.#root)) yield path;
  }

  /** The entries in a directory, by name; empty if there is no such directory. Links in the path are followed. */
  list(path: string): MergedEntry[] {
    const trail = this.#trail(normalPath(path));
    if (!trail) return [];
    return Array.from(childrenOf(trail.at(-1)!.node, pathOf(trail)), (place) => this.#merged(place));
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
    const node = isName ? above.children.get(name) : above;
    const real = pathOf(trail);
    return node === undefined ? undefined : this.#merged({ path: isName ? pathIn(real, name) : real, node });
  }

  #describeRoot({ type, layer }: LayerEntry, index: number): void {
    if (type === "directory") Object.assign(this.#root, { entry: index, layer });
  }

  /** Notes which entry has the content of a hard link, if there is one. */
  #link(index: number, { target = "" }: Entry): void {
    const path = normalPath(target);
    const node = this.#ofAufs.get(path) ??
      this.#trail(parentOf(path))?.at(-1)?.node.children.get(baseName(path));
    const source = typeof node === "object"
      ? node.entry
      : node === undefined
      ? undefined
      : this.#sourceOf(node);
    if (source !== undefined) this.#sources.set(index, source);
  }

  /** The index of the entry that has the content of an entry. */
  #sourceOf(index: number): number | undefined {
    return this.#entries.at(index).type === "hardlink" ? this.#sources.get(index) : index;
  }

  #merged({ path, node }: TreePlace): MergedEntry {
    const index = typeof node === "object" ? node.entry : node;
    if (index === undefined) {
      return { ...IMPLIED, path, name: path, layer: (node as Directory).layer, implied: true };
    }
    const entry = this.#entries.at(index);
    if (entry.type !== "hardlink") return { ...entry, path, source: entry };
    const linked = this.#sources.get(index);
    if (linked === undefined) return { ...entry, path };
    const source = this.#entries.at(linked);
    return { ...entry, size: source.size, path, source };
  }

  #erase(layer: number, whiteout: Whiteout): void {
    if (whiteout.kind === "none") return;
    const path = whiteout.kind === "opaque" ? whiteout.directory : parentOf(whiteout.path);
    const trail = this.#trail(path);
    if (!trail) return;
    const from = { path: pathOf(trail), node: trail.at(-1)!.node };
    if (whiteout.kind === "opaque") this.#eraseAll(from, layer);
    else this.#eraseOne(from, baseName(whiteout.path), layer);
  }

  /** Removes what lower layers have under a name: a whiteout does not affect its own layer. */
  #eraseOne({ path, node: { children } }: TreePlace<Directory>, name: string, layer: number): void {
    const node = children.get(name);
    if (node === undefined) return;
    if (typeof node === "object") this.#eraseAll({ path: pathIn(path, name), node }, layer);
    const own = typeof node === "object" ? node.layer : this.#entries.layerOf(node);
    if (own >= layer || typeof node === "object" && node.children.size > 0) return;
    children.delete(name);
    this.#hide({ path: pathIn(path, name), node }, layer);
  }

  /** Removes what lower layers have in a directory, once for each layer: what comes after that is the layer's own. */
  #eraseAll(place: TreePlace<Directory>, layer: number): void {
    const { node } = place;
    if (node.emptiedBy === layer) return;
    node.emptiedBy = layer;
    for (const [name] of [...node.children.entries()]) this.#eraseOne(place, name, layer);
  }

  /** Notes that a layer hides a place and what is below it. */
  #hide(place: TreePlace, by: number): void {
    if (!this.#hidden) return;
    for (const { path, node } of withContent(place)) {
      const entry = typeof node === "object" ? node.entry : node;
      if (entry !== undefined) this.#hidden.add({ path, node: entry, by });
    }
  }

  /**
   * The directories on a path, with links resolved; `undefined` if one is missing and `makeFor` names no layer, for which
   * it is made otherwise.
   */
  #trail(path: string, makeFor?: number): Trail | undefined {
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
      let node = children.get(name);
      const target = typeof node === "number" && hops < MOST_HOPS ? this.#linkTarget(node) : undefined;
      if (target !== undefined) {
        hops++;
        if (target.startsWith("/")) trail.length = 1;
        for (const part of target.split("/").reverse()) left.push(part);
        continue;
      }
      if (typeof node !== "object") {
        if (makeFor === undefined) return undefined;
        this.#budget.takeImplied();
        if (node !== undefined) this.#hide({ path: pathIn(pathOf(trail), name), node }, makeFor);
        children.set(name, node = children.emptyDirectory(makeFor));
      }
      if (trail.push({ name, node }) > DEEPEST) {
        throw new MismatchError("the layers nest directories too deeply");
      }
    }
    return trail;
  }

  /** The target of a symbolic link; `undefined` for anything else. */
  #linkTarget(index: number): string | undefined {
    const { type, target } = this.#entries.at(index);
    return type === "symlink" ? target : undefined;
  }
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
