/** Splits the references of images in files and directories: a path, and perhaps a name after a colon. @module */
import { dirname } from "node:path";
import { InvalidInputError } from "../errors.ts";
import { quoted } from "../messages.ts";
import { type Digest, DIGEST_HINT, isDigest } from "./digest.ts";
import { isTag } from "./reference.ts";

/** A way to read a text: a path, and the name of an image in it. */
export interface PathReference {
  /** The path of a directory or a file. */
  path: string;
  /** A tag, a digest, or another name; `undefined` = the only image. */
  reference: string | undefined;
}

const DIGEST_PART = /@(sha(?:256|512):[0-9a-fA-F]*)$/;

/**
 * Splits a text after a path that exists: both the path and the name may contain colons, because podman and skopeo use names
 * such as `docker.io/library/nginx:1.27`. For what is to be created, the text is split after a path whose parent exists.
 *
 * @param text what comes after the transport's name, such as `DIR:NAME`
 * @param whole the text with its transport, for messages
 * @throws {InvalidInputError} if nothing follows the last colon
 */
export function splitPath(text: string, whole: string): PathReference {
  const { name, digest } = withoutDigest(text);
  if (/.:$/s.test(name)) {
    throw new InvalidInputError(`the tag is missing after the last colon of ${quoted(whole)}`, {
      hint: "add a tag; or omit the colon if the layout holds one image only",
    });
  }
  return existingPath(text, exists) ?? newPath(text, { path: name, reference: digest });
}

/** The way to read a text in which its path leads to something that exists; `undefined` if there is none. */
export function existingPath(text: string, isThere: (path: string) => boolean): PathReference | undefined {
  const { name: path, digest: reference } = withoutDigest(text);
  const whole: PathReference = { path, reference };
  const [last, ...others] = splitsOf(text);
  const tagFirst = last && reference === undefined && isTag(last.reference) ? [last, whole] : [whole, last];
  return [...tagFirst, ...others].find((each) => each && isThere(each.path));
}

function newPath(text: string, whole: PathReference): PathReference {
  const splits = splitsOf(text);
  const [last] = splits;
  if (!last || whole.reference !== undefined) return whole;
  if (!isTag(last.reference)) return /[/\\]/.test(last.reference) ? whole : last;
  return splits.find(({ path }) => isDirectory(dirname(path))) ?? last;
}

/** The text split at each colon, the last first. Of a tag and a digest the digest counts, as in docker's names. */
function splitsOf(text: string): (PathReference & { reference: string })[] {
  const { name: [...letters], digest } = withoutDigest(text);
  const colons = letters.flatMap((letter, index) => letter === ":" && index > 0 ? [index] : []).reverse();
  return colons.map((colon) => {
    const tag = letters.slice(colon + 1).join("");
    const reference = digest === undefined ? tag : isTag(tag) ? digest : `${tag}@${digest}`;
    return { path: letters.slice(0, colon).join(""), reference };
  });
}

/**
 * Takes a digest off the end of a name.
 *
 * @throws {InvalidInputError} if it is malformed
 */
export function withoutDigest(name: string): { name: string; digest: Digest | undefined } {
  const [whole = "", digest] = DIGEST_PART.exec(name) ?? [];
  if (digest === undefined) return { name, digest: undefined };
  if (isDigest(digest)) return { name: name.slice(0, -whole.length), digest };
  throw new InvalidInputError(`${quoted(name)} is not an address: its digest is malformed`, {
    hint: DIGEST_HINT,
  });
}

/** The beginnings of paths, and whole paths of directories that a shell has completed, unless a host stands first. */
const PATH = /^(\.{1,2}$|\.{0,2}\/|~|[A-Za-z]:\\)|^(?!localhost\/)[^.:/]+\/(.*\/)?$/s;

/** Whether a word can only be the path of a file or a directory: it begins with `/`, `./`, `../` or `~`, or ends with `/`. */
export function isPath(word: string): boolean {
  return PATH.test(word);
}

/** Whether a path leads to an ordinary file. */
export function isFile(path: string): boolean {
  return statOf(path)?.isFile === true;
}

/** Whether a path leads to a directory. */
export function isDirectory(path: string): boolean {
  return statOf(path)?.isDirectory === true;
}

/** Whether a path leads to a file, a device or a directory. */
export function exists(path: string): boolean {
  return statOf(path) !== undefined;
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}
