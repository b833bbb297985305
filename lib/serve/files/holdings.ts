/** What a repository holds, and how it is listed. @module */
import { listArtifacts, type ListedArtifact } from "../../artifacts/list_artifacts.ts";
import { NotAllowedError } from "../../errors.ts";
import { type ListedStash, listStashes } from "../../stash/list_stashes.ts";
import type { CallOptions, Store } from "../../store/store.ts";
import type { ListedName } from "./found.ts";
import type { LookedUp } from "./memory.ts";
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

/** An encrypted file as whoever has its key sees it. Without a key it is only listed. */
async function decrypted(listed: ListedStash, find: HoldingsOptions["find"]): Promise<ListedStash> {
  if (!listed.stash?.encryption) return listed;
  const { stash: _, ...rest } = listed;
  try {
    const thing = await find(listed.baseTag);
    return thing?.kind === "stash"
      ? { ...rest, stash: { ...thing.open.stash, size: thing.file.size } }
      : rest;
  } catch (error) {
    if (!(error instanceof NotAllowedError)) throw error;
    return { ...rest, problem: ENCRYPTED };
  }
}

/** What is said of a file that is stored encrypted, whether or not the server has its key. */
export const ENCRYPTED = "encrypted";

/** The names in the directory of a repository. */
export function listedHoldings({ stashes, others }: Holdings): ListedName[] {
  const files = stashes.map((listed): ListedName => ({
    name: listed.baseTag,
    kind: "file",
    ...(listed.stash &&
      { size: listed.stash.size, modified: dateOf(listed.stash.modified) }),
    ...(!listed.stash && listed.problem !== ENCRYPTED && { opens: "nothing" }),
    note: noteOf(listed),
  }));
  const names = new Set(files.map(({ name }) => name));
  const directories = others.filter(({ reference }) => !names.has(reference)).map((
    { reference, artifact, problem },
  ) => ({
    name: reference,
    kind: "directory" as const,
    size: artifact?.folder?.size ?? artifact?.size,
    modified: dateOf(artifact?.folder?.modified),
    note: problem ?? artifact?.kind,
  }));
  return [...files, ...directories];
}

/** Why a stored file cannot be brought back, or that it is encrypted. */
function noteOf({ missing, problem, stash }: ListedStash): string | undefined {
  if (missing !== undefined) return `incomplete: chunk ${missing} is missing`;
  return problem ?? (stash?.encryption && ENCRYPTED);
}

function dateOf(text: string | undefined): Date | undefined {
  const date = new Date(text ?? NaN);
  return isNaN(date.getTime()) ? undefined : date;
}
