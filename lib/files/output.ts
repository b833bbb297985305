/** Where bytes are brought to: a file, or a stream. @module */
import { InvalidInputError, LayerstashError } from "../errors.ts";
import { kindOf } from "../messages.ts";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { OnEvent } from "../events.ts";

/**
 * Makes sure that there is an output. What is at a path is another question.
 *
 * @throws {InvalidInputError} when there is none
 */
export function checkOutput(output: string | WritableStream<Uint8Array>): void {
  if (output === "") throw new InvalidInputError("the file to write has no name");
  if (typeof output === "string") return;
  if (typeof output?.getWriter !== "function") {
    throw new InvalidInputError(`${kindOf(output)} is neither the path of a file nor a WritableStream`);
  }
  if (output.locked) throw new InvalidInputError("the stream is locked: somebody else writes to it");
}

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
