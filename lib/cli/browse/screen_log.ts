/** Appends what `browse` shows to a file, as plain text. @module */
import { storageError } from "../../content/file_errors.ts";
import { print } from "../terminal/standard_streams.ts";

/** Receives what is shown. */
export interface ScreenLog extends Disposable {
  /** Writes the lines, unless they are the same as last time. */
  show(lines: readonly string[]): void;
}

/**
 * Opens the file to append to it. Without a path, nothing is written.
 *
 * @throws {NotAllowedError} if it may not be written
 */
export function openScreenLog(path: string | undefined): ScreenLog {
  if (path === undefined) return { show() {}, [Symbol.dispose]() {} };
  const file = orStorageError(path, () => Deno.openSync(path, { append: true, create: true }));
  let last = "";
  return {
    show(lines) {
      const text = `${lines.map((line) => line.trimEnd()).join("\n")}\n\n`;
      if (text === last) return;
      last = text;
      orStorageError(path, () => print(file, text));
    },
    [Symbol.dispose]: () => file.close(),
  };
}

function orStorageError<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw storageError(error, path);
  }
}
