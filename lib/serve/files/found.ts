/** What lies at a path of what is served: a directory with what it lists, or a file. @module */
import type { FileTree, MergedEntry } from "../../images/file_tree.ts";
import type { NotAllowedError } from "../../errors.ts";
import { baseName } from "../../layers/entry.ts";
import { compareNaturally } from "../../messages.ts";
import type { IncompleteStashError, TornStashError } from "../../stash/torn_stash.ts";
import type { ServedRepository } from "../repositories.ts";
import type { ServedArtifact } from "./served_artifact.ts";
import { dateOfEntry } from "./served_date.ts";
import type { ServedFile } from "./served_file.ts";
import type { ServedImage } from "./served_image.ts";
import type { ServedThing } from "./served_thing.ts";

/** What stands out about a name: the file cannot be brought back; it is encrypted, and the server has or lacks the key; an image. */
export type NameState = "broken" | "encrypted" | "locked" | "image";

/** One name in a directory. */
export interface ListedName {
  name: string;
  kind: "directory" | "file" | "link";
  /** The size of a file in bytes; absent = unknown. */
  size?: number | undefined;
  modified?: Date | undefined;
  state?: NameState | undefined;
  /** What else there is to say, such as that a file is incomplete, or where a link leads. */
  note?: string | undefined;
  /** What opening it shows, where its kind does not tell: a link may lead to a directory, and a device shows nothing. */
  opens?: "directory" | "file" | "nothing" | undefined;
}

/** A directory that was found. */
export interface FoundDirectory {
  kind: "directory";
  /** The names on the way to it, from the top. */
  names: readonly string[];
  /** The repository that it is, or is in. */
  repository?: ServedRepository | undefined;
  /** The name in the repository that it is, or is in. */
  reference?: string | undefined;
  /** The platform of the image, where the path names one. */
  platform?: string | undefined;
  /** What the reference stands for. */
  thing?: ServedImage | ServedArtifact | undefined;
  /** Its path within that; empty = the top. */
  path: string;
  /** What it holds, by name. */
  list(): Promise<ListedName[]>;
}

/** A file that was found. */
export interface FoundFile {
  kind: "file";
  names: readonly string[];
  repository: ServedRepository;
  reference: string;
  platform?: string | undefined;
  thing: ServedThing;
  path: string;
  file: ServedFile;
}

/** Something encrypted, of which the server has no key. */
export interface FoundLocked {
  kind: "locked";
  names: readonly string[];
  repository: ServedRepository;
  reference: string;
  /** Why it cannot be opened. */
  reason: NotAllowedError;
}

/** A stored file that is incomplete or torn. */
export interface FoundBroken {
  kind: "broken";
  names: readonly string[];
  repository: ServedRepository;
  reference: string;
  /** What is wrong. */
  reason: IncompleteStashError | TornStashError;
}

/** What is there, and cannot be given. */
export type FoundClosed = FoundLocked | FoundBroken;

/** What lies at a path. */
export type Found = FoundDirectory | FoundFile | FoundClosed;

/** Whether what was found cannot be given. */
export function isClosed(found: Found): found is FoundClosed {
  return found.kind === "locked" || found.kind === "broken";
}

type Within = Omit<FoundFile, "kind" | "file">;

/** What lies at a path in what a repository has under a name. */
export async function foundIn(within: Within): Promise<Found | undefined> {
  const { thing, path } = within;
  if (thing.kind === "stash") return path === "" ? { ...within, kind: "file", file: thing.file } : undefined;
  if (thing.kind === "image") return await foundInImage({ ...within, thing });
  const file = thing.files.get(path);
  if (file) return { ...within, kind: "file", file };
  const listed = namesBelow(thing.files, path);
  if (listed.length === 0 && path !== "") return undefined;
  return { ...within, thing, kind: "directory", list: () => Promise.resolve(listed) };
}

async function foundInImage(within: Within & { thing: ServedImage }): Promise<Found | undefined> {
  const { thing, path } = within;
  const tree = await thing.tree();
  if (path === "") {
    return { ...within, kind: "directory", list: () => Promise.resolve(listedIn(tree, "")) };
  }
  const entry = tree.find(path);
  const real = entry && tree.follow(entry);
  if (!real) return undefined;
  const file = thing.file(real);
  if (file) return { ...within, kind: "file", file: { ...file, name: baseName(path) } };
  if (real.type !== "directory") return undefined;
  return { ...within, kind: "directory", list: () => Promise.resolve(listedIn(tree, real.path)) };
}

function listedIn(tree: FileTree, path: string): ListedName[] {
  return tree.list(path).map((entry) => listedEntry(tree, entry));
}

/** An entry of an image as a name in its directory. */
export function listedEntry(tree: FileTree, entry: MergedEntry): ListedName {
  const { path, type, source, size, modified, target } = entry;
  const isFile = source?.type === "file";
  const about = { name: baseName(path), modified: dateOfEntry(modified) };
  if (type === "directory") return { ...about, kind: "directory" };
  if (type === "symlink") {
    return { ...about, kind: "link", note: `leads to ${target}`, ...endOf(tree, entry) };
  }
  return { ...about, kind: "file", ...(isFile ? { size } : { note: type, opens: "nothing" }) };
}

/** What a link finally leads to. */
function endOf(tree: FileTree, link: MergedEntry): Pick<ListedName, "opens" | "size"> {
  const real = tree.follow(link);
  if (real?.type === "directory") return { opens: "directory" };
  return real?.source?.type === "file" ? { opens: "file", size: real.source.size } : { opens: "nothing" };
}

/** The names in a directory of an artifact, which has no directories of its own. */
function namesBelow(files: ReadonlyMap<string, ServedFile>, path: string): ListedName[] {
  const begin = path === "" ? "" : `${path}/`;
  const listed = new Map<string, ListedName>();
  for (const [each, { size }] of files) {
    if (!each.startsWith(begin)) continue;
    const [name = "", ...more] = each.slice(begin.length).split("/");
    listed.set(name, more.length > 0 ? { name, kind: "directory" } : { name, kind: "file", size });
  }
  return [...listed.values()].sort((one, other) => compareNaturally(one.name, other.name));
}
