/** Blobs on their way into a layout: each is a file of its own until it is whole. @module */
import { join } from "node:path";

const PREFIX = ".layerstash-draft-";
/** The names of files that are written atomically, until they get their own; a chunk may be 5 GiB, these are small. */
const TEMPORARY = /^\.layerstash-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** On Windows a lock would keep out the thread that hashes the draft. */
export const LOCKS: boolean = Deno.build.os !== "windows";
/**
 * Drafts that were written to so lately, in milliseconds, are left alone: between being made and being locked a draft
 * looks abandoned; and where there are no locks, age is all there is to go by.
 */
const YOUNG = LOCKS ? 60_000 : 24 * 3600_000;

/** A draft that is being written; whoever sees it can tell that, because it is locked. Closing it twice is once. */
export interface Draft extends Disposable {
  readonly path: string;
  readonly file: Deno.FsFile;
}

/** Makes an empty draft in the directory. */
export async function makeDraft(directory: string): Promise<Draft> {
  const path = join(directory, PREFIX + crypto.randomUUID());
  const file = await Deno.open(path, { write: true, createNew: true });
  if (LOCKS) await file.lock(true).catch(() => {}); // a file system without locks: nobody else can lock it either
  return { path, file, [Symbol.dispose]: closingOnce(file) };
}

/** Closes a file, and does nothing when it is called again. */
export function closingOnce(file: Deno.FsFile): () => void {
  let open = true;
  return () => {
    if (open) file.close();
    open = false;
  };
}

/**
 * Removes what killed writers have left, as far as that can be done: drafts of blobs, and small files on their way to
 * their names. The layout has to be locked: whoever writes a small file has locked it too, so none is being written.
 */
export async function removeAbandoned(directory: string): Promise<void> {
  await removeEach(directory, (name) => name.startsWith(PREFIX) || TEMPORARY.test(name));
  await removeEach(join(directory, "blobs", "sha256"), (name) => TEMPORARY.test(name));
}

async function removeEach(directory: string, isOurs: (name: string) => boolean): Promise<void> {
  try {
    for await (const { name, isFile } of Deno.readDir(directory)) {
      if (isFile && isOurs(name)) await removeIfAbandoned(join(directory, name)).catch(() => {});
    }
  } catch { /* it may not be there yet, or not be listed: nothing hangs on it */ }
}

async function removeIfAbandoned(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  const { mtime } = await file.stat();
  const age = Date.now() - (mtime?.getTime() ?? Date.now());
  if (age > YOUNG && (!LOCKS || await file.tryLock(true))) await Deno.remove(path);
}
