/** Turns errors of the file system into errors that say what could not be done, and what to do. @module */
import { basename, dirname } from "node:path";
import { InvalidInputError, LayerstashError, NotAllowedError, NotFoundError } from "../errors.ts";
import { closestName, printable, quoted, shellWord } from "../messages.ts";
import { knownWords, systemWords } from "./system_words.ts";

/** No space is left on a disk. */
export class DiskFullError extends LayerstashError {}

/** Whether an error says that nothing is at a path: also where a part of the path is a file. */
export function isAbsence(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

/**
 * The error for what the system or Deno does not permit; `undefined` for every other error.
 *
 * @param message what could not be done, and why
 */
export function denied(error: unknown, message: string): NotAllowedError | undefined {
  if (error instanceof Deno.errors.PermissionDenied) return new NotAllowedError(message, { cause: error });
  if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  const [flag = "-A"] = /--allow-\w+/.exec(error.message) ?? [];
  return new NotAllowedError(message, { hint: `Deno has to allow it: ${flag}`, cause: error });
}

/** The error for a file that cannot be read. Errors of layerstash come back as they are. */
export function readError(error: unknown, path: string): unknown {
  if (error instanceof Deno.errors.NotFound) {
    const target = targetOfLink(path);
    if (target !== undefined) {
      return new NotFoundError(`${path} is a link to ${target}, which does not exist`, { cause: error });
    }
    return new NotFoundError(`there is no file ${path || quoted(path)}`, {
      hint: hintOfMissing(path),
      cause: error,
    });
  }
  if (error instanceof Deno.errors.IsADirectory) {
    return new InvalidInputError(`${path} is a directory, and a file is needed`, { cause: error });
  }
  const refusal = denied(error, `${path} may not be read: permission denied`);
  if (refusal || error instanceof LayerstashError || !(error instanceof Error)) return refusal ?? error;
  return new LayerstashError(`${shortened(path)} cannot be read: ${systemWords(error)}`, { cause: error });
}

/** A path that leaves room in a message for what is wrong with it. */
function shortened(path: string): string {
  return path.length <= 1000 ? path : `${path.slice(0, 100)}...${path.slice(-100)}`;
}

/** Where a symbolic link leads; `undefined` = the path is not one. */
function targetOfLink(path: string): string | undefined {
  try {
    return printable(Deno.readLinkSync(path));
  } catch {
    return undefined;
  }
}

function isDirectoryOnDisk(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** How many names are looked at for a similar one. More take longer than a hint is worth. */
const MOST_NAMES = 10_000;

/** What may help who names a file that does not exist: another one in the same directory has a similar name. */
function hintOfMissing(path: string): string | undefined {
  if (path.includes("\ufffd")) return "if its name is not UTF-8, pipe it, as in: -i - < FILE";
  try {
    const files: string[] = [];
    for (const { name } of Deno.readDirSync(dirname(path))) if (files.push(name) === MOST_NAMES) break;
    const meant = closestName(basename(path), files);
    return meant && `did you mean ${path.slice(0, path.length - basename(path).length)}${meant}?`;
  } catch { // there is no such directory either
    return undefined;
  }
}

/** The error for a file that cannot be written, where the system says why; others come back as they are. */
export function storageError(error: unknown, path: string): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  const why = code === "EPERM"
    ? "the system does not permit it: perhaps it is another user's, or immutable"
    : "permission denied";
  const refusal = denied(error, `${path} cannot be written: ${why}`);
  if (refusal) return refusal;
  // Windows says "already exists" of a directory that is to be made below a file.
  if (error instanceof Deno.errors.NotADirectory || error instanceof Deno.errors.AlreadyExists) {
    const message = `${path} cannot be written: a part of this path is a file, not a directory`;
    return new InvalidInputError(message, { cause: error });
  }
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new DiskFullError(`no space is left on the disk for ${path}`, {
      hint: "make room and run the same command again",
      cause: error,
    });
  }
  if (code === "EROFS") return new NotAllowedError(`${path} is on a read-only file system`, { cause: error });
  if (error instanceof Deno.errors.NotFound) return error; // of which path, the caller knows
  const words = knownWords(error);
  return words === undefined
    ? error
    : new LayerstashError(`${shortened(path)} cannot be written: ${words}`, { cause: error });
}

/** The error for a file that cannot be written, whatever the cause. Errors of layerstash come back as they are. */
export function writeError(error: unknown, path: string): unknown {
  const known = storageError(error, path);
  if (known instanceof LayerstashError || !(known instanceof Error)) return known;
  if (known instanceof Deno.errors.NotFound) return noDirectory(path, known);
  return new LayerstashError(`${path} cannot be written: ${systemWords(known)}`, { cause: known });
}

/** The error for a file that cannot be written because its directory is missing. */
export function noDirectory(path: string, cause?: unknown): LayerstashError {
  const target = targetOfLink(path);
  if (target !== undefined) {
    return new NotFoundError(
      `${path} cannot be written: it is a link to ${target}, whose directory does not exist`,
      { cause },
    );
  }
  const directory = dirname(path);
  const existing = [path, directory].find(isDirectoryOnDisk); // such as /proc, which refuses so
  if (existing) return new NotAllowedError(`nothing can be made in ${existing}`, { cause });
  return new NotFoundError(`${path} cannot be written: there is no directory ${directory}`, {
    hint: `make it first: mkdir -p ${shellWord(directory)}`,
    cause,
  });
}
