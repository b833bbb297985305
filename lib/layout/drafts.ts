/** Drafts: the temporary files that blobs are written to before they get their names. @module */
import { join } from "node:path";
import { blobDirectories } from "./directory.ts";

const PREFIX = ".layerstash-draft-";
const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
/** The names of uploads that come in pieces. */
const UPLOAD = new RegExp(`^\\.layerstash-upload-(${UUID})$`);
/** How many milliseconds an upload is kept after its last piece. */
export const UPLOAD_KEPT: number = 7 * 24 * 3600_000;
/** The temporary names of small files that are written atomically. A blob has a draft instead: it may have 5 GiB. */
const TEMPORARY = new RegExp(`^\\.layerstash-${UUID}$`);
/** Whether drafts are locked. On Windows a lock would shut out the thread that hashes the draft. */
export const LOCKS: boolean = Deno.build.os !== "windows";
/** For how many milliseconds a draft is kept without a lock. Where there are none, only the age tells. */
const DRAFT_KEPT = LOCKS ? 0 : 24 * 3600_000;
/** The same for a small file, which nobody locks. */
const TEMPORARY_KEPT = LOCKS ? 60_000 : DRAFT_KEPT;

/** A draft that is being written: its lock says so to other processes. It may be closed twice. */
export interface Draft extends Disposable {
  readonly path: string;
  readonly file: Deno.FsFile;
}

/** The name of the file of an upload; `undefined` = no upload has such an ID. */
export function uploadFile(id: string): string | undefined {
  const name = `.layerstash-upload-${id}`;
  return UPLOAD.test(name) ? name : undefined;
}

/** The ID of the upload whose file has a name; `undefined` = the file is something else. */
export function uploadIn(name: string): string | undefined {
  return UPLOAD.exec(name)?.[1];
}

/** Creates an empty draft in a directory. */
export async function makeDraft(directory: string): Promise<Draft> {
  for (;;) {
    const path = join(directory, PREFIX + crypto.randomUUID());
    const file = await Deno.open(path, { write: true, createNew: true });
    if (LOCKS) await file.lock(true).catch(() => {}); // the file system has no locks: then nobody can lock the draft
    if (await Deno.lstat(path).then(() => true, () => false)) {
      return { path, file, [Symbol.dispose]: closingOnce(file) };
    }
    file.close(); // before it was locked, another process has taken it for abandoned
  }
}

/**
 * Unlocks and closes a file, and does nothing when it is called again. To close it would not unlock it at once where another
 * thread is just starting a program: that has the file open, too, until it runs.
 */
export function closingOnce(file: Deno.FsFile): () => void {
  let open = true;
  return () => {
    if (!open) return;
    open = false;
    unlock(file);
    file.close();
  };
}

function unlock(file: Deno.FsFile): void {
  if (!LOCKS) return;
  try {
    file.unlockSync();
  } catch { /* the file system has no locks */ }
}

/**
 * Removes what killed writers have left, as far as that can be done: drafts, and small files that never got their names.
 * The caller has locked the layout. Whoever writes a small file locks it too, and so none is being written.
 */
export async function removeAbandoned(directory: string): Promise<void> {
  await removeEach(directory);
  for (const blobs of blobDirectories(directory)) await removeEach(blobs);
}

async function removeEach(directory: string): Promise<void> {
  try {
    for await (const { name, isFile } of Deno.readDir(directory)) {
      const kept = isFile ? keptFor(name) : undefined;
      if (kept !== undefined) await removeIfAbandoned(join(directory, name), kept).catch(() => {});
    }
  } catch { /* the directory may be missing, or not be readable; what was left does no harm */ }
}

/** How many milliseconds a file is kept that nobody writes to; `undefined` = it is no draft, and stays. */
function keptFor(name: string): number | undefined {
  if (uploadIn(name) !== undefined) return UPLOAD_KEPT;
  if (name.startsWith(PREFIX)) return DRAFT_KEPT;
  return TEMPORARY.test(name) ? TEMPORARY_KEPT : undefined;
}

async function removeIfAbandoned(path: string, kept: number): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  const { mtime } = await file.stat();
  const age = Date.now() - (mtime?.getTime() ?? Date.now());
  if ((kept === 0 || age > kept) && (!LOCKS || await file.tryLock(true))) await Deno.remove(path);
}
