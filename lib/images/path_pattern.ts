/** Patterns that select files of an image: a path, with everything in it, or a glob. @module */
import { InvalidInputError, NotFoundError } from "../errors.ts";
import { normalPath } from "../layers/entry.ts";
import { titleOf } from "../oci/descriptor.ts";
import type { Layer } from "./image.ts";
import { whiteoutOf } from "./whiteouts.ts";

/** A path or a glob of an image. */
export interface PathPattern {
  /** The pattern as it was written. */
  text: string;
  /** The normal path; `undefined` if the text may be a glob. */
  path: string | undefined;
  /** The paths that the text may name exactly. Only where nothing has such a name is it a glob. */
  exact: readonly string[];
  /** Whether it may select several paths. */
  isGlob: boolean;
  /** Whether the path ends with a slash, so that a link stands for the directory that it leads to. */
  followed: boolean;
  /** Whether the pattern selects a path or a directory that contains it. */
  includes(path: string): boolean;
}

/** The longest pattern, in characters: Linux's `PATH_MAX`. */
const LONGEST = 4096;

/**
 * Parses a path or a glob. `*` and `?` match anything but a slash, `**` matches any number of directories, and
 * `[a-z]` and `{a,b}` are choices. A slash at the beginning changes nothing: all paths begin at the image's root.
 * With a slash at the end, a link stands for the directory that it leads to. A backslash takes its meaning from the next
 * character.
 *
 * A file that has the text as its name is meant before the glob: many programs have files such as `[id].js`.
 *
 * A glob needs the permission `--allow-env=__MINIMATCH_TESTING_PLATFORM__`, because the library for globs reads that
 * variable.
 *
 * @throws {InvalidInputError} if the pattern is too long
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
  const exact = glob?.hasMagic() === false ? [path, path.replace(/\\(.)/g, "$1")] : [path];
  const matches = (each: string) => exact.includes(each) || glob?.match(each) === true;
  return {
    text,
    path: glob ? undefined : path,
    exact,
    isGlob: glob?.hasMagic() === true,
    followed: /\/\.?$/.test(text),
    includes: (each) => prefixes(each).some(matches),
  };
}

/**
 * Parses a glob as `.gitignore` has it: one without a slash, but at its end, names files and directories at any depth, and one
 * with a slash a path from the top.
 *
 * @throws {InvalidInputError} if the glob is too long
 */
export async function ignorePattern(glob: string): Promise<Pick<PathPattern, "text" | "includes">> {
  const pattern = await pathPattern(glob);
  const isName = !glob.replace(/(?<!\/)\/+$/, "").includes("/");
  if (!isName) return pattern;
  return { text: glob, includes: (path) => path.split("/").some((name) => pattern.includes(name)) };
}

/** Parses a glob; `undefined` for a plain path, for which the library, which reads the environment, is not loaded. */
async function readGlob(
  path: string,
): Promise<{ match(path: string): boolean; hasMagic(): boolean } | undefined> {
  if (!/[*?[\]{}\\]/.test(path)) return undefined;
  const { Minimatch } = await import("minimatch");
  return new Minimatch(path, { dot: true, nocomment: true, nonegate: true, noext: true });
}

/** Of entries that a pattern includes, those that it names exactly, or all of them if it names none. */
export function meantBy<E extends { path: string }>(
  { exact }: PathPattern,
  entries: readonly E[],
): readonly E[] {
  for (const path of exact) {
    const named = entries.filter((entry) => prefixes(entry.path).includes(path));
    if (named.length > 0) return named;
  }
  return entries;
}

/** The error for a pattern that selects nothing in an image, or in some of its layers. */
export function nothingAt(
  { text, exact, isGlob }: PathPattern,
  { name, layers }: { name: string; layers: readonly Layer[] },
): NotFoundError {
  const titled = layers.find((layer) => {
    const title = titleOf(layer);
    return title !== undefined && exact.includes(normalPath(title));
  });
  return new NotFoundError(`there is no ${text} in ${name}`, {
    hint: titled ? titleHint(titled) : isGlob ? globHint(text) : pathHint(exact[0]!),
  });
}

function titleHint({ number }: Layer): string {
  return `layer ${number} has this title, and is an archive: to get it as it is, use layerstash save --layer ${number}`;
}

function globHint(text: string): string | undefined {
  const glob = text.replace(/^\//, "");
  return glob.includes("/") ? undefined : `${text} matches in / only: use **/${glob} for any directory`;
}

function pathHint(path: string): string | undefined {
  if (!whiteoutOf(path)) return undefined;
  return "whiteouts mark what a layer removes, and are not extracted; layerstash peek --layer lists them";
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
