/** Decodes the bytes that terminals send for keys. @module */

/** The name of a key, or the character that it types. */
export type Key = string;

/** The decoded keys, and a rest that may be the beginning of a key. */
export interface DecodedKeys {
  keys: Key[];
  rest: string;
}

const KEY_NAMES: ReadonlyMap<string, Key> = new Map([
  ...named("up", ["\x1b[A", "\x1bOA"]),
  ...named("down", ["\x1b[B", "\x1bOB"]),
  ...named("right", ["\x1b[C", "\x1bOC"]),
  ...named("left", ["\x1b[D", "\x1bOD"]),
  ...named("page-up", ["\x1b[5~"]),
  ...named("page-down", ["\x1b[6~"]),
  ...named("home", ["\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"]),
  ...named("end", ["\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"]),
  ...named("enter", ["\r", "\n"]),
  ...named("backspace", ["\x7f", "\b"]),
  ...named("escape", ["\x1b"]),
  ...named("ctrl-c", ["\x03"]),
  ...named("ctrl-u", ["\x15"]),
]);

function named(key: Key, sequences: string[]): [string, Key][] {
  return sequences.map((sequence) => [sequence, key]);
}

/** An escape sequence as a terminal sends it (ECMA-48, 5.4), or one character. */
// deno-lint-ignore no-control-regex
const KEY_TOKEN = /\x1b\[[0-9;?]*[ -/]*[@-~]|\x1bO[ -~]|[\s\S]/gu;
// deno-lint-ignore no-control-regex
const UNFINISHED = /\x1b(?:\[[0-9;?]{0,16}|O)?$/;

/** Splits typed text into keys. Unknown control sequences are omitted. */
export function decodeKeys(text: string): DecodedKeys {
  const rest = UNFINISHED.exec(text)?.[0] ?? "";
  return { keys: parseKeys(text.slice(0, text.length - rest.length)), rest };
}

/** The keys of a rest after which nothing came: most likely the escape key. */
export function flushKeys(rest: string): Key[] {
  return parseKeys(rest);
}

function parseKeys(text: string): Key[] {
  return Array.from(text.matchAll(KEY_TOKEN), ([token]) => KEY_NAMES.get(token) ?? token).filter(isMeant);
}

/** Whether a key has a name or types a visible character. */
function isMeant(key: Key): boolean {
  return !/^\p{Cc}/u.test(key);
}
