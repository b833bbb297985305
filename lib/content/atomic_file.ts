/** Files that appear whole or not at all. Once a file has its name, both survive a power cut. @module */
import { dirname, join } from "node:path";
import type { Bytes } from "./bytes.ts";
import { storageError, writeError } from "./file_errors.ts";
import { writeAll } from "./write_all.ts";

/** What an atomic write takes. */
export interface AtomicOptions {
  /** The permissions of the file, such as 0o600; absent = those that the system gives to new files. */
  mode?: number;
  /** Gives the file the owner of the one that it replaces. */
  keepsOwner?: boolean;
}

/** Writes a small file: readers see the old content or the new. An existing file is replaced. */
export async function writeAtomically(
  path: string,
  bytes: Bytes,
  options: AtomicOptions = {},
): Promise<void> {
  await writeAndName(path, [bytes], { ...options, name: giveName });
}

/** Writes a small file where there is none: an existing one stays, also where it appears meanwhile. */
export async function createAtomically(path: string, bytes: Bytes): Promise<void> {
  await writeAndName(path, [bytes], {
    name: async (temporary, path) => {
      await giveFreeName(temporary, path).catch((error) => {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      });
    },
  });
}

/** Writes a file piece by piece under a temporary name, and syncs it; `name` gives it the final one. */
export async function writeAndName(
  path: string,
  pieces: Iterable<Bytes>,
  { mode, keepsOwner, name }: AtomicOptions & { name(temporary: string, path: string): Promise<void> },
): Promise<void> {
  const temporary = temporaryName(dirname(path));
  try {
    await writeNew(temporary, pieces, mode);
    if (keepsOwner) await keepOwner(path, temporary);
    await name(temporary, path);
  } catch (error) {
    throw storageError(error, path);
  } finally {
    await Deno.remove(temporary).catch(() => {}); // it has its name, or was linked to it, or is of no use
  }
}

async function writeNew(
  path: string,
  pieces: Iterable<Bytes>,
  mode?: number,
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, ...(mode !== undefined && { mode }) });
  for (const piece of pieces) await writeAll(file, piece);
  await file.syncData();
}

/** How often a rename is tried on Windows, and how many milliseconds each pause is longer: half a second in all. */
const [RENAMES, PAUSE] = [10, 10];

/**
 * Renames a file to its final name, durably: whatever had the name is replaced. The caller has synced the content.
 *
 * On Windows whoever has the old file open is in the way, such as a reader or a virus scanner. Most are gone in a moment.
 */
export async function giveName(temporary: string, path: string, os = Deno.build.os): Promise<void> {
  await renamePatiently(temporary, path, os);
  await syncDirectory(dirname(path));
}

async function renamePatiently(temporary: string, path: string, os: typeof Deno.build.os): Promise<void> {
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

/**
 * Gives a file a name that is free, durably. The caller has synced the content, and removes the temporary name, which may
 * stay.
 *
 * @throws {Deno.errors.AlreadyExists} if something has the name; it is not replaced
 */
export async function giveFreeName(temporary: string, path: string): Promise<void> {
  linkOrRename(temporary, path);
  await syncDirectory(dirname(path));
}

/**
 * Gives a file a name that is free. The name survives a power cut only when the caller has synced the directory.
 *
 * @throws {Deno.errors.AlreadyExists} if something has the name; it is not replaced
 */
export function linkOrRename(temporary: string, path: string): void {
  try {
    Deno.linkSync(temporary, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw error;
    if (pathExists(path)) throw new Deno.errors.AlreadyExists(`${path} already exists`);
    Deno.renameSync(temporary, path); // a file system without hard links, such as that of most USB sticks
  }
}

function pathExists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

/**
 * Syncs a directory: the names that its files got survive a power cut. That is skipped where it cannot be done: on Windows,
 * on file systems without it, and in a directory that may not be read.
 *
 * @throws {Error} if the disk fails
 */
export async function syncDirectory(directory: string): Promise<void> {
  if (Deno.build.os === "windows") return; // which does not open directories
  try {
    using opened = await Deno.open(directory);
    await opened.sync();
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
}

/** Syncs a directory as `syncDirectory` does. Where there are thousands, it takes a tenth of the time. */
export function syncDirectorySync(directory: string): void {
  if (Deno.build.os === "windows") return;
  try {
    using opened = Deno.openSync(directory);
    opened.syncSync();
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
}

const UNSUPPORTED: ReadonlySet<unknown> = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EBADF"]);

function isUnsupported(error: unknown): boolean {
  const { PermissionDenied, NotCapable, NotSupported } = Deno.errors;
  if ([PermissionDenied, NotCapable, NotSupported].some((kind) => error instanceof kind)) return true;
  return UNSUPPORTED.has((error as { code?: unknown } | null)?.code);
}

/**
 * Makes a directory and those above it where they are missing, durably.
 *
 * @throws {LayerstashError} if it cannot be made
 */
export async function makeDirectory(path: string, options: { mode?: number } = {}): Promise<void> {
  const missing: string[] = [];
  for (let above = path; !pathExists(above); above = dirname(above)) {
    if (above === dirname(above)) break; // a drive that does not exist has nothing above it
    missing.push(above);
  }
  await Deno.mkdir(path, { recursive: true, ...options }).catch((error) => {
    throw writeError(error, error instanceof Deno.errors.NotFound ? missing.at(-1) ?? path : path);
  });
  for (const made of missing) await syncDirectory(dirname(made));
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
