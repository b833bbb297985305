/** Checks of an output: that it can be written, and that the disk has room. @module */
import { InvalidInputError, LayerstashError } from "../errors.ts";
import { kindOf, roundedSize } from "../messages.ts";
import { dirname } from "node:path";
import type { OnEvent } from "../events.ts";

/**
 * Checks that an output is a path or a free stream. Whether the path can be written is checked later.
 *
 * @throws {InvalidInputError} if it is not
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
 * Checks the free space before the first byte is fetched, and not after hours. Without the permission for that, an event
 * says that it was not checked.
 *
 * @throws {LayerstashError} if less than `needed` bytes are free
 */
export async function requireRoom(path: string, needed: number, onEvent?: OnEvent): Promise<void> {
  const { statfs } = await import("node:fs/promises");
  const { bavail, bsize } = await statfs(dirname(path)).catch((error) => {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    onEvent?.({ type: "notice", message: "free space is not checked: that needs --allow-sys=statfs" });
    return { bavail: Infinity, bsize: 1 };
  });
  const free = bavail * bsize;
  if (needed <= free) return;
  const [has, needs] = [roundedSize(free), roundedSize(needed)];
  throw new LayerstashError(`${dirname(path)} has ${has} free, and ${needs} are needed`, {
    hint: `make room for ${roundedSize(needed - free)} more, or write to another disk`,
  });
}

/** The error for a full disk or a used-up quota, which says how much is missing; `undefined` for other errors. */
export function outOfRoom(error: unknown, path: string, needed: number): LayerstashError | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  if (code !== "ENOSPC" && code !== "EDQUOT") return undefined;
  const message = `no space is left on the disk for ${path}: ${roundedSize(needed)} more are needed`;
  return new LayerstashError(message, {
    hint: "make room and run the same command again: it goes on from there",
    cause: error,
  });
}
