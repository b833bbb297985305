/** Where an extraction keeps what has no name yet: a hidden directory in its target. @module */
import { join } from "node:path";

const PREFIX = ".layerstash-extract-";
const LOCK = ".lock";
const LOCK_NAME = /^\.layerstash-extract-[0-9a-f-]{36}\.lock$/;

/** The directory of a running extraction. Disposing of it twice is once. */
export interface StagingPlace extends AsyncDisposable {
  readonly path: string;
}

/** Makes it, and clears up behind extractions that were killed. */
export async function makeStagingPlace(target: string): Promise<StagingPlace> {
  await removeAbandonedPlaces(target);
  const path = join(target, PREFIX + crypto.randomUUID());
  // The lock comes first: whoever sees the directory can tell by it that its process lives.
  const lock = await Deno.open(path + LOCK, { write: true, createNew: true, mode: 0o600 });
  await lock.lock(true).catch(() => {}); // a file system without locks: nobody else can lock it either
  let there = true;
  const remove = async () => {
    await Deno.remove(path, { recursive: true }).catch(() => {});
    if (there) lock.close();
    if (there) await Deno.remove(path + LOCK).catch(() => {});
    there = false;
  };
  try {
    await Deno.mkdir(path, { mode: 0o700 });
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: remove };
}

async function removeAbandonedPlaces(target: string): Promise<void> {
  try {
    for await (const { name, isFile } of Deno.readDir(target)) {
      if (isFile && LOCK_NAME.test(name)) await removeIfAbandoned(join(target, name)).catch(() => {});
    }
  } catch { /* it may not be listed: nothing hangs on it */ }
}

/** On Windows a file that is open cannot be removed: so the lock goes last. */
async function removeIfAbandoned(lockPath: string): Promise<void> {
  {
    using lock = await Deno.open(lockPath, { read: true, write: true });
    if (!await lock.tryLock(true)) return;
    await Deno.remove(lockPath.slice(0, -LOCK.length), { recursive: true }).catch(ignoreAbsent);
  }
  await Deno.remove(lockPath);
}

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
