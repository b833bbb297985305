/** Checks the names of files that come from outside: nothing may lie outside the target, or have two meanings. @module */
import { ConflictError, MismatchError } from "../errors.ts";
import { isWindowsPath } from "../images/windows_names.ts";
import { printable, quoted } from "../messages.ts";
import type { ArtifactFile } from "./artifact.ts";

/** The most bytes of a path, and of a name in it. */
const [LONGEST_PATH, LONGEST_NAME] = [1000, 255];

/** The rules of this system for names. */
export interface PathRules {
  /** Whether the rules of Windows count. */
  windows?: boolean | undefined;
}

/**
 * Why a path must not be used; `undefined` if it may. What looks like an absolute path of any system is refused on every
 * system.
 */
export function whyUnsafe(
  path: string,
  { windows = Deno.build.os === "windows" }: PathRules = {},
): string | undefined {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.length === 0) return "it is empty";
  if (/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(path)) return "it has control characters";
  if (!path.isWellFormed()) return "it is not Unicode text";
  if (/^[/\\]|^[a-z]:/i.test(path)) return "it is an absolute path";
  if (path.includes("\\")) return "it has a backslash";
  if (names.includes("..")) return "it leads out of its directory";
  const bytesOf = (text: string) => new TextEncoder().encode(text).length;
  if (bytesOf(path) > LONGEST_PATH || names.some((name) => bytesOf(name) > LONGEST_NAME)) {
    return "it is too long";
  }
  if (names.some((name) => OWN_NAME.test(name))) return "layerstash uses such names itself";
  if (windows && !isWindowsPath(names.join("/"))) return "Windows does not allow it";
  return undefined;
}

/** Names that are given here to what is not complete. */
const OWN_NAME = /^\.layerstash-/i;

/**
 * The files with normal paths, of which every one is safe, and none stands for another one or lies below it.
 *
 * @throws {MismatchError} if a path is not safe
 * @throws {ConflictError} if two files have one name, or one lies below the other
 */
export function withSafePaths(files: readonly ArtifactFile[], rules: PathRules = {}): ArtifactFile[] {
  const safe = files.map((file) => {
    const why = whyUnsafe(file.path, rules);
    if (why === undefined) return normalized(file);
    throw new MismatchError(`the artifact has a file ${quoted(printable(file.path))}: ${why}`, {
      hint:
        "nothing was written; --only leaves it out, layerstash save --layer N saves it under another name",
    });
  });
  requireDistinct(safe);
  return safe;
}

function normalized({ path, packed, ...rest }: ArtifactFile): ArtifactFile {
  const normal = path.split("/").filter((name) => name !== "" && name !== ".").join("/");
  return { ...rest, path: normal, ...(packed && { packed: { ...packed, within: packed.within && normal } }) };
}

/** Archives that hold paths of their own are left out: what they hold is checked when they are unpacked. */
function requireDistinct(files: readonly ArtifactFile[]): void {
  const taken = new Map<string, string>();
  for (const { path, packed } of files) {
    if (packed?.within === "") continue;
    for (const name of packed ? [path] : [path, `${path}.part`]) {
      const other = taken.get(name);
      if (other !== undefined) throw sameName(other, path);
      taken.set(name, path);
    }
  }
  for (const path of taken.values()) {
    const parts = path.split("/");
    const above = parts.map((_, count) => parts.slice(0, count).join("/")).find((each) => taken.has(each));
    if (above !== undefined) throw sameName(above, path);
  }
}

function sameName(one: string, other: string): ConflictError {
  const how = one === other ? `two files ${quoted(one)}` : `files ${quoted(one)} and ${quoted(other)}`;
  return new ConflictError(`the artifact has ${how}: one would take the place of the other`, {
    hint: "nothing was written; --only chooses one, layerstash save --layer N saves it under another name",
  });
}
