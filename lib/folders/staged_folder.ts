/** The place where a folder is put together, near where it will be. A later run goes on with what an earlier one has left. @module */
import { basename, dirname, join } from "node:path";
import { giveName, makeDirectory, syncDirectory, temporaryName } from "../content/atomic_file.ts";
import { openLocked } from "../content/open_locked.ts";
import { writeError } from "../content/file_errors.ts";
import { writeAllSync } from "../content/write_all.ts";
import { ConflictError } from "../errors.ts";

/** The name of the place in a directory that exists: what is beside that may be on another disk. */
export const STAGING = ".layerstash-part";

/** Whether a path in a directory is that place, or in it. */
export function isInStaging(path: string): boolean {
  return path === STAGING || path.startsWith(`${STAGING}/`);
}

/** A folder that does not have its name yet. Disposing of it leaves what it has for a later run. */
export class StagedFolder implements Disposable {
  /** The directory in which the folder grows. */
  readonly tree: string;
  /** Whether it has what an interrupted run has left. */
  readonly isResumed: boolean;
  readonly #place: string;
  readonly #target: string;
  readonly #lock: Deno.FsFile;

  private constructor(
    target: string,
    { place, lock, isResumed }: { place: string; lock: Deno.FsFile; isResumed: boolean },
  ) {
    [this.#target, this.#place, this.#lock, this.isResumed] = [target, place, lock, isResumed];
    this.tree = join(place, "tree");
  }

  /**
   * Opens the place. What belongs to another state of the folder, or to a part of it, goes.
   *
   * @param place where it is, see {@link placeBeside} and {@link placeInside}
   * @param what tells states and parts apart
   * @throws {ConflictError} if another process puts the same folder together, or somebody else has made the place
   */
  static async open(target: string, { place, what }: { place: string; what: string }): Promise<StagedFolder> {
    const path = join(place, "state");
    try {
      await makePlace(place);
      const lock = await openLocked(path, {
        open: () => Deno.open(path, { read: true, write: true, create: true, mode: 0o600 }),
        busy: () =>
          new ConflictError(`another process downloads to ${target}`, { hint: "wait until it has ended" }),
      });
      const isResumed = await Deno.readTextFile(path) === what;
      const staged = new StagedFolder(target, { place, lock, isResumed });
      if (!isResumed) await staged.#begin(what);
      else if (Deno.build.os !== "windows") await Deno.chmod(staged.tree, 0o700);
      return staged;
    } catch (error) {
      throw writeError(error, target);
    }
  }

  async #begin(what: string): Promise<void> {
    await removeTree(this.tree);
    await makeDirectory(this.tree, { mode: 0o700 });
    this.#lock.truncateSync();
    writeAllSync(this.#lock, new TextEncoder().encode(what));
  }

  /** Gives the folder its name, durably. */
  async finish(): Promise<void> {
    await this.#nameTree().catch((error) => {
      throw writeError(error, this.#target);
    });
    await this.discard();
    await syncDirectory(dirname(this.#target));
  }

  async #nameTree(): Promise<void> {
    const { mode } = await Deno.lstat(this.tree);
    const isReadOnly = mode !== null && (mode & 0o200) === 0;
    // A directory that moves to another one must be writable for its owner, because its entry `..` changes.
    if (isReadOnly) await Deno.chmod(this.tree, mode & 0o7777 | 0o200);
    await giveName(this.tree, this.#target);
    if (isReadOnly) await Deno.chmod(this.#target, mode & 0o7777);
  }

  /** Removes what it has: no later run is to go on with it. */
  async discard(): Promise<void> {
    await removeTree(this.#place);
  }

  [Symbol.dispose](): void {
    this.#lock.close();
  }
}

/** The place for a folder whose directory does not exist, or is empty. */
export function placeBeside(target: string): string {
  return join(dirname(target), `.${basename(target)}${STAGING}`);
}

/** The place for what comes into a directory that exists. */
export function placeInside(target: string): string {
  return join(target, STAGING);
}

/** Whether an earlier run has begun to put a folder together at a place. */
export async function isBegun(place: string): Promise<boolean> {
  return await Deno.lstat(place).then(() => true, () => false);
}

/**
 * Makes the place. In a directory such as `/tmp` somebody else may have done so before, to put links into it: so one that is
 * there has to be like one that this process makes. On some disks all directories have the same owner and mode.
 *
 * @throws {ConflictError} if it is not
 */
async function makePlace(place: string): Promise<void> {
  const fresh = temporaryName(dirname(place));
  await Deno.mkdir(fresh, { mode: 0o700 });
  const own = await Deno.lstat(fresh);
  await Deno.rename(fresh, place).catch(() => Deno.remove(fresh));
  const { isDirectory, uid, mode } = await Deno.lstat(place);
  if (isDirectory && uid === own.uid && mode === own.mode) return;
  throw new ConflictError(`${place} is not a directory of yours alone`, {
    hint: "remove it, or download to another directory",
  });
}

/** Removes a directory with all that is in it, also where a directory of the folder may not be written to. */
async function removeTree(path: string): Promise<void> {
  const remove = () => Deno.remove(path, { recursive: true });
  await remove().catch(async (error) => {
    if (error instanceof Deno.errors.NotFound) return;
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    await makeWritable(path);
    await remove();
  });
}

async function makeWritable(directory: string): Promise<void> {
  await Deno.chmod(directory, 0o700);
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) await makeWritable(join(directory, name));
  }
}
