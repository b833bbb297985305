/**
 * The files of an extraction under the paths that they will have, in a hidden directory. Only this run writes to it, and
 * links come last: so nothing has to be looked up in it, and no path in it leads elsewhere.
 *
 * @module
 */
import { parentOf } from "../layers/entry.ts";

/** Directories and what is placed in them. Paths are those of the image. */
export class StagedTree {
  /** Where it is on the disk. */
  readonly root: string;
  /** The directories that were made. */
  readonly #made = new Set<string>([""]);
  /** Directories that got names. */
  readonly changed = new Set<string>();

  /** The mode bits that new files get if they are wanted: the process may be told to take some. */
  readonly given: number;

  /** Makes its root, which must not exist. */
  constructor(root: string) {
    this.root = root;
    Deno.mkdirSync(root, { mode: 0o777 });
    this.given = Deno.lstatSync(root).mode ?? 0;
  }

  /** A path of the image on the disk. */
  at(path: string): string {
    return path ? `${this.root}/${path}` : this.root;
  }

  /** Makes a directory and those above it. */
  makeDirectory(path: string): void {
    if (this.#made.has(path)) return;
    const target = this.free(path);
    Deno.mkdirSync(target, { mode: 0o755 });
    this.#made.add(path);
  }

  /** Where a file or a link can be placed: its directory is made. */
  free(path: string): string {
    this.makeDirectory(parentOf(path));
    this.changed.add(parentOf(path));
    return this.at(path);
  }

  /**
   * Makes an empty file.
   *
   * @throws {Deno.errors.AlreadyExists} if something has the path
   */
  create(path: string, mode: number): Deno.FsFile {
    return createWithMode(this.free(path), { mode, given: this.given });
  }

  /** Removes the directories that are not wanted. They must be empty. */
  retain(wanted: ReadonlySet<string>): void {
    for (const path of [...this.#made].reverse()) {
      if (path === "" || wanted.has(path)) continue;
      Deno.removeSync(this.at(path));
      this.#made.delete(path);
      this.changed.delete(path);
    }
    if ([...Deno.readDirSync(this.root)].length === 0) this.changed.clear();
  }
}

/**
 * Makes an empty file with a mode.
 *
 * @param modes the mode, and the bits that new files get if they are wanted
 * @throws {Deno.errors.AlreadyExists} if something has the path
 */
export function createWithMode(path: string, { mode, given }: { mode: number; given: number }): Deno.FsFile {
  const file = Deno.openSync(path, { write: true, createNew: true, mode: mode & 0o777 });
  if (Deno.build.os !== "windows" && (mode & ~(given & 0o777)) !== 0) Deno.chmodSync(path, mode);
  return file;
}
