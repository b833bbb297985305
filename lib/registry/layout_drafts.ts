/** Blobs on their way into a layout: each is a file of its own until it is whole. @module */
import { join } from "node:path";

const PREFIX = ".layerstash-draft-";
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
  let open = true;
  const close = () => {
    if (open) file.close();
    open = false;
  };
  return { path, file, [Symbol.dispose]: close };
}

/** Removes the drafts that killed writers have left, as far as that can be done. A chunk may be 5 GiB. */
export async function removeAbandonedDrafts(directory: string): Promise<void> {
  try {
    for await (const { name, isFile } of Deno.readDir(directory)) {
      if (isFile && name.startsWith(PREFIX)) await removeIfAbandoned(join(directory, name)).catch(() => {});
    }
  } catch { /* it may not be there yet, or not be listed: nothing hangs on it */ }
}

async function removeIfAbandoned(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  const { mtime } = await file.stat();
  const age = Date.now() - (mtime?.getTime() ?? Date.now());
  if (age > YOUNG && (!LOCKS || await file.tryLock(true))) await Deno.remove(path);
}
