/** Writes files, links and directories below one directory, and nothing outside of it, whatever an image says. @module */
import type { Bytes } from "../content/bytes.ts";
import { writeAllSync } from "../content/write_all.ts";
import { writeError } from "../content/file_errors.ts";
import { LayerstashError, MismatchError } from "../errors.ts";
import type { OpenLayerEntry } from "../images/image_files.ts";
import { type Entry, normalPath, parentOf, timeOf } from "../layers/entry.ts";
import { type Disk, pathOnDisk } from "./disk.ts";

/** What of an entry is set beside its content. */
type Metadata = Pick<Entry, "path" | "mode" | "modified" | "exactTime">;

/** How many bytes of zeros become a hole. */
const HOLE = 64 * 1024;

/**
 * Writes below a directory. Paths lead through directories alone that this run has made or seen: nothing is written through a
 * link. In a directory of its own, files go to their places at once, and replace what an interrupted run has left; elsewhere
 * they get their names when they are whole.
 */
export class TreeWriter {
  readonly #root: string;
  readonly #disk: Disk;
  readonly #isOwn: boolean;
  readonly #signal: AbortSignal | undefined;
  /** Directories that are known to be directories. */
  readonly #directories = new Set<string>([""]);

  /** @param root a directory; `isOwn` says that nobody else has it, and `signal` aborts the download */
  constructor(
    root: string,
    { disk, isOwn, signal }: { disk: Disk; isOwn: boolean; signal: AbortSignal | undefined },
  ) {
    this.#root = root;
    this.#disk = disk;
    this.#isOwn = isOwn;
    this.#signal = signal;
  }

  /** Writes a file. */
  async file(entry: OpenLayerEntry): Promise<void> {
    await this.#place(entry.path, async (path) => {
      {
        using file = this.#disk.create(path, 0o600);
        await writeContent(file, entry);
      }
      this.#setMetadata(path, entry);
    });
  }

  /** Makes a symbolic link, or another name of a file. */
  async link(entry: Entry): Promise<void> {
    await this.#place(entry.path, (path) => {
      if (entry.type === "symlink") {
        this.#disk.symlink(entry.target ?? "", path);
        return this.#disk.setTime(path, timeOf(entry));
      }
      const existing = linkedPath(entry);
      this.#requireDirectory(parentOf(existing));
      this.#requireFile(existing);
      this.#disk.link(this.#at(existing), path);
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

  async #place(path: string, make: (at: string) => void | Promise<void>): Promise<void> {
    try {
      if (this.#directories.has(path)) {
        throw new MismatchError(`the folder has a directory and a file at ${path}`);
      }
      this.#requireDirectory(parentOf(path));
      const at = this.#at(path);
      const temporary = this.#isOwn ? at : this.#at(`${parentOf(path)}/.layerstash-${crypto.randomUUID()}`);
      try {
        if (this.#isOwn) this.#removeLeftover(at);
        await make(temporary);
        if (temporary !== at) this.#disk.rename(temporary, at);
      } catch (error) {
        if (temporary !== at) this.#removeLeftover(temporary);
        throw error;
      }
    } catch (error) {
      this.#signal?.throwIfAborted(); // then no writing has failed
      throw error instanceof LayerstashError ? error : writeError(error, this.#at(path));
    }
  }

  #removeLeftover(path: string): void {
    try {
      this.#disk.remove(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Makes sure that a path is a directory, and no link to one. */
  #requireDirectory(path: string): void {
    if (this.#directories.has(path)) return;
    this.#requireDirectory(parentOf(path));
    try {
      this.#disk.makeDirectory(this.#at(path));
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      if (this.#disk.stat(this.#at(path)).kind !== "directory") {
        throw new MismatchError(`${this.#at(path)} is not a directory, but the folder has files in it`, {
          cause: error,
        });
      }
    }
    this.#directories.add(path);
  }

  #requireFile(path: string): void {
    if (this.#disk.stat(this.#at(path)).kind === "file") return;
    throw new MismatchError(`${this.#at(path)} is not a file, but the folder has a file there`);
  }

  #setMetadata(at: string, entry: Metadata): void {
    this.#disk.setMode(at, entry.mode);
    this.#disk.setTime(at, timeOf(entry));
  }

  #attempt(path: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      throw error instanceof LayerstashError ? error : writeError(error, this.#at(path));
    }
  }

  #at(path: string): string {
    return pathOnDisk(this.#root, path);
  }
}

/** The path in the folder that a hard link leads to. No target leads out of the folder, whatever an image says. */
export function linkedPath({ target = "" }: Pick<Entry, "target">): string {
  return normalPath(target);
}

/** Writes the content of a file. Zeros are left out where they fill blocks: they become holes. */
async function writeContent(file: Deno.FsFile, entry: OpenLayerEntry): Promise<void> {
  let position = 0;
  for await (const { offset, bytes } of entry.extents()) {
    for (let at = 0; at < bytes.length; at += HOLE) {
      const block = bytes.subarray(at, at + HOLE);
      if (isZero(block)) continue;
      if (position !== offset + at) file.seekSync(offset + at, Deno.SeekMode.Start);
      writeAllSync(file, block);
      position = offset + at + block.length;
    }
  }
  if (position < entry.size) file.truncateSync(entry.size);
}

function isZero(block: Bytes): boolean {
  if (block.length < HOLE) return false;
  for (let at = 0; at < block.length; at++) if (block[at] !== 0) return false;
  return true;
}
