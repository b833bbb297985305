/** Paths of stored files in URLs: names are bytes there, as they are in archives. @module */
import { decodeName, encodeName } from "../../layers/tar_field.ts";

/**
 * The names in the path of a URL, decoded; `undefined` if it is not such a path: a `%` without two digits, a zero byte, or
 * `.` and `..`, which a URL does not have when it was parsed.
 */
export function namesIn(path: string): string[] | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  const names = parts.map(decodePart);
  return names.every((name) => name !== undefined && !["", ".", ".."].includes(name))
    ? names as string[]
    : undefined;
}

function decodePart(part: string): string | undefined {
  if (/%(?![0-9a-f]{2})/i.test(part)) return undefined;
  const pieces = part.split(/(%[0-9a-f]{2})/i).flatMap((piece, index) =>
    index % 2 === 1 ? [parseInt(piece.slice(1), 16)] : [...encodeName(piece)]
  );
  return pieces.includes(0) ? undefined : decodeName(new Uint8Array(pieces));
}

/** A name as a part of a URL's path. */
export function encodePart(name: string): string {
  if (!name.isWellFormed()) return Array.from(encodeName(name), escaped).join("");
  return encodeURIComponent(name).replace(/[!'()*]/g, (sign) => escaped(sign.charCodeAt(0)));
}

/** A byte of a name that is not UTF-8 is escaped, whatever it stands for. */
function escaped(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** A path of names as the path of a URL, without a slash at either end. */
export function encodePath(names: readonly string[]): string {
  return names.map(encodePart).join("/");
}
