/** Room on the disk: enough of it, or how much is missing. @module */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { LayerstashError } from "../errors.ts";
import type { OnEvent } from "../events.ts";

/**
 * Looks at the free space before the first byte is fetched: some minutes are cheaper to save than some hours.
 *
 * @throws {LayerstashError} when less than `needed` bytes are free
 */
export async function requireRoom(path: string, needed: number, onEvent?: OnEvent): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path)).catch((error) => {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    onEvent?.({ type: "notice", message: "free space cannot be looked at without --allow-sys=statfs" });
    return { bavail: Infinity, bsize: 1 };
  });
  const free = bavail * bsize;
  if (needed <= free) return;
  throw new LayerstashError(`${dirname(path)} has ${free} bytes free, ${needed} are needed`, {
    hint: `make room for ${needed - free} bytes more, or write to another disk`,
  });
}

/** Says how much room was missing where the disk, or the user's share of it, is full; `undefined` for other errors. */
export function outOfRoom(error: unknown, path: string, needed: number): LayerstashError | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  if (code !== "ENOSPC" && code !== "EDQUOT") return undefined;
  return new LayerstashError(`no space is left on the disk for ${path}: ${needed} bytes more are needed`, {
    hint: "make room and run the same command again: it goes on from there",
    cause: error,
  });
}
