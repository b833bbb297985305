/** Opens files that one process at a time may have open. @module */
import { setTimeout as pass } from "node:timers/promises";
import { LayerstashError } from "../errors.ts";

/** How a file is opened and locked. */
export interface LockedOptions {
  /** Opens the file, or makes it; `undefined` = it was made or removed meanwhile, and is to be looked for again. */
  open(): Promise<Deno.FsFile | undefined>;
  /** Locks it; `false` = another process holds the lock. Absent = an exclusive lock of the system. */
  lock?(file: Deno.FsFile): Promise<boolean>;
  /** For how many milliseconds a lock is tried that another process holds; absent = a tenth of a second. */
  patience?: number;
  /** The error where another process holds the lock. */
  busy(): Error;
}

/**
 * Opens a file and locks it until it is closed. Between the opening and the lock, the process that held it may have removed
 * or renamed the file: then the lock is of no use, and it is opened again.
 *
 * @throws {Error} the one of `busy`, if another process holds the lock
 * @throws {LayerstashError} if the path leads to something else each time, as a symbolic link does
 */
export async function openLocked(path: string, options: LockedOptions): Promise<Deno.FsFile> {
  const { open, lock = (file: Deno.FsFile) => file.tryLock(true), patience = PATIENCE, busy } = options;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const file = await open();
    if (!file) continue;
    try {
      if (!await locked(() => lock(file), patience)) throw busy();
      if (await hasName(file, path)) return file;
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  }
  throw new LayerstashError(`${path} is not an ordinary file, or is replaced again and again`);
}

/** How often a file is opened. Two processes that get in each other's way need a few rounds at most. */
const MOST_ROUNDS = 100;

/**
 * For how long a lock is tried, in milliseconds. A child that this process starts holds all its open files for an instant,
 * until it runs its own program: so a lock may outlive the file that was closed.
 */
const PATIENCE = 100;

/** How long the pause between two tries is, in milliseconds. */
const PAUSE = 10;

/** Tries to lock until it succeeds or the patience ends. */
async function locked(lock: () => Promise<boolean>, patience: number): Promise<boolean> {
  for (let waited = 0;; waited += PAUSE) {
    if (await lock()) return true;
    if (waited >= patience) return false;
    await pass(PAUSE);
  }
}

/** Whether an open file is the one that a path leads to. */
export async function hasName(file: Deno.FsFile, path: string): Promise<boolean> {
  const named = await Deno.lstat(path).catch(() => undefined);
  const { ino, dev } = await file.stat();
  return named !== undefined && named.isFile && named.ino === ino && named.dev === dev;
}
