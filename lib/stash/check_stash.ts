/** Checks a stash: a local file against its digests, or the blobs that the registry holds. @module */
import { counted } from "../messages.ts";
import { Hasher } from "../content/hasher.ts";
import { MismatchError, NotFoundError } from "../errors.ts";
import { type OnEvent, withStoredDigests } from "../events.ts";
import { algorithmOf, type Digest, DigestHash } from "../oci/digest.ts";
import type { BlobReader, CallOptions, StoreReader } from "../store/store.ts";
import { adaptiveJobs, DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { inParallel, type Jobs } from "../async/pool.ts";
import { receive } from "../transfer/receive.ts";
import { statFile } from "../files/input.ts";
import { checkTags } from "./check_tags.ts";
import type { OpenStash } from "./open_stash.ts";
import { type Chunk, chunkName, reportPlan, type Stash, type StashFault } from "./stash.ts";
import type { VerifyOptions } from "./verb_options.ts";

type Problem = Omit<StashFault, "chunk">;

const BLOB_MISSING: Problem = { kind: "missing", problem: "its blob is missing" };

const wrongSize = (found: number, expected: number): Problem => ({
  kind: "size",
  problem: `its blob has ${counted(found, "byte")}, not ${expected}`,
});

const corruptedBlob = (reason?: string): Problem => ({
  kind: "bytes",
  problem: `its blob is corrupted${reason === undefined ? "" : `: ${reason}`}`,
});

const otherFile = (problem: string): Problem => ({ kind: "file", problem });

/** What a check of a stash takes. */
export interface CheckOptions extends CallOptions {
  /** How many requests run at once; absent = as many as carry more. */
  jobs?: number | undefined;
}

/**
 * The result of `verify`.
 *
 * @category Files
 */
export interface VerifyResult {
  /** The stash that was checked. */
  stash: Stash;
  /** What is wrong with it, or with the local file; empty = nothing. */
  faults: StashFault[];
  /** Whether the stored bytes were read: with `deep`, and to compare a file with what another program has encrypted. */
  readBytes: boolean;
}

/**
 * Checks a stash for `verify`: its tags and blobs, and a local file against its digests.
 *
 * @throws {NotFoundError} if the local file does not exist
 */
export async function checkStash(
  store: StoreReader,
  open: OpenStash,
  { file, deep, jobs, onEvent: report = store.onEvent, signal }: VerifyOptions,
): Promise<Omit<VerifyResult, "stash">> {
  const { stash, plain } = open;
  const onEvent = withStoredDigests(report, stash.chunks);
  const options = { jobs, onEvent, signal };
  const readBytes = deep === true || file !== undefined && open.isAuthenticated === true;
  reportPlan({ ...plain, chunks: plain.chunks.length }, onEvent, readBytes && file !== undefined ? 2 : 1);
  const faults = await checkTags(store, stash, { ...options, byDigest: store.manifestReadsCount });
  if (file !== undefined) {
    faults.push(
      ...await checkFile(file, open.isAuthenticated ? await withDigests(open, options) : plain, options),
    );
  }
  // Each chunk is reported once: when the file is compared, or when the store is asked.
  const quiet: OnEvent = (event) => void (event.type !== "blob" && onEvent?.(event));
  const asked = file === undefined ? options : { ...options, onEvent: quiet };
  faults.push(...await (deep ? checkBytes(open, options) : checkPresence(store, stash, asked)));
  return { faults: faults.sort((a, b) => a.chunk - b.chunk), readBytes };
}

/**
 * Compares a local file with the digests of a stash. Nothing is fetched.
 *
 * @returns a fault for each chunk whose bytes the file does not have, in order of the chunks
 * @throws {NotFoundError} if the file does not exist
 */
async function checkFile(path: string, stash: Stash, options: CheckOptions): Promise<StashFault[]> {
  using hasher = new Hasher();
  const { size } = await statFile(path);
  const faults: StashFault[] = [];
  if (size !== stash.size) {
    const problem = `the file has ${counted(size, "byte")}, the stash ${stash.size}`;
    faults.push({ chunk: 0, ...otherFile(problem) });
  }
  const onBytes = (bytes: number) => options.onEvent?.({ type: "progress", phase: "check", bytes });
  await checkEach(stash, options, async (chunk, signal) => {
    const end = chunk.at + chunk.size;
    if (end > size) return otherFile("the file ends before the end of this chunk");
    const algorithm = algorithmOf(chunk.digest);
    const found = await hasher.file(path, { start: chunk.at, end }, { algorithm, onBytes, signal });
    return found === chunk.digest ? undefined : otherFile("the file has other bytes");
  }, faults);
  return faults;
}

/** Asks the registry for the blob of each chunk: does it exist, and is its size right? No bytes are fetched. */
export async function checkPresence(
  store: BlobReader,
  stash: Stash,
  options: CheckOptions,
): Promise<StashFault[]> {
  return await checkEach(stash, options, async (chunk, signal) => {
    const { digest, size } = chunk;
    const found = await store.stat(digest, {
      size,
      what: chunkName(chunk),
      signal,
      onEvent: options.onEvent,
    });
    if (found === undefined) return BLOB_MISSING;
    return found === size ? undefined : wrongSize(found, size);
  });
}

/** Reads the blob of each chunk to its end and compares its digest. Nothing is kept. */
async function checkBytes(
  { plain, readerOf, isAuthenticated }: OpenStash,
  options: CheckOptions,
): Promise<StashFault[]> {
  const { jobs, onEvent } = adaptiveJobs({ ...options, size: plain.size });
  return await checkEach(plain, { ...options, jobs, onEvent }, async (chunk, signal) => {
    try {
      const found = await readDigest(readerOf(chunk), chunk, { onEvent, signal });
      return isAuthenticated || found === chunk.digest ? undefined : corruptedBlob();
    } catch (error) {
      if (error instanceof NotFoundError) return BLOB_MISSING;
      if (error instanceof MismatchError) return corruptedBlob(error.message);
      throw error;
    }
  });
}

/** The stash with the digests of the file's own bytes. Of what another program has encrypted nothing tells them: all are read. */
async function withDigests({ plain, readerOf }: OpenStash, options: CheckOptions): Promise<Stash> {
  const { jobs, onEvent } = adaptiveJobs({ ...options, size: plain.size });
  const chunks = plain.chunks.slice();
  await inParallel(plain.chunks.entries(), { jobs, signal: options.signal }, async ([at, chunk], signal) => {
    chunks[at] = { ...chunk, digest: await readDigest(readerOf(chunk), chunk, { onEvent, signal }) };
  });
  return { ...plain, chunks };
}

/** Reads a chunk to its end, and gives the digest of what came. */
async function readDigest(store: BlobReader, chunk: Chunk, options: CallOptions): Promise<Digest> {
  const { digest, size } = chunk;
  const hash = new DigestHash(algorithmOf(chunk.digest));
  const sink = (bytes: Uint8Array) => void hash.update(bytes);
  await receive(store, { digest, size, what: chunkName(chunk), sink, orWhole: true, ...options });
  return hash.digest();
}

type CheckChunk = (chunk: Chunk, signal: AbortSignal) => Promise<Problem | undefined>;

async function checkEach(
  stash: Stash,
  { jobs = DEFAULT_JOBS, onEvent, signal }: Omit<CheckOptions, "jobs"> & {
    jobs?: number | Jobs | undefined;
  },
  checkChunk: CheckChunk,
  faults: StashFault[] = [],
): Promise<StashFault[]> {
  await inParallel(stash.chunks, { jobs, signal }, async (chunk, signal) => {
    const { number, digest, size } = chunk;
    const problem = await checkChunk(chunk, signal);
    if (problem) faults.push({ chunk: number, ...problem });
    const fault = problem?.problem;
    onEvent?.({ type: "blob", index: number, state: "checked", digest, size, ...(fault && { fault }) });
  });
  return faults.sort((a, b) => a.chunk - b.chunk);
}
