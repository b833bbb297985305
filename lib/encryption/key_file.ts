/** Files of keys: one in a line, with comments, as `age-keygen` and `age` have them. @module */
import { collectFile } from "../content/collect.ts";
import { readError } from "../content/file_errors.ts";
import { InvalidInputError, MismatchError } from "../errors.ts";

/** No file of keys is larger, in bytes. */
const MOST = 1024 * 1024;

/** The keys of a file: its lines without comments and empty ones. */
export function keysIn(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
}

/**
 * The text of a file with keys, or with a passphrase.
 *
 * @throws {NotFoundError} if it does not exist
 * @throws {NotAllowedError} if it may not be read
 * @throws {InvalidInputError} if it is too large to be one, or a secret key stands where its name should
 */
export async function readKeyFile(path: string): Promise<string> {
  if (/^AGE-SECRET-KEY-/i.test(path)) {
    throw new InvalidInputError("a secret key was given where a file or a recipient is expected", {
      hint: "others on this machine may have seen it: make another one, and name its file",
    });
  }
  try {
    return new TextDecoder().decode(await collectFile(path, MOST));
  } catch (cause) {
    if (!(cause instanceof MismatchError)) throw readError(cause, path);
    throw new InvalidInputError(`${path} is too large to be a file of keys`, { cause });
  }
}
