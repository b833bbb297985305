/** `FILE.part`, in which a download grows until it gets its name: opened once, locked, and never through a link. @module */
import { basename, dirname, join } from "node:path";
import { giveName, writeError } from "../content/atomic_file.ts";
import { ConflictError, InvalidInputError, LayerstashError, NotFoundError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { keepMode, modeOfPart, narrow } from "./kept_mode.ts";

/**
 * Makes sure that a file can be made at a path: its directory is there, and neither it nor its part is anything but
 * an ordinary file. Links are not followed: whoever may write to the directory could lead us to any other file.
 *
 * @throws {NotFoundError} when there is no such directory
 * @throws {InvalidInputError} when something else is there
 */
export async function requirePlace(path: string): Promise<void> {
  const directory = await Deno.stat(dirname(path)).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw writeError(error, path);
  });
  if (!directory?.isDirectory) throw new NotFoundError(`there is no directory ${dirname(path)} to write to`);
  await lookAt(path);
  await lookAt(partOf(path));
}

function partOf(path: string): string {
  return `${path}.part`;
}

/** The file at a path; `undefined` where there is nothing, an error where there is anything else. */
async function lookAt(path: string): Promise<Deno.FileInfo | undefined> {
  const there = await Deno.lstat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw writeError(error, path);
  });
  if (!there || there.isFile) return there;
  if (there.isSymlink) {
    throw new InvalidInputError(`${path} is a symbolic link, which is not followed`, {
      hint: "name the file that it points to, or remove the link",
    });
  }
  throw new InvalidInputError(`${path} is ${there.isDirectory ? "a directory" : "no ordinary file"}`, {
    hint: there.isDirectory ? "name the file to write, in it or elsewhere" : "write to a pipe with -o -",
  });
}

/** The open part of one download, which no other has open. */
export class PartialFile implements Disposable {
  /** Its path. */
  readonly path: string;
  /** Open for writing. */
  readonly file: Deno.FsFile;
  /** What was found in it, in bytes; 0 where it is new. */
  readonly found: number;
  /** What it is known by as long as it exists, whatever its name. */
  readonly identity: string;
  readonly #target: string;
  readonly #isNew: boolean;

  private constructor(
    target: string,
    file: Deno.FsFile,
    { isNew, info }: { isNew: boolean; info: Deno.FileInfo },
  ) {
    this.path = partOf(target);
    this.file = file;
    this.found = info.size;
    this.identity = `${info.dev}:${info.ino}`;
    this.#target = target;
    this.#isNew = isNew;
  }

  /**
   * Opens the part of a file, or makes it. Nothing in it is changed.
   *
   * @throws {ConflictError} when another download to the file is under way
   * @throws {InvalidInputError} when something else is at its path
   */
  static async open(target: string, onEvent?: OnEvent): Promise<PartialFile> {
    for (;;) {
      const isNew = await lookAt(partOf(target)) === undefined;
      const mode = await modeOfPart(target);
      const file = await openAt(partOf(target), { isNew, mode });
      if (!file) continue; // it came or went meanwhile
      try {
        if (!await lock(file, onEvent)) throw busy(target);
        const info = await file.stat();
        if (await isAt(info, partOf(target))) {
          await narrow(partOf(target), mode);
          return new PartialFile(target, file, { isNew, info });
        }
        file.close(); // another download has given it its name, or something else was put in its place
      } catch (error) {
        file.close();
        throw writeError(error, partOf(target));
      }
    }
  }

  /** The full name of the file to be. */
  async fullName(): Promise<string> {
    return join(await Deno.realPath(dirname(this.#target)), basename(this.#target));
  }

  /** What it occupies on the disk, in bytes: less than its size while it has holes. */
  async occupied(): Promise<number> {
    return ((await this.file.stat()).blocks ?? 0) * 512;
  }

  /**
   * Makes sure that it is still what is found at its path.
   *
   * @param cause what may come of it that it is not
   * @throws {LayerstashError} when it was removed, or something else was put in its place
   */
  async requirePlace(cause?: unknown): Promise<void> {
    if (await isAt(await this.file.stat(), this.path)) return;
    throw new LayerstashError(`${this.path} was removed or replaced while it was written`, {
      hint: "run the same command again",
      cause,
    });
  }

  /** Gives it its name, when all of it is on the disk. It can be read and written by whom its predecessor could. */
  async finish(): Promise<void> {
    await this.file.syncData();
    await this.requirePlace();
    await keepMode(this.#target, this.path);
    await giveName(this.path, this.#target);
  }

  /** Removes it where it was made in vain. */
  async abandon(): Promise<void> {
    if (this.#isNew) await Deno.remove(this.path);
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.file.close();
  }
}

/** `undefined` = it is not there any more, or it is there by now. */
async function openAt(
  path: string,
  { isNew, mode }: { isNew: boolean; mode: number | undefined },
): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, {
      write: true,
      createNew: isNew,
      ...(isNew && mode !== undefined && { mode }),
    });
  } catch (error) {
    if (error instanceof (isNew ? Deno.errors.AlreadyExists : Deno.errors.NotFound)) return undefined;
    throw writeError(error, path);
  }
}

async function lock(file: Deno.FsFile, onEvent: OnEvent | undefined): Promise<boolean> {
  // There a lock would keep our own hashing threads from reading; the journal's lock has to do.
  if (Deno.build.os === "windows") return true;
  try {
    return await file.tryLock(true);
  } catch { // some network file systems know no locks
    onEvent?.({
      type: "notice",
      message: "the disk knows no locks: no other download to the same file may run",
    });
    return true;
  }
}

async function isAt({ dev, ino }: Deno.FileInfo, path: string): Promise<boolean> {
  const there = await Deno.lstat(path).catch(() => undefined);
  return there !== undefined && there.isFile && there.dev === dev && there.ino === ino;
}

function busy(target: string): ConflictError {
  return new ConflictError(`another download to ${target} is under way`, {
    hint: "wait until it has ended, or end it; then run the same command again",
  });
}
