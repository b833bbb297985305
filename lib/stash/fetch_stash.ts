/** Brings a stash into a file: into `FILE.part` first, which gets its name when every byte is verified. @module */
import { storageError } from "../content/atomic_file.ts";
import { awaitDigest, Hasher } from "../content/hasher.ts";
import type { OnEvent } from "../events.ts";
import type { Store } from "../store/store.ts";
import { fetchBlobs } from "../transfer/fetch_blobs.ts";
import { PartialFile, requirePlace } from "../files/partial_file.ts";
import { type DownloadJournal, openDownloadJournal } from "./download_journal.ts";
import { outOfRoom, requireRoom } from "../files/output.ts";
import { explainFetchError } from "./stash_faults.ts";
import { type Chunk, nameOf, type Stash } from "./stash.ts";

/** How a stash is fetched. */
export interface FetchStashOptions {
  /** Where the journal is kept; absent = nowhere. */
  stateDirectory?: string | undefined;
  /** How many requests run at once; absent = as many as serve. */
  jobs?: number | undefined;
  onEvent?: OnEvent | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Fetches a stash into a file. Of what an earlier run left in `FILE.part`, the journal tells what need not be fetched;
 * without one, the part is looked through. Every byte is hashed by this run. A file that is there already stays
 * untouched until it is replaced as a whole.
 *
 * @throws {MismatchError} when a chunk is corrupted; the part file is left, the file's name is not touched
 * @throws {ConflictError} when another download to the file is under way
 */
export async function fetchStash(
  store: Store,
  stash: Stash,
  path: string,
  options: FetchStashOptions,
): Promise<void> {
  using hasher = new Hasher();
  await requirePlace(path);
  if (await isStash(path, stash, hasher, options)) return tellPresent(stash, options);
  using part = await PartialFile.open(path, options.onEvent);
  using journal = await openDownloadJournal(part, stash, options);
  await requireRoomFor(part, stash, journal, options);
  try {
    await part.file.truncate(stash.size);
    await fetchChunks(store, stash, { ...options, part, journal, hasher });
    await part.finish();
  } catch (error) {
    options.signal?.throwIfAborted();
    await part.requirePlace(error);
    const reason = outOfRoom(error, part.path, journal.missing) ?? storageError(error, part.path);
    throw await explainFetchError(reason, store, stash, options);
  }
  journal.discard();
}

/** Whether a file is the stash already. It ends with the first chunk that is not. */
async function isStash(
  path: string,
  stash: Stash,
  hasher: Hasher,
  { signal = new AbortController().signal }: FetchStashOptions,
): Promise<boolean> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (!info?.isFile || info.size !== stash.size) return false;
  for (const { position: start, size, digest } of stash.chunks) {
    const found = await awaitDigest(hasher.follow(path, start), { start, end: start + size }, signal);
    if (found !== digest) return false;
  }
  return true;
}

function tellPresent({ chunks }: Stash, { onEvent }: FetchStashOptions): void {
  for (const { number, digest, size } of chunks) {
    onEvent?.({ type: "blob", index: number, state: "present", digest, size });
  }
}

/** What the part occupies already is not needed again. Where there is too little, nothing is left behind. */
async function requireRoomFor(
  part: PartialFile,
  stash: Stash,
  journal: DownloadJournal,
  { onEvent }: FetchStashOptions,
): Promise<void> {
  try {
    await requireRoom(part.path, Math.min(journal.missing, stash.size - await part.occupied()), onEvent);
  } catch (error) {
    await part.abandon();
    throw error;
  }
}

interface Fetching extends FetchStashOptions {
  part: PartialFile;
  journal: DownloadJournal;
  hasher: Hasher;
}

async function fetchChunks(
  store: Store,
  { chunks }: Stash,
  { part, journal, ...options }: Fetching,
): Promise<void> {
  await fetchBlobs<Chunk>(store, chunks, {
    ...options,
    file: part.file,
    path: part.path,
    what: nameOf,
    have: (chunk) => journal.have(chunk),
    onWritten: (chunk, range) => journal.written(chunk, range),
    onBad: (chunk) => journal.bad(chunk),
    onBlob: (chunk, state) => {
      journal.complete(chunk);
      const { number, digest, size } = chunk;
      options.onEvent?.({ type: "blob", index: number, state, digest, size });
    },
  });
}
