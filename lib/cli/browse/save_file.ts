/** Saves one file of an image under a name that the user has typed. @module */
import { dirname } from "node:path";
import { giveFreeName, temporaryName } from "../../content/atomic_file.ts";
import { storageError } from "../../content/file_errors.ts";
import { writeAll } from "../../content/write_all.ts";
import { ConflictError, NotFoundError } from "../../errors.ts";
import type { OpenLayerEntry } from "../../images/image_files.ts";

/**
 * Writes the bytes to a new file, which appears whole or not at all. It gets the file's time and mode, but no set-id
 * bits.
 *
 * @throws {ConflictError} if the name is taken
 */
export async function saveFile(entry: OpenLayerEntry, to: string): Promise<void> {
  const temporary = temporaryName(dirname(to));
  try {
    await requireFree(to);
    await writeEntry(temporary, entry);
    if (Deno.build.os !== "windows") await Deno.chmod(temporary, (entry.mode & 0o755) | 0o600);
    await Deno.utime(temporary, entry.modified, entry.modified);
    await giveFreeName(temporary, to);
  } catch (error) {
    throw saveError(error, to);
  } finally {
    await Deno.remove(temporary).catch(() => {});
  }
}

async function writeEntry(path: string, entry: OpenLayerEntry): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  let end = 0;
  for await (const { offset, bytes } of entry.extents()) {
    if (offset !== end) await file.seek(offset, Deno.SeekMode.Start);
    await writeAll(file, bytes);
    end = offset + bytes.length;
  }
  if (end < entry.size) await file.truncate(entry.size);
  await file.syncData();
}

async function requireFree(to: string): Promise<void> {
  const found = await Deno.lstat(to).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  if (found) throw new ConflictError(`${to} already exists: use another name`);
}

function saveError(error: unknown, to: string): unknown {
  if (error instanceof Deno.errors.AlreadyExists) return new ConflictError(`${to} already exists`);
  if (error instanceof Deno.errors.NotFound) return new NotFoundError(`there is no directory ${dirname(to)}`);
  return storageError(error, to);
}
