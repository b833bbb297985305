/** Which files are meant: a path, with all that is in it, or a glob. @module */
import { Minimatch } from "minimatch";
import { InvalidInputError } from "../errors.ts";
import { placeOf } from "../layers/entry.ts";

/** A path or a glob of an image. */
export interface PathPattern {
  /** As it was written. */
  text: string;
  /** The place, where it is a plain path; a glob may mean several. */
  path: string | undefined;
  /** Whether a place is meant: by itself, or because a directory above it is. */
  includes(path: string): boolean;
}

/** Longer patterns are no patterns. */
const LONGEST = 4096;

/**
 * Reads a path, or a glob: `*` and `?` are anything but a slash, `**` is any number of directories, `[a-z]` and `{a,b}`
 * are choices. A slash at the beginning changes nothing: all paths begin at the image's root.
 *
 * @throws {InvalidInputError} when it is too long
 *
 * @example
 * ```ts
 * import { pathPattern } from "@layerstash/cli";
 * const { includes } = pathPattern("/etc/*.d");
 * if (!includes("etc/cron.d/job") || includes("etc/passwd")) throw new Error("unexpected match");
 * ```
 */
export function pathPattern(text: string): PathPattern {
  if (text.length > LONGEST) throw new InvalidInputError(`a path has at most ${LONGEST} characters`);
  const glob = new Minimatch(placeOf(text), { dot: true, nocomment: true, nonegate: true, noext: true });
  const path = placeOf(text);
  const isPlain = !glob.hasMagic();
  const matches = isPlain
    ? (each: string) => each === path
    : (each: string) => each === path || glob.match(each);
  return { text, path: isPlain ? path : undefined, includes: (each) => prefixes(each).some(matches) };
}

/** A path and all directories above it, the root last. */
function prefixes(path: string): string[] {
  const all = [path];
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
    all.push(path.slice(0, end));
  }
  if (path !== "") all.push("");
  return all;
}
