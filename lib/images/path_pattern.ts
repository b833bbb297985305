/** Which files are meant: a path, with all that is in it, or a glob. @module */
import { InvalidInputError } from "../errors.ts";
import { normalPath } from "../layers/entry.ts";

/** A path or a glob of an image. */
export interface PathPattern {
  /** As it was written. */
  text: string;
  /** The place, where it is a plain path; a glob may mean several. */
  path: string | undefined;
  /** Whether a link there means the directory that it leads to: the path ends with a slash. */
  followed: boolean;
  /** Whether a place is meant: by itself, or because a directory above it is. */
  includes(path: string): boolean;
}

/** Longer patterns are no patterns. */
const LONGEST = 4096;

/**
 * Reads a path, or a glob: `*` and `?` are anything but a slash, `**` is any number of directories, `[a-z]` and `{a,b}`
 * are choices. A slash at the beginning changes nothing: all paths begin at the image's root. With one at the end a link
 * means the directory that it leads to.
 *
 * A glob needs the permission `--allow-env=__MINIMATCH_TESTING_PLATFORM__`, which the library asks for that reads it.
 *
 * @throws {InvalidInputError} when it is too long
 *
 * @example
 * ```ts
 * import { pathPattern } from "@layerstash/cli/images";
 * const { includes } = await pathPattern("/etc/*.d");
 * if (!includes("etc/cron.d/job") || includes("etc/passwd")) throw new Error("unexpected match");
 * ```
 */
export async function pathPattern(text: string): Promise<PathPattern> {
  if (text.length > LONGEST) throw new InvalidInputError(`a path has at most ${LONGEST} characters`);
  const path = normalPath(text);
  const glob = await readGlob(path);
  const matches = (each: string) => each === path || glob?.match(each) === true;
  return {
    text,
    path: glob ? undefined : path,
    followed: /\/\.?$/.test(text),
    includes: (each) => prefixes(each).some(matches),
  };
}

/** A glob; `undefined` for a plain path. The library is loaded only where it is needed: it reads the environment. */
async function readGlob(path: string): Promise<{ match(path: string): boolean } | undefined> {
  if (!/[*?[\]{}\\]/.test(path)) return undefined;
  const { Minimatch } = await import("minimatch");
  const glob = new Minimatch(path, { dot: true, nocomment: true, nonegate: true, noext: true });
  return glob.hasMagic() ? glob : undefined;
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
