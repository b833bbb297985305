/** Files that appear whole or not at all. @module */
import { dirname, join } from "node:path";
import { storageError } from "./file_errors.ts";
import { writeAll } from "./write_all.ts";

/** What an atomic write takes. */
export interface AtomicOptions {
  /** The permissions of a file that is new, such as 0o600. */
  mode?: number;
}

/** Writes a small file so that readers see the old content or the new, also after a crash. */
export async function writeAtomically(
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
  options: AtomicOptions = {},
): Promise<void> {
  const temporary = temporaryName(dirname(path));
  try {
    await writeNew(temporary, bytes, options);
    await giveName(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw storageError(error, path);
  }
}

async function writeNew(
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
  options: AtomicOptions,
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, ...options });
  await writeAll(file, bytes);
  await file.syncData();
}

/** So often it is tried on Windows, and so many milliseconds longer it is waited each time: half a second in all. */
const [RENAMES, PAUSE] = [10, 10];

/**
 * Gives a file its final name, in the place of what had it. On Windows whoever has the old file open is in the way: a
 * reader, a virus scanner. Most are gone in a moment.
 */
export async function giveName(temporary: string, path: string, os = Deno.build.os): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await Deno.rename(temporary, path);
    } catch (error) {
      const mayPass = os === "windows" && error instanceof Deno.errors.PermissionDenied;
      if (!mayPass || attempt === RENAMES) throw error;
      await new Promise((resolve) => setTimeout(resolve, attempt * PAUSE));
    }
  }
}

/** A name for a file that nobody else uses, in a directory on the same file system as its final place. */
export function temporaryName(directory: string): string {
  return join(directory, `.layerstash-${crypto.randomUUID()}`);
}

/** Gives a new file the owner of the one that it replaces. After `sudo` it would be root's, and its owner shut out. */
export async function keepOwner(path: string, temporary: string): Promise<void> {
  try {
    const { uid, gid } = await Deno.stat(path);
    if (Deno.build.os !== "windows") await Deno.chown(temporary, uid, gid);
  } catch {
    // There is no file yet, or it is another's and stays so only where that is allowed.
  }
}
