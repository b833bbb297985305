/** Looks up which manifests tags hold, and locks a tag against other uploads of this process. @module */
import { inParallel } from "../async/pool.ts";
import { KeyedMutex } from "../async/keyed_mutex.ts";
import type { Digest } from "../oci/digest.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";

/** The digests of the manifests that tags hold; `undefined` = there is no such tag. */
export type FoundTags = ReadonlyMap<string, Digest | undefined>;

/** A tag that is locked, and was looked at. It is free again when this is disposed of. */
export interface LookedAt extends Disposable {
  /** When the look began, on the clock of `performance.now()`. */
  when: number;
  /** What the tag holds, and what the tags hold that were looked at with it. */
  found: FoundTags;
}

/** For how long a look at a tag counts, in milliseconds. A file that takes longer to send does not feel another round trip. */
const FRESH = 3000;

/** Whether a look still counts. */
export function isFresh({ when }: LookedAt): boolean {
  return performance.now() - when < FRESH;
}

const tagLocks = new KeyedMutex();

/** Locks a tag of a store: until this is disposed of, no other upload of this process puts it. */
export async function lockTag(
  store: Store,
  tag: string,
  signal: AbortSignal | undefined,
): Promise<Disposable> {
  return await tagLocks.lock(`${store.url} ${tag}`, signal);
}

/** Looks up what tags hold at this moment. Another upload may be under way, so this is not kept for long. */
export async function lookUpTags(
  store: Store,
  tags: Iterable<string>,
  { signal, onEvent }: CallOptions,
): Promise<FoundTags> {
  const found = new Map<string, Digest | undefined>();
  await inParallel(new Set(tags), { jobs: DEFAULT_JOBS, signal }, async (tag, each) => {
    found.set(tag, await store.resolve(tag, { signal: each, onEvent }));
  });
  return found;
}
