/** Finds what is stored by paths: repositories, in them what they hold, and in that the files. @module */
import type { ListedArtifact } from "../../artifacts/list_artifacts.ts";
import { listArtifacts } from "../../artifacts/list_artifacts.ts";
import { findArtifact } from "../../artifacts/find_artifact.ts";
import { NotAllowedError, NotFoundError } from "../../errors.ts";
import type { MergedEntry } from "../../images/file_tree.ts";
import { baseName } from "../../layers/entry.ts";
import { compareNaturally } from "../../messages.ts";
import { isDigest } from "../../oci/digest.ts";
import { isTag } from "../../oci/reference.ts";
import { chunkTag } from "../../stash/chunk_tags.ts";
import { type ListedStash, listStashes } from "../../stash/list_stashes.ts";
import type { CallOptions } from "../../store/store.ts";
import type { Serving } from "../part.ts";
import type { ServedRepository } from "../repositories.ts";
import { Memory } from "./memory.ts";
import { type ServedArtifact, servedArtifact } from "./served_artifact.ts";
import type { ServedFile } from "./served_file.ts";
import { ServedImage } from "./served_image.ts";
import { findServedStash, type ServedStash, stashVersion } from "./served_stash.ts";

/** What a name of a repository stands for. */
export type ServedThing = ServedStash | ServedImage | ServedArtifact;

/** What a repository holds. */
export interface Holdings {
  stashes: ListedStash[];
  /** What is not a stored file. */
  others: ListedArtifact[];
}

/** One name in a directory. */
export interface ListedName {
  name: string;
  kind: "directory" | "file" | "link";
  /** The size of a file in bytes; absent = unknown. */
  size?: number | undefined;
  modified?: Date | undefined;
  /** What else there is to say, such as that a file is incomplete, or where a link leads. */
  note?: string | undefined;
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
  thing: ServedThing;
  path: string;
  file: ServedFile;
}

/** What lies at a path. */
export type Found = FoundDirectory | FoundFile;

/** How many things are remembered. Of an image it is the list of all its files. */
const THINGS_KEPT = 32;
/** How many tags of a repository are looked at to tell what they are; the others are only listed. */
const MOST_LOOKS = 200;
/** The same where the registry counts such requests. */
const MOST_COUNTED_LOOKS = 10;

/** How many components the name of a repository has at most: it has at most 255 characters. */
const MOST_COMPONENTS = 128;

/** What a server serves, as one tree of directories and files. */
export class Shelf {
  readonly #serving: Serving;
  readonly #things: Memory<ServedThing> = new Memory(THINGS_KEPT);
  readonly #holdings: Memory<Holdings> = new Memory(THINGS_KEPT);

  /** @param serving what is served, and how */
  constructor(serving: Serving) {
    this.#serving = serving;
  }

  /** The repositories, by name. */
  async repositories(): Promise<string[]> {
    return await Array.fromAsync(this.#serving.repositories.names(this.#options));
  }

  /**
   * Finds what lies at a path. The longest name of a repository counts.
   *
   * @param names the names on the way, from the top
   * @returns `undefined` = nothing lies there
   */
  async find(names: readonly string[]): Promise<Found | undefined> {
    const { repositories } = this.#serving;
    for (let length = Math.min(names.length, MOST_COMPONENTS); length > 0; length--) {
      const repository = await repositories.find(names.slice(0, length).join("/"), this.#options);
      const found = repository && await this.#findIn(repository, names, length);
      if (found) return found;
    }
    return await this.#above(names);
  }

  async #findIn(
    repository: ServedRepository,
    names: readonly string[],
    length: number,
  ): Promise<Found | undefined> {
    const [reference, ...path] = names.slice(length);
    if (reference === undefined) {
      const list =
        async () => [...await this.#below(names), ...listedHoldings(await this.holdings(repository))];
      return { kind: "directory", names, repository, path: "", list };
    }
    const thing = await this.#thing(repository, reference);
    return thing && await foundIn({ names, repository, reference, thing, path: path.join("/") });
  }

  /** A directory that only leads to repositories. */
  async #above(names: readonly string[]): Promise<FoundDirectory | undefined> {
    const below = await this.#below(names);
    if (below.length === 0 && names.length > 0) return undefined;
    return { kind: "directory", names, path: "", list: () => Promise.resolve(below) };
  }

  /** The next components of the names of repositories that begin with these. */
  async #below(names: readonly string[]): Promise<ListedName[]> {
    const begin = names.map((name) => `${name}/`).join("");
    const next = new Set(
      (await this.repositories()).flatMap((name) =>
        name.startsWith(begin) ? [name.slice(begin.length).split("/")[0]!] : []
      ),
    );
    return [...next].map((name) => ({ name, kind: "directory" }));
  }

  /** What a repository holds. */
  async holdings(repository: ServedRepository): Promise<Holdings> {
    const { name, store } = repository;
    const options = this.#options;
    const tagsOf = async () => await Array.fromAsync(store.tags(options));
    return await this.#holdings.get(name, async () => {
      const tags = await tagsOf();
      const listed = await listStashes(store, { ...options, tags, exactSize: true });
      const stashes = await Promise.all(listed.map((each) => this.#decrypted(repository, each)));
      const most = store.manifestReadsCount ? MOST_COUNTED_LOOKS : MOST_LOOKS;
      return { stashes, others: await listArtifacts(store, stashes, { ...options, tags, most }) };
    }, async () => store.manifestReadsCount ? (await tagsOf()).join("\n") : String(Date.now()));
  }

  /** An encrypted file as whoever has its key sees it. Without a key it is only listed. */
  async #decrypted(repository: ServedRepository, listed: ListedStash): Promise<ListedStash> {
    if (!listed.stash?.encryption) return listed;
    const { stash: _, ...rest } = listed;
    try {
      const thing = await this.#thing(repository, listed.baseTag);
      return thing?.kind === "stash"
        ? { ...rest, stash: { ...thing.open.stash, size: thing.file.size } }
        : rest;
    } catch (error) {
      if (!(error instanceof NotAllowedError)) throw error;
      return { ...rest, problem: "encrypted" };
    }
  }

  async #thing({ name, store }: ServedRepository, reference: string): Promise<ServedThing | undefined> {
    if (!isTag(reference) && !isDigest(reference)) return undefined;
    const options = this.#options;
    try {
      return await this.#things.get(`${name}\n${reference}`, async () => {
        const isStash = isDigest(reference) ? false : isTag(chunkTag(reference, 1)) &&
          await store.resolve(chunkTag(reference, 1), options) !== undefined;
        const stash = isStash
          ? await findServedStash(store, reference, options).catch(undefinedIfAbsent)
          : undefined;
        if (stash) return stash;
        const artifact = await findArtifact(store, reference, options);
        const isTree = artifact.kind === "folder" || artifact.kind === "container image";
        if (isTree) return await ServedImage.find(store, reference, { ...options, kind: artifact.kind });
        return servedArtifact(store, artifact, options);
      }, async (thing) => {
        if (thing.kind === "stash") return await stashVersion(store, reference, thing);
        return await store.resolve(reference, options) ?? "";
      });
    } catch (error) {
      return undefinedIfAbsent(error);
    }
  }

  get #options(): CallOptions & Pick<Serving, "identities"> {
    const { onEvent, identities } = this.#serving;
    return { onEvent, identities };
  }
}

function undefinedIfAbsent(error: unknown): undefined {
  if (!(error instanceof NotFoundError)) throw error;
}

type Within = Pick<FoundFile, "names" | "repository" | "reference" | "thing" | "path">;

async function foundIn(within: Within): Promise<Found | undefined> {
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
    return { ...within, kind: "directory", list: () => Promise.resolve(tree.list("").map(listedEntry)) };
  }
  const entry = tree.find(path);
  const real = entry && tree.follow(entry);
  if (!real) return undefined;
  const file = thing.file(real);
  if (file) return { ...within, kind: "file", file: { ...file, name: baseName(path) } };
  if (real.type !== "directory") return undefined;
  return { ...within, kind: "directory", list: () => Promise.resolve(tree.list(real.path).map(listedEntry)) };
}

/** An entry of an image as a name in its directory. */
export function listedEntry({ path, type, source, size, modified, target }: MergedEntry): ListedName {
  const kind = type === "directory" ? "directory" : type === "symlink" ? "link" : "file";
  return {
    name: baseName(path),
    kind,
    ...(source?.type === "file" && { size }),
    ...(modified > 0 && { modified: new Date(modified * 1000) }),
    ...(type === "symlink" && { note: `leads to ${target}` }),
    ...(type.endsWith("device") || type === "fifo" ? { note: type } : {}),
  };
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

function listedHoldings({ stashes, others }: Holdings): ListedName[] {
  const files = stashes.map((listed): ListedName => ({
    name: listed.baseTag,
    kind: "file",
    ...(listed.stash &&
      { size: listed.stash.size, modified: dateOf(listed.stash.modified) }),
    note: problemOf(listed),
  }));
  const names = new Set(files.map(({ name }) => name));
  const directories = others.filter(({ reference }) => !names.has(reference)).map((
    { reference, artifact, problem },
  ) => ({
    name: reference,
    kind: "directory" as const,
    modified: dateOf(artifact?.folder?.modified),
    note: problem ?? artifact?.kind,
  }));
  return [...files, ...directories];
}

/** Why a stored file cannot be brought back; `undefined` = nothing is known to be wrong. */
export function problemOf({ missing, problem }: ListedStash): string | undefined {
  return missing === undefined ? problem : `incomplete: chunk ${missing} is missing`;
}

function dateOf(text: string | undefined): Date | undefined {
  const date = new Date(text ?? NaN);
  return isNaN(date.getTime()) ? undefined : date;
}
