/**
 * Gives extracted files their final paths, and writes nothing outside the target.
 *
 * The files are arranged in a hidden directory of the target. What the target does not have comes over from there by its
 * topmost name: nothing is looked up or renamed below a directory that this run has made. Calls to the system are
 * synchronous: awaited ones, each a trip through a thread, take five times as long. Between entries events are let through,
 * so that `Ctrl-C` does not wait.
 *
 * @module
 */
import { join } from "node:path";
import { linkOrRename, syncDirectorySync } from "../content/atomic_file.ts";
import { isAbsence } from "../content/file_errors.ts";
import { ConflictError, InvalidInputError } from "../errors.ts";
import { parentOf, pathIn } from "../layers/entry.ts";
import { arrange } from "./arrange.ts";
import { forEachEntry } from "./each_entry.ts";
import type { MergedEntry } from "./file_tree.ts";
import { setMetadata } from "./metadata.ts";
import type { Staging } from "./staging.ts";
import { isUsable } from "./windows_names.ts";

/** Options for placing files. */
export interface PlacementOptions {
  /** Replaces existing files. */
  overwrite: boolean;
  /** Preserves owners, and with them the set-ID bits. */
  sameOwner: boolean;
  /** Ends the work before the next entry. */
  signal?: AbortSignal | undefined;
}

/** Places files, directories and links under one directory. */
export class Placement {
  readonly #target: string;
  readonly #staging: Staging;
  readonly #options: PlacementOptions;
  /** Paths of directories that were absent from the target before anything was placed. */
  readonly #absent = new Set<string>();
  /** Paths of directories that the target has. */
  readonly #present = new Set<string>([""]);
  /** Paths of directories that the target had and that get something. They keep their modes, owners and times: they belong to the user. */
  readonly #found = new Set<string>();

  /** @param target the directory below which everything is placed */
  constructor(target: string, staging: Staging, options: PlacementOptions) {
    this.#target = target;
    this.#staging = staging;
    this.#options = options;
  }

  /**
   * Checks the target before anything is placed. A new one has nothing.
   *
   * @throws {ConflictError} if something is in the way
   */
  async requireFree(entries: Iterable<MergedEntry>): Promise<void> {
    if (this.#staging.isNew && Deno.build.os !== "windows") return;
    await this.#forEach(entries, (entry) => this.#requireFree(entry));
  }

  #requireFree({ path, type }: MergedEntry): void {
    requireUsable(path);
    if (this.#isAbsent(parentOf(path))) return;
    const found = this.#lstat(path);
    if (!found || (type === "directory" && found.isDirectory)) return;
    if (this.#options.overwrite && !found.isDirectory && type !== "directory") return;
    throw new ConflictError(`${this.#at(path)} already exists`, {
      hint: found.isDirectory || type === "directory"
        ? "extract to another directory"
        : "replace it with --overwrite",
    });
  }

  /**
   * Places all entries. Times and modes of directories that are made come last, because placing files in them changes them.
   *
   * @param entries can be read several times
   */
  async place(entries: Iterable<MergedEntry>): Promise<void> {
    const { sameOwner, signal } = this.#options;
    const directories = await arrange(entries, this.#staging, { sameOwner, signal, target: this.#target });
    await this.#publish();
    await this.#staging[Symbol.asyncDispose]();
    const changed = Array.from(this.#staging.tree.changed, (path) => ({ path }));
    await this.#forEach(changed, ({ path }) => syncDirectorySync(this.#at(path)));
    await this.#forEach(directories.reverse(), (entry) => {
      const isOwn = !this.#found.has(entry.path) && !entry.implied;
      if (isOwn) setMetadata(this.#at(entry.path), entry, { sameOwner });
    });
  }

  /**
   * Moves the tree to the target. A directory that the target does not have is renamed with all that is in it: a rename
   * replaces an empty directory at most.
   */
  async #publish(): Promise<void> {
    if (!this.#staging.isNew) this.#found.add("");
    const left = this.#stagedIn("");
    const each = function* () {
      for (let next; (next = left.pop());) yield next;
    };
    await this.#forEach(each(), ({ path, isDirectory }) => {
      if (!isDirectory) return this.#publishFile(path);
      const found = this.#lstat(path);
      if (!found) return this.#publishDirectory(path);
      this.#requireDirectory(path, found);
      this.#found.add(path);
      for (const inner of this.#stagedIn(path)) left.push(inner);
    });
  }

  /** What the tree has in a directory, the first name last. */
  #stagedIn(path: string): { path: string; isDirectory: boolean }[] {
    return Array.from(Deno.readDirSync(this.#staging.tree.at(path)), ({ name, isDirectory }) => ({
      path: pathIn(path, name),
      isDirectory,
    })).sort((one, other) => one.path < other.path ? 1 : -1);
  }

  #publishDirectory(path: string): void {
    try {
      Deno.renameSync(this.#staging.tree.at(path), this.#at(path));
    } catch (error) {
      throw this.#lstat(path) ? new Deno.errors.AlreadyExists() : error;
    }
  }

  /** Moves a file by a hard link, because a rename would replace a file that somebody else has just put there. */
  #publishFile(path: string): void {
    if (this.#options.overwrite) this.#removeOld(path);
    const staged = this.#staging.tree.at(path);
    linkOrRename(staged, this.#at(path));
    unlessAbsent(() => Deno.removeSync(staged));
  }

  /**
   * Removes the file or link that an entry replaces, and never a directory: on a disk that folds names it may be that of
   * another entry.
   */
  #removeOld(path: string): void {
    const found = this.#lstat(path);
    if (!found) return;
    if (found.isDirectory) throw new Deno.errors.AlreadyExists();
    unlessAbsent(() => Deno.removeSync(this.#at(path)));
  }

  /** Whether a directory is absent from the target. Each is looked at once, from the top down. */
  #isAbsent(path: string): boolean {
    const unknown: string[] = [];
    let above = path;
    for (; above && !this.#present.has(above) && !this.#absent.has(above); above = parentOf(above)) {
      unknown.push(above);
    }
    let absent = this.#absent.has(above);
    for (const directory of unknown.reverse()) {
      const found = absent ? undefined : this.#lstat(directory);
      if (found) this.#requireDirectory(directory, found);
      (found ? this.#present : this.#absent).add(directory);
      absent = !found;
    }
    return absent;
  }

  #requireDirectory(path: string, { isDirectory }: Deno.FileInfo): void {
    if (!isDirectory) {
      throw new ConflictError(`${this.#at(path)} is not a directory, and nothing is written through a link`, {
        hint: "extract to another directory",
      });
    }
  }

  #lstat(path: string): Deno.FileInfo | undefined {
    return unlessAbsent(() => Deno.lstatSync(this.#at(path)));
  }

  #at(path: string): string {
    return join(this.#target, path);
  }

  async #forEach<E extends { path: string }>(
    entries: Iterable<E>,
    action: (entry: E) => unknown,
  ): Promise<void> {
    await forEachEntry(entries, { target: this.#target, signal: this.#options.signal }, action);
  }
}

/**
 * Checks that a path is valid on this system.
 *
 * @throws {InvalidInputError} if Windows does not allow it
 */
function requireUsable(path: string): void {
  if (isUsable(path)) return;
  throw new InvalidInputError(`${path} is not a valid name on Windows`);
}

/** What a call gives about a path; `undefined` if nothing is there. */
function unlessAbsent<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}
