/** The place where a folder is put together, near where it will be. A later run goes on with what an earlier one has left. @module */
import { basename, dirname, join } from "node:path";
import { giveName, makeDirectory, syncDirectory } from "../content/atomic_file.ts";
import { openLocked } from "../content/open_locked.ts";
import { storageError } from "../content/file_errors.ts";
import { writeAllSync } from "../content/write_all.ts";
import { ConflictError } from "../errors.ts";

/** The name of the place in a directory that exists: what is beside that may be on another disk. */
export const STAGING = ".layerstash-part";

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
   * @throws {ConflictError} if another process puts the same folder together
   */
  static async open(target: string, { place, what }: { place: string; what: string }): Promise<StagedFolder> {
    const path = join(place, "state");
    try {
      await makeDirectory(place, { mode: 0o700 });
      const lock = await openLocked(path, {
        open: () => Deno.open(path, { read: true, write: true, create: true, mode: 0o600 }),
        busy: () =>
          new ConflictError(`another process downloads to ${target}`, { hint: "wait until it has ended" }),
      });
      const isResumed = await Deno.readTextFile(path) === what;
      const staged = new StagedFolder(target, { place, lock, isResumed });
      if (!isResumed) await staged.#begin(what);
      return staged;
    } catch (error) {
      throw storageError(error, target);
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
    await giveName(this.tree, this.#target);
    await this.discard();
    await syncDirectory(dirname(this.#target));
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

/** Removes a directory with all that is in it, also where a directory of the folder may not be written to. */
async function removeTree(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
