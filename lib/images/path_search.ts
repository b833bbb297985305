/** Decides whether a path is found for good while layers are read from the top down. @module */
import { baseName, parentOf } from "../layers/entry.ts";
import type { LayerEntry } from "./layer_entry.ts";
import type { PathPattern } from "./path_pattern.ts";
import { whiteoutOf } from "./whiteouts.ts";

/** The search for one plain path. A file is found if nothing else in its layer or above it can affect the path. */
export class PathSearch {
  /** The normal path; `undefined` for a glob, which is never found early. */
  readonly path: string | undefined;
  /** The file; set when its layer has ended. */
  found: LayerEntry | undefined;
  /** The last entry of the path in the current layer. */
  #candidate: LayerEntry | undefined;
  readonly #names: ReadonlySet<string>;
  /** Whether something on the path is a link or was removed, so that only the whole tree can tell. */
  #doubtful = false;
  #doubtfulBelow = false;
  /** The directories that the current layer lists. */
  #own = new Set<string>([""]);
  #isTop = true;

  /** @param pattern selects nothing here if it is a glob */
  constructor({ path }: PathPattern) {
    this.path = path;
    this.#names = new Set(path?.split("/"));
  }

  /** Looks at the next entry of the current layer. */
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
      if (plain && !this.#doubtful && (this.#isTop || this.#hasParents(entry.path))) this.#candidate = entry;
      else this.#doubtful = true;
    } else if (entry.path.startsWith(`${this.path}/`)) this.#doubtful = true; // it is a directory
    else if (entry.type !== "directory" && this.#isOnWay(entry.path)) this.#doubtful = true;
    else if (this.#mayLeadHere(entry.path, entry.path)) this.#doubtful = true;
  }

  /** Ends the current layer. The next is the one below it. */
  endLayer(): void {
    if (!this.#doubtful) this.found ??= this.#candidate;
    this.#doubtful ||= this.#doubtfulBelow;
    this.#own = new Set([""]);
    this.#isTop = false;
  }

  /** Whether this layer lists all parents of a path as directories, so that no link can lead elsewhere. */
  #hasParents(path: string): boolean {
    for (let above = parentOf(path); above !== ""; above = parentOf(above)) {
      if (!this.#own.has(above)) return false;
    }
    return true;
  }

  #isOnWay(path: string): boolean {
    return path === this.path || path === "" || this.path!.startsWith(`${path}/`);
  }

  /** Whether an entry may affect the path although its own differs: if its parent is a link in another layer. */
  #mayLeadHere(path: string, name: string): boolean {
    return !this.#own.has(parentOf(name)) && (path === "" || this.#names.has(baseName(path)));
  }
}

/** The paths that upper layers hide, judged by names alone, without following links. */
export class HiddenPaths {
  readonly #paths = new Set<string>();
  readonly #below = new Set<string>();

  /** Hides what an entry of an upper layer replaces or removes. */
  hide({ path, type }: LayerEntry): void {
    const whiteout = whiteoutOf(path);
    if (whiteout?.kind === "opaque") this.#below.add(whiteout.directory);
    else if (whiteout?.kind === "removed") this.#paths.add(whiteout.path);
    else if (!whiteout && type !== "directory") this.#paths.add(path);
  }

  /** Whether an upper layer hides a path. */
  has(path: string): boolean {
    if (this.#paths.size + this.#below.size === 0) return false;
    if (this.#paths.has(path)) return true;
    for (let above = path; above !== "";) {
      above = parentOf(above);
      if (this.#below.has(above) || this.#paths.has(above)) return true;
    }
    return false;
  }
}
