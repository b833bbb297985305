/** Puts a new program in the place of one that may be running. @module */
import { basename, dirname, join } from "node:path";
import { keepOwner, temporaryName } from "../content/atomic_file.ts";
import { storageError } from "../content/file_errors.ts";
import { ConflictError, NotAllowedError, NotFoundError } from "../errors.ts";

/** How the new program comes to be. */
export interface NewProgram {
  /** Writes all its bytes. */
  write(file: Deno.FsFile): Promise<void>;
  /** Tries it, where it is before it takes its place. What it throws ends the replacement. */
  check(path: string): Promise<void>;
}

/**
 * Replaces a program: there is the old one or the new one, and when it fails the old one, and nothing beside it. A link
 * to the program stays a link. The new program has the mode and the owner of the old one.
 *
 * @param program its path
 * @param made how the new one comes to be
 * @param how `windows`: there a program that runs cannot be replaced, but moved
 * @throws {NotFoundError} when there is no program
 * @throws {NotAllowedError} when its directory cannot be written
 * @throws {ConflictError} when the one that was moved by the last replacement still runs
 */
export async function replaceProgram(
  program: string,
  { write, check }: NewProgram,
  { windows }: { windows: boolean },
): Promise<void> {
  const place = await Deno.realPath(program).catch((cause) => {
    throw new NotFoundError(`${program} is not there any more`, { cause });
  });
  // What Windows starts has this ending.
  const draft = temporaryName(dirname(place)) + (windows ? ".exe" : "");
  try {
    await writeDraft(draft, place, write);
    await check(draft);
    await (windows ? exchange(draft, place) : Deno.rename(draft, place));
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    throw advised(storageError(error, dirname(place)));
  }
}

async function writeDraft(draft: string, place: string, write: NewProgram["write"]): Promise<void> {
  const { mode } = await Deno.stat(place);
  using file = await Deno.open(draft, { write: true, createNew: true, mode: 0o700 });
  await write(file);
  await keepOwner(place, draft);
  if (mode !== null && Deno.build.os !== "windows") await Deno.chmod(draft, mode & 0o777);
  await file.sync();
}

/** Moves the old program out of the way. It goes with the next replacement: until then it may be running. */
async function exchange(draft: string, place: string): Promise<void> {
  const old = join(dirname(place), `${basename(place)}.old`);
  await Deno.remove(old).catch((cause) => {
    if (cause instanceof Deno.errors.NotFound) return;
    throw new ConflictError(`${old} cannot be removed`, {
      hint: "an older layerstash is running still: end it",
      cause,
    });
  });
  await Deno.rename(place, old);
  try {
    await Deno.rename(draft, place);
  } catch (error) {
    await Deno.rename(old, place);
    throw error;
  }
}

function advised(error: unknown): unknown {
  if (!(error instanceof NotAllowedError) || error.hint !== undefined) return error;
  return new NotAllowedError(error.message, {
    hint: "run it as who installed it, or with sudo; or install it anew where you may write",
    cause: error,
  });
}
