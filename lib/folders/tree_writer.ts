/** Writes files, links and directories below one directory, and nothing outside of it, whatever an image says. @module */
import type { Bytes } from "../content/bytes.ts";
import { isAbsence, writeError } from "../content/file_errors.ts";
import { ConflictError, LayerstashError, MismatchError } from "../errors.ts";
import { type Entry, type Extent, normalPath, parentOf, timeOf } from "../layers/entry.ts";
import { type Disk, pathOnDisk } from "./disk.ts";
import { HOLE, writeExtent } from "./extents.ts";
import {
  type Metadata,
  type MetadataOptions,
  restoredMode,
  restoreMetadata,
  setOwner,
} from "./restored_metadata.ts";

/** How a tree is written. */
export interface TreeOptions extends MetadataOptions {
  /** Puts a directory in the place of a file or a link. */
  replaces?: boolean | undefined;
  /** Whether it is a tree of this program alone: then modes that an interrupted run has set forbid nothing. */
  isStaged?: boolean | undefined;
}

/** The mode of a directory in which its owner may do everything, and nobody else anything. */
const FULL = 0o700;

/**
 * Writes below a directory. Paths lead through directories alone that this writer has made or seen: nothing is written through
 * a link. Where several threads write, none may make links meanwhile.
 */
export class TreeWriter {
  /** How many extended attributes could not be set. */
  lostAttributes = 0;
  readonly #root: string;
  readonly #options: TreeOptions;
  readonly #disk: Disk;
  /** Directories that are known to be directories. */
  readonly #directories = new Set<string>([""]);

  /** @param root a directory */
  constructor(root: string, options: TreeOptions) {
    this.#root = root;
    this.#options = options;
    this.#disk = options.disk;
  }

  /** Writes a file whose content is at hand. */
  file(entry: Metadata, content: Bytes): void {
    this.#place(entry.path, (path) => {
      if (content.length >= HOLE) {
        {
          using file = this.#open(path);
          file.truncateSync(0);
          writeExtent(file, { offset: 0, bytes: content });
          file.truncateSync(content.length);
        }
        return this.#setMetadata(path, entry);
      }
      const hasMore = this.#options.sameOwner || entry.attributes !== undefined;
      this.#disk.put(path, content, {
        mode: hasMore ? 0o600 : restoredMode(entry, this.#options),
        time: timeOf(entry),
      });
      if (hasMore) this.#setMetadata(path, entry);
    });
  }

  /** Writes a file as its content comes. */
  async stream(entry: Entry, extents: Iterable<Extent> | AsyncIterable<Extent>): Promise<void> {
    const file = this.#attempt(entry.path, () => {
      let opened: Deno.FsFile | undefined;
      this.#place(entry.path, (path) => void (opened = this.#open(path)));
      return opened!;
    });
    using _file = file;
    file.truncateSync(0); // zeros of what an interrupted run has left would stay where holes are to be
    for await (const extent of extents) this.#attempt(entry.path, () => writeExtent(file, extent));
    this.complete(entry);
  }

  /** Opens a file of which parts are there, or makes it. It is not whole before it is completed. */
  openPart(path: string): Deno.FsFile {
    return this.#attempt(path, () => {
      this.#requireDirectory(parentOf(path));
      return this.#open(this.#at(path));
    });
  }

  /** Gives a file whose parts are there its size, mode and time. */
  complete(entry: Metadata & Pick<Entry, "size">): void {
    this.#attempt(entry.path, () => {
      this.#requireDirectory(parentOf(entry.path));
      this.#requireFile(entry.path);
      {
        using file = this.#open(this.#at(entry.path));
        file.truncateSync(entry.size);
      }
      this.#setMetadata(this.#at(entry.path), entry);
    });
  }

  /** Makes a symbolic link, or another name of a file. The file of a hard link is looked for in one of the directories. */
  link(entry: Entry, among: readonly string[] = [this.#root]): void {
    this.#place(entry.path, (path) => {
      if (entry.type === "hardlink") return this.#disk.link(this.#linkedFile(linkedPath(entry), among), path);
      this.#disk.symlink(entry.target ?? "", path);
      this.#disk.setTime(path, timeOf(entry));
      if (this.#options.sameOwner) setOwner(path, entry, this.#disk);
    });
  }

  /** Where the file of a hard link is: no directory on the way to it is a link. */
  #linkedFile(path: string, among: readonly string[]): string {
    for (const root of among) {
      if (isFileWithin(root, path, this.#disk)) return pathOnDisk(root, path);
    }
    throw new MismatchError(`${this.#at(path)} is not a file, but the folder has a file there`);
  }

  /** Moves a file or a link here from another tree, and replaces what is there, unless that is a directory. */
  take(path: string, from: string): void {
    this.#attempt(path, () => {
      this.#requireDirectory(parentOf(path));
      this.#disk.rename(pathOnDisk(from, path), this.#at(path));
    });
  }

  /** Sets modes and times of directories, and makes those that are missing. Parents come before what is in them. */
  finish(directories: readonly Metadata[]): void {
    for (const { path } of directories) this.#attempt(path, () => this.#requireDirectory(path));
    for (const entry of directories.toReversed()) {
      this.#attempt(entry.path, () => this.#setMetadata(this.#at(entry.path), entry));
    }
  }

  /** Sets the mode and the time of a file that is there. Through a link they would be set elsewhere. */
  adjust(entry: Metadata): void {
    this.#attempt(entry.path, () => {
      this.#requireDirectory(parentOf(entry.path));
      this.#requireFile(entry.path);
      this.#setMetadata(this.#at(entry.path), entry);
    });
  }

  /** Makes what stands at a path, in the place of what an interrupted run has left there. */
  #place(path: string, make: (at: string) => void): void {
    this.#attempt(path, () => {
      if (this.#directories.has(path)) {
        throw new MismatchError(`the folder has a directory and a file at ${path}`);
      }
      this.#requireDirectory(parentOf(path));
      const at = this.#at(path);
      try {
        make(at);
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
        this.#disk.remove(at);
        make(at);
      }
    });
  }

  /** Makes sure that a path is a directory, and no link to one. */
  #requireDirectory(path: string): void {
    if (this.#directories.has(path)) return;
    this.#requireDirectory(parentOf(path));
    const at = this.#at(path);
    try {
      this.#disk.makeDirectory(at);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      const { kind, mode } = this.#disk.stat(at);
      if (kind !== "directory") this.#replaceByDirectory(at);
      else if (this.#options.isStaged && (mode & FULL) !== FULL) this.#disk.setMode(at, FULL);
    }
    this.#directories.add(path);
  }

  /** Opens a file to write into it, also where an interrupted run has given it a mode that forbids that. */
  #open(at: string): Deno.FsFile {
    try {
      return this.#disk.openToFill(at);
    } catch (error) {
      const isLocked = error instanceof Deno.errors.PermissionDenied && this.#options.isStaged;
      if (!isLocked || this.#disk.stat(at).kind !== "file") throw error;
      this.#disk.setMode(at, 0o600);
      return this.#disk.openToFill(at);
    }
  }

  #replaceByDirectory(at: string): void {
    if (!this.#options.replaces) {
      throw new ConflictError(`${at} is not a directory, but the folder has files in it`, {
        hint: "replace what differs with --overwrite, or download to another directory",
      });
    }
    this.#disk.remove(at);
    this.#disk.makeDirectory(at);
  }

  #requireFile(path: string): void {
    if (this.#disk.stat(this.#at(path)).kind === "file") return;
    throw new MismatchError(`${this.#at(path)} is not a file, but the folder has a file there`);
  }

  #setMetadata(at: string, entry: Metadata): void {
    this.lostAttributes += restoreMetadata(at, entry, this.#options);
  }

  #attempt<T>(path: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw error instanceof LayerstashError ? error : writeError(error, this.#at(path));
    }
  }

  #at(path: string): string {
    return pathOnDisk(this.#root, path);
  }
}

/** Whether there is a file at a path below a directory, and no link on the way to it. */
function isFileWithin(root: string, path: string, disk: Disk): boolean {
  try {
    for (let above = parentOf(path); above !== ""; above = parentOf(above)) {
      if (disk.stat(pathOnDisk(root, above)).kind !== "directory") return false;
    }
    return disk.stat(pathOnDisk(root, path)).kind === "file";
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

/** The path in the folder that a hard link leads to. No target leads out of the folder, whatever an image says. */
export function linkedPath({ target = "" }: Pick<Entry, "target">): string {
  return normalPath(target);
}
