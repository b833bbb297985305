/** Brings a stash into a file: into `FILE.part` first, which gets its name when every byte is verified. @module */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { storageError } from "../content/atomic_file.ts";
import { Hasher } from "../content/hasher.ts";
import { InvalidInputError, LayerstashError, NotFoundError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Store } from "../registry/store.ts";
import { fetchBlobs } from "../transfer/fetch_blobs.ts";
import { inParallel } from "../transfer/pool.ts";
import type { Chunk, Stash } from "./stash.ts";

/** How a stash is fetched. */
export interface FetchStashOptions {
  /** Where the journal is kept; absent = nowhere. */
  stateDirectory?: string | undefined;
  /** How many requests run at once. */
  jobs: number;
  onEvent?: OnEvent | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Fetches a stash into a file. What an earlier run left in `FILE.part` is hashed, and fetched again only where it
 * is not what it should be. A file that is there already stays untouched until it is replaced as a whole.
 *
 * @throws {MismatchError} when a chunk is corrupted; the part file is left, the file's name is not touched
 */
export async function fetchStash(
  store: Store,
  stash: Stash,
  path: string,
  options: FetchStashOptions,
): Promise<void> {
  using hasher = new Hasher();
  await requirePlace(path);
  if (await isStash(path, stash, hasher, options)) return tellPresent(stash.chunks, options);
  const part = `${path}.part`;
  const missing = await missingChunks(part, stash, hasher, options);
  await requireRoom(part, stash, missing, options);
  await setSize(part, stash.size);
  const { onEvent } = options;
  await fetchBlobs(store, missing, {
    ...options,
    path: part,
    hasher,
    onBlob: ({ number, digest, size }) =>
      onEvent?.({ type: "chunk", chunk: number, state: "fetched", digest, size }),
  });
  await Deno.rename(part, path).catch((error) => {
    throw storageError(error, path);
  });
}

async function requirePlace(path: string): Promise<void> {
  const directory = await Deno.stat(dirname(path)).catch(() => undefined);
  if (!directory?.isDirectory) throw new NotFoundError(`there is no directory ${dirname(path)} to write to`);
  for (const each of [path, `${path}.part`]) {
    const there = await Deno.stat(each).catch(() => undefined);
    if (!there || there.isFile) continue;
    throw new InvalidInputError(`${each} is ${there.isDirectory ? "a directory" : "no ordinary file"}`, {
      hint: there.isDirectory ? "name the file to write, in it or elsewhere" : "write to a pipe with -o -",
    });
  }
}

/** Whether a file is the stash already. It ends with the first chunk that is not. */
async function isStash(
  path: string,
  stash: Stash,
  hasher: Hasher,
  options: FetchStashOptions,
): Promise<boolean> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (!info?.isFile || info.size !== stash.size) return false;
  for (const { position, size, digest } of stash.chunks) {
    options.signal?.throwIfAborted();
    if (await hasher.file(path, { start: position, end: position + size }) !== digest) return false;
  }
  return true;
}

/** The chunks that the part file does not hold; all of them where there is none. */
async function missingChunks(
  part: string,
  stash: Stash,
  hasher: Hasher,
  options: FetchStashOptions,
): Promise<Chunk[]> {
  const there = await Deno.stat(part).catch(() => undefined);
  if (!there?.isFile || there.size === 0) return stash.chunks;
  const missing: Chunk[] = [];
  await inParallel(stash.chunks, options, async (chunk) => {
    const { position, size, digest } = chunk;
    const end = position + size;
    const same = end <= there.size && await hasher.file(part, { start: position, end }) === digest;
    if (same) tellPresent([chunk], options);
    else missing.push(chunk);
  });
  return missing.sort((a, b) => a.number - b.number);
}

function tellPresent(chunks: Chunk[], { onEvent }: FetchStashOptions): void {
  for (const { number, digest, size } of chunks) {
    onEvent?.({ type: "chunk", chunk: number, state: "present", digest, size });
  }
}

/** Looks at the free space before the first byte is fetched: some minutes are cheaper to save than some hours. */
async function requireRoom(
  part: string,
  stash: Stash,
  missing: Chunk[],
  { onEvent }: FetchStashOptions,
): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(part)).catch((error) => {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    onEvent?.({ type: "notice", message: "free space cannot be looked at without --allow-sys=statfs" });
    return { bavail: Infinity, bsize: 1 };
  });
  const written = (await Deno.stat(part).catch(() => undefined))?.blocks ?? 0;
  const needed = Math.min(missing.reduce((sum, { size }) => sum + size, 0), stash.size - written * 512);
  const free = bavail * bsize;
  if (needed <= free) return;
  throw new LayerstashError(`${dirname(part)} has ${free} bytes free, ${needed} are needed`, {
    hint: `make room for ${needed - free} bytes more, or write to another disk`,
  });
}

async function setSize(part: string, size: number): Promise<void> {
  try {
    using file = await Deno.open(part, { write: true, create: true });
    await file.truncate(size);
  } catch (error) {
    throw storageError(error, part);
  }
}
