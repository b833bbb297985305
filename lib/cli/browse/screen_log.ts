/** Writes what a session shows to a file, as plain text. @module */
import { storageError } from "../../content/file_errors.ts";

/** Takes what is shown. */
export interface ScreenLog extends Disposable {
  /** Writes the lines, unless they are what was written last. */
  show(lines: readonly string[]): void;
}

/**
 * Opens the file, to write behind what is in it.
 *
 * @throws {NotAllowedError} when it may not be written
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
      orStorageError(path, () => {
        for (let bytes = new TextEncoder().encode(text); bytes.length > 0;) {
          bytes = bytes.subarray(file.writeSync(bytes));
        }
      });
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
