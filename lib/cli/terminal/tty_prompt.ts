/** Asks for secrets at the terminal of the session, where standard input and standard error lead elsewhere. @module */
import { abortable } from "../../async/abortable.ts";
import { InterruptedError } from "../exit_codes.ts";

/** The terminal of the session; `undefined` = there is none, or it is Windows, which has no such file. */
export async function openTty(): Promise<Deno.FsFile | undefined> {
  if (Deno.build.os === "windows") return undefined;
  try {
    return await Deno.open("/dev/tty", { read: true, write: true });
  } catch {
    return undefined; // each system has its own error for that
  }
}

/**
 * Asks a question, and gives what is typed until `Enter`, which does not show. Nothing is read after that: the terminal may be
 * that of a pager, too.
 *
 * @throws {InterruptedError} at `Ctrl-C` and `Ctrl-D`
 */
export async function askAtTty(tty: Deno.FsFile, question: string, signal: AbortSignal): Promise<string> {
  const show = (text: string) => void tty.writeSync(new TextEncoder().encode(text));
  tty.setRaw(true); // before the question: whoever types at once would see the secret
  try {
    show(`${question}: `);
    return await typedLine(tty, signal);
  } finally {
    tty.setRaw(false);
    show("\n");
  }
}

/** Keys as a terminal sends them. `Ctrl-U` clears the line. */
const KEY = { interrupt: 3, end: 4, backspace: 8, newline: 10, enter: 13, clear: 21, rubout: 127 };

async function typedLine(tty: Deno.FsFile, signal: AbortSignal): Promise<string> {
  const typed: number[] = [];
  const key = new Uint8Array(1); // one by one: what follows `Enter` is for others
  while (await abortable(tty.read(key), signal)) {
    const [byte = 0] = key;
    if (byte === KEY.enter || byte === KEY.newline) return new TextDecoder().decode(new Uint8Array(typed));
    if (byte === KEY.interrupt || byte === KEY.end) break;
    if (byte === KEY.clear) typed.length = 0;
    else if (byte === KEY.backspace || byte === KEY.rubout) removeCharacter(typed);
    else typed.push(byte);
  }
  throw new InterruptedError();
}

/** Removes the last character, which may have several bytes in UTF-8. */
function removeCharacter(typed: number[]): void {
  while ((typed.pop() ?? 0) >> 6 === 0b10);
}
