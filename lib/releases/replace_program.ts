/** Replaces a program that may be running. @module */
import { basename, dirname, join } from "node:path";
import { giveName, keepOwner, temporaryName } from "../content/atomic_file.ts";
import { storageError } from "../content/file_errors.ts";
import { ConflictError, NotAllowedError, NotFoundError } from "../errors.ts";

/** Makes the new program. */
export interface NewProgram {
  /** Writes its bytes. */
  write(file: Deno.FsFile): Promise<void>;
  /** Tries the program at its temporary path. An error ends the replacement. */
  check(path: string): Promise<void>;
}

/**
 * Replaces a program atomically. If anything fails, the old program stays, and no other file is left. A link to the
 * program stays a link. The new program gets the mode and the owner of the old one.
 *
 * @param program the path
 * @param made makes the new program
 * @param options `windows` moves the old program away first: Windows does not replace a running program
 * @throws {NotFoundError} if the program does not exist
 * @throws {NotAllowedError} if its directory cannot be written
 * @throws {ConflictError} if the program that the last replacement moved away still runs
 */
export async function replaceProgram(
  program: string,
  { write, check }: NewProgram,
  { windows }: { windows: boolean },
): Promise<void> {
  const path = await Deno.realPath(program).catch((cause) => {
    throw new NotFoundError(`${program} no longer exists`, { cause });
  });
  // Windows starts only files with this ending.
  const draft = temporaryName(dirname(path)) + (windows ? ".exe" : "");
  try {
    await writeDraft(draft, path, write);
    await check(draft);
    await (windows ? swapPrograms(draft, path) : giveName(draft, path));
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    throw withInstallHint(storageError(error, dirname(path)));
  }
}

async function writeDraft(draft: string, path: string, write: NewProgram["write"]): Promise<void> {
  const { mode } = await Deno.stat(path);
  using file = await Deno.open(draft, { write: true, createNew: true, mode: 0o700 });
  await write(file);
  await keepOwner(path, draft);
  if (mode !== null && Deno.build.os !== "windows") await Deno.chmod(draft, mode & 0o777);
  await file.sync();
}

/** Moves the old program away, because it may be running. The next replacement removes it. */
async function swapPrograms(draft: string, path: string): Promise<void> {
  const old = join(dirname(path), `${basename(path)}.old`);
  await Deno.remove(old).catch((cause) => {
    if (cause instanceof Deno.errors.NotFound) return;
    throw new ConflictError(`${old} cannot be removed`, {
      hint: "an older layerstash is still running: end it",
      cause,
    });
  });
  await Deno.rename(path, old);
  try {
    await giveName(draft, path);
  } catch (error) {
    await Deno.rename(old, path);
    throw error;
  }
}

/** Adds a hint to an error of missing permission. */
function withInstallHint(error: unknown): unknown {
  if (!(error instanceof NotAllowedError) || error.hint !== undefined) return error;
  return error.with({
    hint: "run it as the user who installed it, or with sudo; or install it again where you may write",
    cause: error,
  });
}
