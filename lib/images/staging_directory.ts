/** Makes the hidden directory in which an extraction holds contents, and removes abandoned ones. @module */
import { join } from "node:path";

const PREFIX = ".layerstash-extract-";
const LOCK = ".lock";
const LOCK_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const LOCK_NAME = /^\.layerstash-extract-[0-9a-f-]{36}\.lock$/;

/** The hidden directory of a running extraction. It may be disposed of twice. */
export interface StagingDirectory extends AsyncDisposable {
  readonly path: string;
}

/** Makes the directory, and removes those of extractions that were killed. */
export async function makeStagingDirectory(target: string): Promise<StagingDirectory> {
  const path = join(target, PREFIX + crypto.randomUUID());
  // The lock comes first: it tells others that the directory's process is alive.
  const lock = await Deno.open(path + LOCK, { write: true, createNew: true, mode: LOCK_MODE });
  await lock.lock(true).catch(() => {}); // a file system without locks: nobody else can lock it either
  let exists = true;
  const remove = async () => {
    await Deno.remove(path, { recursive: true }).catch(() => {});
    if (exists) lock.close();
    if (exists) await Deno.remove(path + LOCK).catch(() => {});
    exists = false;
  };
  try {
    await Deno.mkdir(path, { mode: DIRECTORY_MODE });
    await removeAbandonedStaging(target, path + LOCK);
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: remove };
}

/** Removes directories whose process has ended. Opening `ownLock` again could end it on some network file systems. */
async function removeAbandonedStaging(target: string, ownLock: string): Promise<void> {
  try {
    const { uid } = await Deno.lstat(ownLock);
    for await (const { name } of Deno.readDir(target)) {
      const lock = join(target, name);
      if (!LOCK_NAME.test(name) || lock === ownLock) continue;
      if (await isStagingOf(uid, lock).catch(() => false)) await removeIfUnlocked(lock).catch(() => {});
    }
  } catch { /* the target may not be readable: cleaning up is optional */ }
}

/** Whether a lock and its directory are as they are made here: files of an image may have such names, too. */
async function isStagingOf(owner: number | null, lockPath: string): Promise<boolean> {
  const [lock, directory] = [await Deno.lstat(lockPath), await Deno.lstat(directoryOf(lockPath))];
  return lock.isFile && lock.size === 0 && hasMode(lock, LOCK_MODE) && lock.uid === owner &&
    directory.isDirectory && hasMode(directory, DIRECTORY_MODE);
}

/** Whether a file has a mode. Windows has no modes, so any file matches there. */
function hasMode({ mode }: Deno.FileInfo, wanted: number): boolean {
  return Deno.build.os === "windows" || mode === null || (mode & 0o777) === wanted;
}

function directoryOf(lockPath: string): string {
  return lockPath.slice(0, -LOCK.length);
}

/** Removes a directory whose lock is free. The lock goes last, once closed: Windows cannot remove an open file. */
async function removeIfUnlocked(lockPath: string): Promise<void> {
  {
    using lock = await Deno.open(lockPath, { read: true, write: true });
    if (!await lock.tryLock(true)) return;
    await Deno.remove(directoryOf(lockPath), { recursive: true }).catch(ignoreNotFound);
  }
  await Deno.remove(lockPath);
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
