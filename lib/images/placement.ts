/** Gives extracted files their final paths, and writes nothing outside the target. @module */
import { lchown, lutimes } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
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
    for (const entry of entries) await this.#attempt(entry.path, () => this.#requireFree(entry));
  }

  async #requireFree({ path, type }: MergedEntry): Promise<void> {
    requireUsable(path);
    if (await this.#isAbsent(parentOf(path))) return;
    const found = await this.#lstat(path);
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
    for (const { path } of directories) await this.#attempt(path, () => this.#makeDirectory(path));
    for (const entry of entries) {
      if (entry.type === "directory") continue;
      await this.#attempt(entry.path, () => this.#placeOne(entry));
    }
    await this.#staging[Symbol.asyncDispose]();
    for (const path of this.#changed) await this.#attempt(path, () => syncDirectory(this.#at(path)));
    for (const entry of directories.toReversed()) {
      if (!entry.implied && this.#made.has(entry.path)) {
        await this.#attempt(entry.path, () => this.#setMetadata(this.#at(entry.path), entry));
      }
    }
  }

  async #placeOne(entry: MergedEntry): Promise<void> {
    await this.#makeDirectory(parentOf(entry.path));
    this.#changed.add(parentOf(entry.path));
    const source = entry.source!;
    const path = this.#at(entry.path);
    const first = this.#placed.get(sourceKey(source));
    if (this.#options.overwrite) await this.#removeOld(entry.path);
    if (source.type === "symlink") {
      await makeLink(source.target ?? "", path);
      if (this.#options.overwrite) this.#forgetDirectories();
      if (this.#options.sameOwner) await lchown(path, source.uid, source.gid);
      return await setLinkTime(path, source.modified);
    }
    if (first !== undefined) return await Deno.link(first, path);
    const staged = this.#staging.pathOf(source);
    await this.#setMetadata(staged, source);
    await this.#rename(staged, path);
    this.#placed.set(sourceKey(source), path);
  }

  /**
   * Removes the file or link that an entry replaces, and never a directory: on a disk that folds names it may be that of
   * another entry.
   */
  async #removeOld(path: string): Promise<void> {
    const found = await this.#lstat(path);
    if (!found) return;
    if (found.isDirectory) throw new Deno.errors.AlreadyExists();
    await Deno.remove(this.#at(path)).catch(ignoreAbsent);
  }

  /** Looks at all directories again: a link has replaced something, and its name may be that of a directory, too. */
  #forgetDirectories(): void {
    this.#sound.clear();
    this.#sound.add("");
  }

  /** Moves a file by a hard link, because a rename would replace a file that somebody else has just put there. */
  async #rename(staged: string, path: string): Promise<void> {
    await linkOrRename(staged, path);
    await Deno.remove(staged).catch(ignoreAbsent);
  }

  /** Sets owner, mode and time. The owner comes first, because changing it clears the set-ID bits. */
  async #setMetadata(
    path: string,
    { mode, uid, gid, modified }: Pick<MergedEntry, "mode" | "uid" | "gid" | "modified">,
  ) {
    const { sameOwner } = this.#options;
    if (sameOwner) await Deno.chown(path, uid, gid);
    if (Deno.build.os !== "windows") await Deno.chmod(path, sameOwner ? mode : mode & PLAIN_BITS);
    await Deno.utime(path, modified, modified);
  }

  /** Makes a directory and its parents. None of them may be a link, which could lead anywhere. */
  async #makeDirectory(path: string): Promise<void> {
    if (this.#sound.has(path)) return;
    await this.#makeDirectory(parentOf(path));
    requireUsable(path);
    this.#changed.add(parentOf(path));
    try {
      await Deno.mkdir(this.#at(path), { mode: 0o755 });
      this.#made.add(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    this.#requireDirectory(path, await Deno.lstat(this.#at(path)));
  }

  /** Whether a directory is absent from the target. Each is looked at once, from the top down. */
  async #isAbsent(path: string): Promise<boolean> {
    const unknown: string[] = [];
    let above = path;
    for (; !this.#sound.has(above) && !this.#absent.has(above); above = parentOf(above)) unknown.push(above);
    let absent = this.#absent.has(above);
    for (const each of unknown.reverse()) {
      const found = absent ? undefined : await this.#lstat(each);
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

  async #lstat(path: string): Promise<Deno.FileInfo | undefined> {
    return await Deno.lstat(this.#at(path)).catch(ignoreAbsent);
  }

  #at(path: string): string {
    return join(this.#target, path);
  }

  async #attempt(path: string, action: () => Promise<void>): Promise<void> {
    this.#options.signal?.throwIfAborted();
    try {
      await action();
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
async function makeLink(target: string, path: string): Promise<void> {
  if (Deno.build.os !== "windows") return await Deno.symlink(target, path);
  const own = target.replaceAll("/", "\\");
  const found = await Deno.stat(resolve(dirname(path), own)).catch(() => undefined);
  await Deno.symlink(own, path, { type: found?.isDirectory ? "dir" : "file" });
}

/** The earliest time that a `Date` can have, in milliseconds. */
const EARLIEST = -8.64e15;

/**
 * Sets the time of a link, in seconds since 1970. Node takes a negative number for the present, but not a `Date`, whose
 * fractions before 1970 Deno cannot set.
 */
async function setLinkTime(path: string, seconds: number): Promise<void> {
  const time = seconds < 0 ? new Date(Math.max(Math.floor(seconds) * 1000, EARLIEST)) : seconds;
  await lutimes(path, time, time);
}

function ignoreAbsent(error: unknown): undefined {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
  throw error;
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
