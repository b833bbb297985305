/** Checks a stash: against a local file, or what the registry holds. @module */
import { createHash } from "node:crypto";
import { counted } from "../messages.ts";
import { Hasher } from "../content/hasher.ts";
import { MismatchError, NotFoundError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Store } from "../store/store.ts";
import { DEFAULT_JOBS, lanesOf } from "../transfer/adaptive_jobs.ts";
import { inParallel, type Lanes } from "../async/pool.ts";
import { receive } from "../transfer/receive.ts";
import { statFile } from "../files/input.ts";
import { type Chunk, nameOf, type Stash } from "./stash.ts";

/** Something that is not as it should be. */
export interface StashFault {
  /** The chunk, from 1; 0 = the file as a whole. */
  chunk: number;
  /** What is wrong, as a clause. */
  problem: string;
}

/** The problem of a chunk whose blob the registry does not have. */
export const MISSING = "its blob is missing";

/** How a stash is checked. */
export interface CheckOptions {
  /** How many requests run at once; absent = as many as serve. */
  jobs?: number | undefined;
  onEvent?: OnEvent | undefined;
  signal?: AbortSignal | undefined;
}

/** Compares a local file with the digests of a stash. Nothing is fetched. */
export async function checkFile(path: string, stash: Stash, options: CheckOptions): Promise<StashFault[]> {
  using hasher = new Hasher();
  const { size } = await statFile(path);
  const faults: StashFault[] = [];
  if (size !== stash.size) {
    faults.push({ chunk: 0, problem: `it has ${counted(size, "byte")}, the stash ${stash.size}` });
  }
  const onBytes = (bytes: number) => options.onEvent?.({ type: "progress", phase: "check", bytes });
  await checkEach(stash, options, async (chunk, signal) => {
    const end = chunk.position + chunk.size;
    if (end > size) return "the file ends before it";
    const found = await hasher.file(path, { start: chunk.position, end }, { onBytes, signal });
    return found === chunk.digest ? undefined : "the file has other bytes";
  }, faults);
  return faults;
}

/** Asks the registry for each chunk: is it there, and as large as it should be. */
export async function checkPresence(
  store: Store,
  stash: Stash,
  options: CheckOptions,
): Promise<StashFault[]> {
  return await checkEach(stash, options, async (chunk, signal) => {
    const { digest, size } = chunk;
    const found = await store.stat(digest, { what: nameOf(chunk), signal });
    if (found === undefined) return MISSING;
    return found === size ? undefined : `its blob has ${counted(found, "byte")}, not ${size}`;
  });
}

/** Reads every byte that the registry holds, and keeps none. */
export async function checkBytes(store: Store, stash: Stash, options: CheckOptions): Promise<StashFault[]> {
  const { jobs, onEvent } = lanesOf(options);
  return await checkEach(stash, { ...options, jobs, onEvent }, async (chunk, signal) => {
    const { digest, size } = chunk;
    const what = nameOf(chunk);
    const hash = createHash("sha256");
    const sink = (bytes: Uint8Array) => void hash.update(bytes);
    try {
      await receive(store, { digest, size, what, sink, orWhole: true, onEvent, signal });
    } catch (error) {
      if (error instanceof NotFoundError) return MISSING;
      if (error instanceof MismatchError) return `its blob is corrupted: ${error.message}`;
      throw error;
    }
    return `sha256:${hash.digest("hex")}` === digest ? undefined : "its blob is corrupted";
  });
}

type Check = (chunk: Chunk, signal: AbortSignal) => Promise<string | undefined>;

async function checkEach(
  stash: Stash,
  { jobs = DEFAULT_JOBS, onEvent, signal }: Omit<CheckOptions, "jobs"> & {
    jobs?: number | Lanes | undefined;
  },
  check: Check,
  faults: StashFault[] = [],
): Promise<StashFault[]> {
  await inParallel(stash.chunks, { jobs, signal }, async (chunk, signal) => {
    const { number, digest, size } = chunk;
    const fault = await check(chunk, signal);
    if (fault) faults.push({ chunk: number, problem: fault });
    onEvent?.({ type: "blob", index: number, state: "checked", digest, size, ...(fault && { fault }) });
  });
  return faults.sort((a, b) => a.chunk - b.chunk);
}
