/** Formats values for messages: names, counts, sizes, times, and text from outside. @module */
import prettyBytes from "pretty-bytes";

/** How much of a text a message quotes, in characters. No valid name is longer. */
const LONGEST_SHOWN = 255;

/** A text in quotes, a number as it is, and the type of anything else, which could print as anything. */
export function quoted(value: unknown): string {
  if (typeof value === "string") {
    const shown = withoutPasswords(value);
    return `"${shown.length > LONGEST_SHOWN ? `${shown.slice(0, LONGEST_SHOWN)}...` : shown}"`;
  }
  return ["object", "function", "symbol"].includes(typeof value) ? kindOf(value) : String(value);
}

/** The type of a value in words: `a string`, `an ArrayBuffer`, `undefined`. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  const kind = typeof value === "object" ? value.constructor?.name || "object" : typeof value;
  return `${/^[aeio]/i.test(kind) ? "an" : "a"} ${kind}`;
}

/** `1 chunk`, `3 chunks`, `2 directories`. */
export function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun.replace(/y$/, "ie")}s`}`;
}

/**
 * Text from outside made safe for a terminal. Question marks replace control characters, which could rewrite the
 * terminal, and characters that turn the direction of writing, which could hide other text. Bytes of a name that are not
 * UTF-8 are shown as `\xe9`.
 */
export function printable(text: string): string {
  const shown = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, "?");
  return shown.replace(/[\udc80-\udcff]/gu, (each) => `\\x${(each.charCodeAt(0) - 0xdc00).toString(16)}`);
}

/**
 * A text without the user names and passwords of its URLs, with a scheme (`https://...@host`) or without one. A password
 * may have slashes; what follows a colon as a port does, or stands before a digest, is none.
 */
export function withoutPasswords(text: string): string {
  return text.replace(OF_URL, "...").replace(OF_HOST, "...");
}

// A password is looked for in 4096 characters at most: each colon of a long text may begin one.
/** What stands before the host of a URL. A hint has the example in it. */
const OF_URL = /(?<=:\/\/)(?!me:PASSWORD@)(?:[^\s/:@]+:(?!\d+\/)\S{0,4096}|[^\s/]*)(?=@(?!sha(?:256|512):))/g;
/** The same without a scheme. Names of files after `oci:`, and of packages after `jsr:`, may have an `@`. */
const OF_HOST =
  /(?<![^\s"'=(,])(?!(?:oci|oci-archive|docker-archive|jsr):)[^\s/:@"'=(,]+:(?!\/\/|\\|\d+\/)\S{1,4096}(?=@(?!sha(?:256|512):)[^\s/@"']*[./:]\w)/g;

/** Text from outside made safe for a terminal and put on one line: control characters become blanks. */
export function singleLine(text: string): string {
  return printable(text.replace(/\p{Cc}+/gu, " ").trim());
}

/** A text as one word of a shell, in quotes. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A word as it is typed in a shell, in quotes where it has to be. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-][\w@%+=:,./~-]*$/.test(word) ? word : shellQuoted(word);
}

/** A number of bytes for people, to three digits: `4.5 GB`, `2.56 KB`; or in powers of 1024, `4.19 GiB`. */
export function roundedSize(bytes: number, { binary = false } = {}): string {
  return prettyBytes(bytes, { binary }).replace("kB", "KB");
}

const UNITS = ["TiB", "TB", "GiB", "GB", "MiB", "MB", "KiB", "KB"] as const;

/** A number of bytes, exactly, as `--chunk-size` takes it: `5GiB`, `500MB`, or bytes where no unit is exact. */
export function exactSize(bytes: number): string {
  for (const unit of UNITS) {
    const factor = (unit.includes("i") ? 1024 : 1000) ** (1 + "KMGT".indexOf(unit.charAt(0)));
    if (bytes > 0 && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}

/** A time in words: `90 seconds`, `15 minutes`, `6 hours`. */
export function inWords(milliseconds: number): string {
  const [size, unit] =
    [[3_600_000, "hours"], [60_000, "minutes"]].find(([size]) => milliseconds >= 2 * Number(size)) ??
      [1000, "seconds"];
  const count = milliseconds / Number(size);
  return `${count < 2 ? Number(count.toPrecision(2)) : Math.ceil(count)} ${unit}`;
}

/**
 * The name that was most likely meant by another one; `undefined` if none is near. One mistake is allowed in three characters:
 * a character too many, too few or wrong, or two that changed places.
 */
export function closestName(word: string, names: Iterable<string>): string | undefined {
  let closest: { name: string; distance: number } | undefined;
  for (const name of names) {
    const distance = editDistance(word, name, Math.floor(Math.max(word.length, name.length) / 3));
    if (distance !== undefined && !(closest && closest.distance <= distance)) closest = { name, distance };
  }
  return closest?.name;
}

/** How many edits make one text from another (optimal string alignment); `undefined` = more than `most`. */
function editDistance(from: string, to: string, most: number): number | undefined {
  if (Math.abs(from.length - to.length) > most || from.length > LONGEST_SHOWN) return undefined;
  let [before, last]: [number[], number[]] = [[], Array.from({ length: to.length + 1 }, (_, index) => index)];
  for (let row = 1; row <= from.length; row++) {
    const next = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      next.push(Math.min(
        last[column]! + 1,
        next[column - 1]! + 1,
        last[column - 1]! + Number(!isSame),
        swapped ? before[column - 2]! + 1 : Infinity,
      ));
    }
    [before, last] = [last, next];
  }
  const distance = last[to.length]!;
  return distance <= most ? distance : undefined;
}

/** Compares names as people order them: `disk-2` comes before `disk-10`, and `disk` before `Disk`. */
export function compareNaturally(one: string, other: string): number {
  const [name, beside] = [folded(one), folded(other)];
  let at = 0;
  while (at < name.length && name[at] === beside[at]) at++;
  while (isDigit(name[at - 1])) at--; // to where the numbers begin that differ
  const [digits, others] = [digitsAt(name, at), digitsAt(beside, at)];
  if (digits > 0 && others > 0 && digits !== others) return digits - others;
  if (name !== beside) return name < beside ? -1 : 1;
  return other.length - one.length || (one > other ? -1 : one < other ? 1 : 0);
}

/** A name without what decides last: the case of letters, and zeros before numbers. `_` comes before other signs. */
function folded(name: string): string {
  return name.toLowerCase().replaceAll("_", " ").replace(/(?<!\d)0+(?=\d)/g, "");
}

function digitsAt(text: string, from: number): number {
  let to = from;
  while (isDigit(text[to])) to++;
  return to - from;
}

function isDigit(character = ""): boolean {
  return character >= "0" && character <= "9";
}

/** How many names a message lists. */
const MOST_LISTED = 20;

/** Names as a message lists them: `a, b and 3 more`. */
export function listed(names: readonly string[]): string {
  const first = names.slice(0, MOST_LISTED).join(", ");
  return names.length > MOST_LISTED ? `${first} and ${names.length - MOST_LISTED} more` : first;
}
