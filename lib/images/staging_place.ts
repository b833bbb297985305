/** Where an extraction keeps what has no name yet: a hidden directory in its target. @module */
import { join } from "node:path";

const PREFIX = ".layerstash-extract-";
const LOCK = ".lock";
const LOCK_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const LOCK_NAME = /^\.layerstash-extract-[0-9a-f-]{36}\.lock$/;

/** The directory of a running extraction. Disposing of it twice is once. */
export interface StagingPlace extends AsyncDisposable {
  readonly path: string;
}

/** Makes it, and clears up behind extractions that were killed. */
export async function makeStagingPlace(target: string): Promise<StagingPlace> {
  const path = join(target, PREFIX + crypto.randomUUID());
  // The lock comes first: whoever sees the directory can tell by it that its process lives.
  const lock = await Deno.open(path + LOCK, { write: true, createNew: true, mode: LOCK_MODE });
  await lock.lock(true).catch(() => {}); // a file system without locks: nobody else can lock it either
  let there = true;
  const remove = async () => {
    await Deno.remove(path, { recursive: true }).catch(() => {});
    if (there) lock.close();
    if (there) await Deno.remove(path + LOCK).catch(() => {});
    there = false;
  };
  try {
    await Deno.mkdir(path, { mode: DIRECTORY_MODE });
    await removeAbandonedPlaces(target, path + LOCK);
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: remove };
}

/** The own lock is not opened once more: on some network file systems closing that would end it. */
async function removeAbandonedPlaces(target: string, ownLock: string): Promise<void> {
  try {
    const { uid } = await Deno.lstat(ownLock);
    for await (const { name } of Deno.readDir(target)) {
      const lock = join(target, name);
      if (!LOCK_NAME.test(name) || lock === ownLock) continue;
      if (await isPlaceOf(uid, lock).catch(() => false)) await removeIfAbandoned(lock).catch(() => {});
    }
  } catch { /* it may not be listed: nothing hangs on it */ }
}

/** Whether a lock and its directory are as they were made here: files of an image may be called so, too. */
async function isPlaceOf(owner: number | null, lockPath: string): Promise<boolean> {
  const [lock, directory] = [await Deno.lstat(lockPath), await Deno.lstat(directoryOf(lockPath))];
  return lock.isFile && lock.size === 0 && hasMode(lock, LOCK_MODE) && lock.uid === owner &&
    directory.isDirectory && hasMode(directory, DIRECTORY_MODE);
}

/** Windows has no modes. */
function hasMode({ mode }: Deno.FileInfo, wanted: number): boolean {
  return Deno.build.os === "windows" || mode === null || (mode & 0o777) === wanted;
}

function directoryOf(lockPath: string): string {
  return lockPath.slice(0, -LOCK.length);
}

/** On Windows a file that is open cannot be removed: so the lock goes last. */
async function removeIfAbandoned(lockPath: string): Promise<void> {
  {
    using lock = await Deno.open(lockPath, { read: true, write: true });
    if (!await lock.tryLock(true)) return;
    await Deno.remove(directoryOf(lockPath), { recursive: true }).catch(ignoreAbsent);
  }
  await Deno.remove(lockPath);
}

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
