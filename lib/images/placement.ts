/**
 * Gives extracted files their final paths, and writes nothing outside the target.
 *
 * A small file costs six calls to the system. They are synchronous: awaited ones, each a trip through a thread, take five
 * times as long. Between entries events are let through, so that `Ctrl-C` does not wait.
 *
 * @module
 */
import { lchownSync, lutimesSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Pace } from "../async/pace.ts";
import { linkOrRename, syncDirectory } from "../content/atomic_file.ts";
import { writeError } from "../content/file_errors.ts";
import { ConflictError, InvalidInputError, LayerstashError } from "../errors.ts";
import { parentOf } from "../layers/entry.ts";
import type { MergedEntry } from "./file_tree.ts";
import { sourceKey } from "./read_sources.ts";
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

/** The mode bits without set-ID bits, which would let anybody run the file with the rights of whoever extracts it. */
const PLAIN_BITS = 0o1777;

/** Places files, directories and links under one directory. */
export class Placement {
  readonly #target: string;
  readonly #staging: Staging;
  readonly #options: PlacementOptions;
  /** Paths known to be real directories. */
  readonly #sound = new Set<string>([""]);
  /** Paths of directories that were absent from the target before anything was placed. */
  readonly #absent = new Set<string>();
  /** The first path of each file, by its key, for further hard links. */
  readonly #placed = new Map<string, string>();
  /** Directories that were made here. Others keep their modes, owners and times: they belong to the user. */
  readonly #made = new Set<string>();
  /** Directories that got new names. Each is synced once, at the end: an extraction may place thousands of files. */
  readonly #changed = new Set<string>();

  /** @param target the directory below which everything is placed */
  constructor(target: string, staging: Staging, options: PlacementOptions) {
    this.#target = target;
    this.#staging = staging;
    this.#options = options;
    if (staging.isNew) this.#made.add("");
  }

  /**
   * Checks the target before anything is placed.
   *
   * @throws {ConflictError} if something is in the way
   */
  async requireFree(entries: readonly MergedEntry[]): Promise<void> {
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

  /** Places all entries. Times and modes of directories that are made come last, because placing files in them changes them. */
  async place(entries: readonly MergedEntry[]): Promise<void> {
    const directories = entries.filter(({ type }) => type === "directory");
    await this.#forEach(directories, ({ path }) => this.#makeDirectory(path));
    await this.#forEach(entries, (entry) => entry.type !== "directory" && this.#placeOne(entry));
    await this.#staging[Symbol.asyncDispose]();
    for (const path of this.#changed) await this.#syncDirectory(path);
    await this.#forEach(directories.toReversed(), (entry) => {
      if (!entry.implied && this.#made.has(entry.path)) this.#setMetadata(this.#at(entry.path), entry);
    });
  }

  #placeOne(entry: MergedEntry): void {
    this.#makeDirectory(parentOf(entry.path));
    this.#changed.add(parentOf(entry.path));
    const source = entry.source!;
    const path = this.#at(entry.path);
    const first = this.#placed.get(sourceKey(source));
    if (this.#options.overwrite) this.#removeOld(entry.path);
    if (source.type === "symlink") {
      makeLink(source.target ?? "", path);
      if (this.#options.overwrite) this.#forgetDirectories();
      if (this.#options.sameOwner) lchownSync(path, source.uid, source.gid);
      return setLinkTime(path, source.modified);
    }
    if (first !== undefined) return Deno.linkSync(first, path);
    const staged = this.#staging.pathOf(source);
    this.#setMetadata(staged, source);
    this.#rename(staged, path);
    this.#placed.set(sourceKey(source), path);
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

  /** Looks at all directories again: a link has replaced something, and its name may be that of a directory, too. */
  #forgetDirectories(): void {
    this.#sound.clear();
    this.#sound.add("");
  }

  /** Moves a file by a hard link, because a rename would replace a file that somebody else has just put there. */
  #rename(staged: string, path: string): void {
    linkOrRename(staged, path);
    unlessAbsent(() => Deno.removeSync(staged));
  }

  /** Sets owner, mode and time. The owner comes first, because changing it clears the set-ID bits. */
  #setMetadata(
    path: string,
    { mode, uid, gid, modified }: Pick<MergedEntry, "mode" | "uid" | "gid" | "modified">,
  ): void {
    const { sameOwner } = this.#options;
    if (sameOwner) Deno.chownSync(path, uid, gid);
    if (Deno.build.os !== "windows") Deno.chmodSync(path, sameOwner ? mode : mode & PLAIN_BITS);
    Deno.utimeSync(path, modified, modified);
  }

  /** Makes a directory and its parents. None of them may be a link, which could lead anywhere. */
  #makeDirectory(path: string): void {
    if (this.#sound.has(path)) return;
    this.#makeDirectory(parentOf(path));
    requireUsable(path);
    this.#changed.add(parentOf(path));
    try {
      Deno.mkdirSync(this.#at(path), { mode: 0o755 });
      this.#made.add(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    this.#requireDirectory(path, Deno.lstatSync(this.#at(path)));
  }

  /** Whether a directory is absent from the target. Each is looked at once, from the top down. */
  #isAbsent(path: string): boolean {
    const unknown: string[] = [];
    let above = path;
    for (; !this.#sound.has(above) && !this.#absent.has(above); above = parentOf(above)) unknown.push(above);
    let absent = this.#absent.has(above);
    for (const each of unknown.reverse()) {
      const found = absent ? undefined : this.#lstat(each);
      if (found) this.#requireDirectory(each, found);
      else this.#absent.add(each);
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
    this.#sound.add(path);
  }

  #lstat(path: string): Deno.FileInfo | undefined {
    return unlessAbsent(() => Deno.lstatSync(this.#at(path)));
  }

  #at(path: string): string {
    return join(this.#target, path);
  }

  /** Does something for each entry until the signal aborts. Errors say which entry it was. */
  async #forEach<E extends MergedEntry>(entries: readonly E[], action: (entry: E) => unknown): Promise<void> {
    const { signal } = this.#options;
    const pace = new Pace(signal);
    for (const entry of entries) {
      signal?.throwIfAborted();
      if (pace.isPauseDue) await pace.pause();
      try {
        action(entry);
      } catch (error) {
        throw placementError(error, this.#at(entry.path));
      }
    }
  }

  async #syncDirectory(path: string): Promise<void> {
    this.#options.signal?.throwIfAborted();
    try {
      await syncDirectory(this.#at(path));
    } catch (error) {
      throw placementError(error, this.#at(path));
    }
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

/** Makes a symbolic link. Windows needs the type of its target, and a backslash as the separator. */
function makeLink(target: string, path: string): void {
  if (Deno.build.os !== "windows") return Deno.symlinkSync(target, path);
  const own = target.replaceAll("/", "\\");
  Deno.symlinkSync(own, path, { type: isDirectory(resolve(dirname(path), own)) ? "dir" : "file" });
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false; // it may be placed later
  }
}

/** The earliest time that a `Date` can have, in milliseconds. */
const EARLIEST = -8.64e15;

/**
 * Sets the time of a link, in seconds since 1970. Node takes a negative number for the present, but not a `Date`, whose
 * fractions before 1970 Deno cannot set.
 */
function setLinkTime(path: string, seconds: number): void {
  const time = seconds < 0 ? new Date(Math.max(Math.floor(seconds) * 1000, EARLIEST)) : seconds;
  lutimesSync(path, time, time);
}

/** What a call gives about a path; `undefined` if nothing is there. */
function unlessAbsent<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

function placementError(error: unknown, path: string): unknown {
  if (error instanceof LayerstashError) return error;
  if (error instanceof Deno.errors.AlreadyExists) {
    return new ConflictError(`${path} already exists`, {
      hint: "extract to another directory",
      cause: error,
    });
  }
  return writeError(error, path);
}
