/** What a repository holds, and how it is listed. @module */
import { listArtifacts, type ListedArtifact } from "../../artifacts/list_artifacts.ts";
import { MismatchError, NotAllowedError } from "../../errors.ts";
import { counted } from "../../messages.ts";
import { isDigest } from "../../oci/digest.ts";
import { faultOfListed, type ListedStash, listStashes } from "../../stash/list_stashes.ts";
import { parseChunkTag } from "../../stash/chunk_tags.ts";
import { faultOfStash, stateOfStash } from "../../stash/torn_stash.ts";
import type { CallOptions, Store } from "../../store/store.ts";
import type { ListedName } from "./found.ts";
import type { LookedUp } from "./memory.ts";
import { dateIn } from "./served_date.ts";
import { isBroken } from "./served_stash.ts";
import type { ServedThing } from "./served_thing.ts";

/** What a repository holds. */
export interface Holdings {
  stashes: ListedStash[];
  /** What is not a stored file. */
  others: ListedArtifact[];
}

/** How many tags of a repository are looked at to tell what they are; the others are only listed. */
const MOST_LOOKS = 200;
/** The same where the registry counts such requests. */
const MOST_COUNTED_LOOKS = 10;
/** How long what was looked at is shown there while the tags stay the same, in milliseconds. */
const OUTDATED = 10 * 60_000;

/** What finding the holdings of a repository takes. */
export interface HoldingsOptions extends CallOptions {
  /** Finds a thing in the repository by its name. */
  find: (name: string) => Promise<ServedThing | undefined>;
}

/** Finds what a repository holds. */
export async function findHoldings(
  store: Store,
  { find, ...options }: HoldingsOptions,
): Promise<LookedUp<Holdings>> {
  const tags = await Array.fromAsync(store.tags(options));
  const listed = await listStashes(store, { ...options, tags, exactSize: true });
  const stashes = await Promise.all(listed.map((each) => decrypted(each, find)));
  const most = store.manifestReadsCount ? MOST_COUNTED_LOOKS : MOST_LOOKS;
  const others = await listArtifacts(store, stashes, { ...options, tags, most });
  return { value: { stashes, others }, version: versionOf(tags) };
}

/** What changes with the holdings, where looking at all again would count; else `undefined`: then all is looked at again. */
export async function holdingsVersion(store: Store, options: CallOptions): Promise<string | undefined> {
  return store.manifestReadsCount ? versionOf(await Array.fromAsync(store.tags(options))) : undefined;
}

/** A tag that leads elsewhere now does not show in the list of tags: all is looked at again after a while. */
function versionOf(tags: readonly string[]): string {
  return [Math.floor(Date.now() / OUTDATED), ...tags].join("\n");
}

/** An encrypted file as whoever has its key sees it. Without a key, and where it is damaged, it is only listed. */
async function decrypted(listed: ListedStash, find: HoldingsOptions["find"]): Promise<ListedStash> {
  if (!listed.stash?.encryption) return listed;
  const { stash: _, ...rest } = listed;
  try {
    const thing = await find(listed.baseTag);
    return thing?.kind === "stash"
      ? { ...rest, stash: { ...thing.open.stash, size: thing.file.size } }
      : rest;
  } catch (error) {
    if (error instanceof NotAllowedError) return rest;
    if (!(error instanceof MismatchError || isBroken(error))) throw error;
    return { ...rest, problem: faultOfStash(error), state: stateOfStash(error) };
  }
}

/** The names in the directory of a repository. */
export function listedHoldings({ stashes, others }: Holdings): ListedName[] {
  const names = new Set(stashes.map(({ baseTag }) => baseTag));
  const rest = others.filter(({ reference }) => !names.has(reference));
  const left = Map.groupBy(rest.filter(isChunk), ({ reference }) => parseChunkTag(reference)?.baseTag);
  return [
    ...stashes.map((each) => listedStash(each, left.get(each.baseTag)?.length ?? 0)),
    ...Array.from(left).flatMap(([name, chunks]) => name && names.has(name) ? [] : [listedChunks(chunks)]),
    ...rest.filter((each) => !isChunk(each)).map(listedOther),
  ];
}

function isChunk({ artifact }: ListedArtifact): boolean {
  return artifact?.kind === "chunk of a stored file";
}

/** @param left how many chunks there are that have such tags, and are not its own */
function listedStash(listed: ListedStash, left: number): ListedName {
  const { baseTag: name, state, encryption, stash } = listed;
  const kind = "file";
  const notes = [
    encryption && "encrypted",
    state ?? faultOfListed(listed), // the page of a file that is incomplete or torn says more
    left > 0 ? `${counted(left, "chunk")} of another upload left` : undefined,
  ];
  const note = notes.filter((each) => each !== undefined).join(", ") || undefined;
  if (!stash && (state || !encryption)) return { name, kind, state: "broken", note };
  return {
    name,
    kind,
    ...(stash && { size: stash.size, modified: dateIn(stash.modified) }),
    ...(encryption && { state: stash ? "encrypted" : "locked" }),
    note,
  };
}

/** Chunks that belong to no file that is listed: they are one thing, however many they are. */
function listedChunks(chunks: readonly ListedArtifact[]): ListedName {
  const [first, last] = [chunks[0]!.reference, chunks.at(-1)!.reference];
  const range = chunks.length === 1 ? first : `${first} … ${last}`;
  const name = isDigest(first) ? `${counted(chunks.length, "chunk")} without a tag` : range;
  return { name, kind: "file", opens: "nothing", state: "broken", note: "incomplete" };
}

function listedOther({ reference: name, artifact, problem }: ListedArtifact): ListedName {
  const { kind, encryption, folder } = artifact ?? {};
  const isLocked = kind === "encrypted folder";
  return {
    name,
    kind: "directory",
    size: folder?.size ?? artifact?.size,
    modified: dateIn(folder?.modified),
    state: isLocked ? "locked" : encryption ? "encrypted" : kind === "container image" ? "image" : undefined,
    note: problem !== undefined ? "cannot be read" : encryption ? "encrypted folder" : kind,
  };
}
