/**
 * layerstash stores files of any size in container registries, as image layers, and brings them back verified.
 *
 * Run it as a command (`deno run -A jsr:@layerstash/cli --help`), or import it as a library. Open the store of a
 * repository, in a registry or in a directory; then `upload`, `download`, `list`, `info`, `verify` and `remove` files in
 * it. Every function takes where (a store, or a source and a target), what, and an object of options. Images, blobs,
 * copies and the contract of a store have entries of their own: `@layerstash/cli/images`, `/blobs`, `/copy`, `/store`.
 *
 * @example Store a file in a directory, and get it back
 * ```ts
 * import { download, openStore, upload } from "@layerstash/cli";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${directory}/letter.txt`, "Dear registry");
 *
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * await upload(store, "letter", { input: `${directory}/letter.txt` });
 * await download(store, "letter", { output: `${directory}/copy.txt` });
 *
 * if (await Deno.readTextFile(`${directory}/copy.txt`) !== "Dear registry") throw new Error("not the same");
 * await Deno.remove(directory, { recursive: true });
 * ```
 *
 * @module
 */
import { inParallel, type Jobs } from "./lib/async/pool.ts";
import { letGoOnFailure } from "./lib/content/byte_stream.ts";
import { Hasher } from "./lib/content/hasher.ts";
import { type OnEvent, withChannel } from "./lib/events.ts";
import { chunkCount, type Input, type InputChunk, openInput, whileUnchanged } from "./lib/files/input.ts";
import { checkOutput } from "./lib/files/output.ts";
import { rememberInput } from "./lib/files/remembered_input.ts";
import type { Descriptor } from "./lib/oci/descriptor.ts";
import type { Digest } from "./lib/oci/digest.ts";
import { checkBytes, checkFile, checkPresence, type StashFault } from "./lib/stash/check_stash.ts";
import {
  chunkImage,
  finishedStash,
  firstChunkImage,
  lastChunkImage,
  type StashDraft,
} from "./lib/stash/chunk_image.ts";
import { checkBaseTag, chunkTag } from "./lib/stash/chunk_tags.ts";
import { lookUpExisting } from "./lib/stash/existing_chunks.ts";
import { fetchStash } from "./lib/stash/fetch_stash.ts";
import { chunkNumbers, findStash, whyNotFound } from "./lib/stash/find_stash.ts";
import { describeListed, type ListedStash, listStashes } from "./lib/stash/list_stashes.ts";
import { removeStale, removeTags, type TagRemoval } from "./lib/stash/remove_tags.ts";
import { type Chunk, chunkName, type Stash } from "./lib/stash/stash.ts";
import { StashTags } from "./lib/stash/stash_tags.ts";
import { type Verdict, Verdicts } from "./lib/stash/verdict.ts";
import { freeReplaced } from "./lib/store/free.ts";
import type { CallOptions, Store, StoreReader } from "./lib/store/store.ts";
import { adaptiveJobs, checkTransfer, DEFAULT_JOBS } from "./lib/transfer/adaptive_jobs.ts";
import { reportPresent } from "./lib/transfer/placed_blob.ts";

// Which repository, how to reach it, and who signs in.
export { type OpenOptions, openStore } from "./lib/open/open_store.ts";
export { listRepositories } from "./lib/open/list_repositories.ts";
export { getToken, type TokenOptions } from "./lib/open/request_token.ts";
export type { RegistryOptions } from "./lib/registry/open_client.ts";
export type { PushMode, RegistryProfile } from "./lib/registry/profiles.ts";
export type { TransportOptions } from "./lib/http/request.ts";
export { RateLimit } from "./lib/http/rate_limit.ts";
export { DEFAULT_TIMEOUTS, type Timeouts } from "./lib/http/timeouts.ts";
export { DEFAULT_RETRY_POLICY, type RetryPolicy } from "./lib/async/retry.ts";
export type { Clock } from "./lib/async/clock.ts";
export { type Credentials, type FindCredentials, firstCredentials } from "./lib/sign_in/credentials.ts";
export { savedCredentials } from "./lib/sign_in/saved_credentials.ts";

// What the verbs below take and return.
export type { Chunk, ListedStash, Stash, StashFault, TagRemoval };
export type { CallOptions, Digest, OnEvent, Store };
export type { TransferEvent } from "./lib/events.ts";
export {
  ConflictError,
  type ErrorDetails,
  type ErrorKind,
  InvalidInputError,
  LayerstashError,
  MismatchError,
  NotAllowedError,
  NotFoundError,
  RegistryError,
  type RegistryErrorDetails,
} from "./lib/errors.ts";
export { DEFAULT_JOBS };

/**
 * The options of verbs that move or read many bytes.
 *
 * @category Files
 */
export interface VerbOptions extends CallOptions {
  /**
   * How many requests run at once, 64 at most. Absent = {@link DEFAULT_JOBS}; what moves bytes goes from there up to 16,
   * as long as more connections carry more.
   */
  jobs?: number | undefined;
}

/**
 * Options of verbs that move a file.
 *
 * @category Files
 */
export interface TransferOptions extends VerbOptions {
  /**
   * A directory in which the transfer keeps a journal, so that another process can resume it, even after a crash.
   * Absent = no journal is kept: a chunk that was interrupted starts over.
   */
  stateDirectory?: string | undefined;
}

/**
 * Options of {@link upload}.
 *
 * @category Files
 */
export interface UploadOptions extends TransferOptions {
  /** The path of a file, or a stream that is read once. */
  input: string | ReadableStream<Uint8Array>;
  /** The size of a chunk in bytes; absent = what suits the registry, in most cases 5 GiB. */
  chunkSize?: number | undefined;
  /** Replaces what the tags of the stash point to, if it differs. */
  overwrite?: boolean | undefined;
}

/**
 * Stores a file, in chunks, as the stash `baseTag`: the chunks get the tags `<baseTag>-1`, `<baseTag>-2` and so on.
 * Chunks that already exist are not sent again, so a second run completes an upload that was interrupted. The tag of
 * the last chunk is written after all others: it makes the stash complete.
 *
 * @category Files
 * @returns the stash, with its chunks
 * @throws {ConflictError} if a tag points to other bytes and `overwrite` is not set; nothing was changed
 * @throws {InvalidInputError} if `baseTag` is not a valid tag, the input is neither a file nor a stream of bytes, or a
 *   number is out of range
 * @throws {MismatchError} if the file changed while it was read
 *
 * @example
 * ```ts
 * import { openStore, upload } from "@layerstash/cli";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * const input = new Response("any stream will do").body!;
 * const stash = await upload(store, "note", { input, chunkSize: 10 });
 * if (stash.size !== 18 || stash.chunks.length !== 2) throw new Error("unexpected stash");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function upload(store: Store, baseTag: string, options: UploadOptions): Promise<Stash> {
  const reporting = withChannel(options, store);
  using hasher = new Hasher();
  await using content = await openInput(options.input, hasher);
  await using input = await rememberInput(content, { ...reporting, store, name: baseTag });
  return await whileUnchanged(input, () => storeStash(store, baseTag, input, reporting));
}

/** For each chunk: look, send, tag. The last tag completes the stash. */
async function storeStash(
  store: Store,
  baseTag: string,
  input: Input,
  options: UploadOptions,
): Promise<Stash> {
  const { overwrite = false, signal } = options;
  const draft = draftStash(store, baseTag, input, options);
  const jobs = input.seekable ? options.jobs : 1; // a stream has one chunk after the other
  const { jobs: sending, onEvent } = adaptiveJobs({ jobs, onEvent: options.onEvent });
  const existing = await lookUpExisting(store, baseTag, { jobs, signal, onEvent });
  if (!input.seekable) draft.modified = existing.modified ?? draft.modified; // so its first chunks stay as they are
  const { size, chunkSize } = draft;
  const verdicts = new Verdicts(store, existing, {
    baseTag,
    size,
    chunkSize,
    overwrite,
    jobs,
    onEvent,
    signal,
  });
  const same = await verdicts.compareExisting(input);
  if (same) {
    reportPresent(same.chunks, onEvent);
    return same;
  }
  const holdUntil = input.seekable ? 0 : verdicts.lastToCompare;
  const tags = new StashTags(store, {
    baseTag,
    existing: existing.layers,
    holdUntil,
    jobs,
    overwrite,
    signal,
    onEvent,
  });
  const layers = await storeChunks(store, draft, input, { verdicts, tags, jobs: sending, onEvent, signal });
  verdicts.requireAllCompared(layers.length);
  await input.requireUnchanged();
  const stale = existing.numbers.filter((number) => number > layers.length);
  if (stale.length > 0) await tags.add(firstChunkImage(draft, layers));
  await tags.complete(lastChunkImage(draft, layers));
  const stash = finishedStash(draft, layers);
  await freeReplaced(store, stash.chunks.map(({ tag }) => tag), { onEvent, signal });
  await removeStale(store, stale.map((number) => chunkTag(baseTag, number)), { onEvent, signal });
  return stash;
}

/** Slices the input: whether the tags of all chunks are valid is known before anything is sent. */
function draftStash(store: Store, baseTag: string, input: Input, options: UploadOptions): StashDraft {
  const { chunkSize = store.chunkSize, onEvent } = options;
  checkTransfer(options);
  const { name, size, modified } = input;
  const chunks = size === undefined ? undefined : chunkCount(size, chunkSize);
  checkBaseTag(baseTag, chunks);
  onEvent?.({
    type: "plan",
    chunkSize,
    ...(size !== undefined && { size }),
    ...(chunks !== undefined && { blobs: chunks }),
  });
  return { baseTag, family: store.family, name, size, chunkSize, chunks, modified: modified.toISOString() };
}

/** What each chunk of an upload goes through. */
interface ChunkSteps {
  verdicts: Verdicts;
  tags: StashTags;
  jobs: number | Jobs;
  onEvent: OnEvent | undefined;
  signal: AbortSignal | undefined;
}

/** Stores all chunks, and tags all but the last. */
async function storeChunks(
  store: Store,
  draft: StashDraft,
  input: Input,
  { verdicts, tags, jobs, onEvent, signal }: ChunkSteps,
): Promise<Descriptor[]> {
  const layers: Descriptor[] = [];
  let stored = 0;
  await inParallel(input.chunks(draft.chunkSize), { jobs, signal }, async (chunk, signal) => {
    checkBaseTag(draft.baseTag, chunk.number);
    const verdict = await verdicts.of(chunk, signal);
    const layer = layers[chunk.number - 1] = await sendChunk(store, chunk, verdict, { onEvent, signal });
    const images = await chunk.isLast() ? [] : [chunkImage(draft, chunk.number, layer)];
    if (++stored === draft.chunks) images.push(lastChunkImage(draft, layers));
    await tags.add(...images);
  });
  return layers;
}

/** Sends the bytes of a chunk, unless the store has them. */
async function sendChunk(
  store: Store,
  { number, source, checkpoint, remember }: InputChunk,
  verdict: Verdict,
  { onEvent, signal }: { onEvent: OnEvent | undefined; signal: AbortSignal },
): Promise<Descriptor> {
  if (verdict.kind === "lost") throw verdict.error;
  const report = (state: "present" | "sent", { digest, size }: Descriptor) =>
    onEvent?.({ type: "blob", index: number, state, digest, size });
  if (verdict.kind === "present") {
    report("present", verdict.layer);
    return verdict.layer;
  }
  const layer = await store.write(source, {
    what: chunkName({ number }),
    checkFirst: verdict.checkFirst,
    checkpoint,
    signal,
    onEvent,
  });
  remember?.(layer.digest);
  report("sent", layer);
  return layer;
}

/**
 * Options of {@link download}.
 *
 * @category Files
 */
export interface DownloadOptions extends TransferOptions {
  /** The path of the file to write, or a stream, which receives the bytes in order and is then closed. */
  output: string | WritableStream<Uint8Array>;
}

/**
 * Downloads a stash. A file is written as `FILE.part`, and renamed after every byte was verified and is on the disk: from
 * then on the file survives a power cut. A second run resumes a download that was interrupted.
 *
 * @category Files
 * @returns the stash, with its chunks
 * @throws {InvalidInputError} if `baseTag` is not a valid tag, the output is neither a path nor a stream, or a number is
 *   out of range
 * @throws {NotFoundError} if the stash does not exist or is incomplete
 * @throws {MismatchError} if bytes are corrupted: no file is made, but a stream has received the bad bytes
 *
 * @example
 * ```ts
 * import { download, openStore, upload } from "@layerstash/cli";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await upload(store, "note", { input: new Response("hello").body! });
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
 * const text = new Response(readable).text();
 * await download(store, "note", { output: writable });
 * if (await text !== "hello") throw new Error("unexpected bytes");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function download(
  store: StoreReader,
  baseTag: string,
  options: DownloadOptions,
): Promise<Stash> {
  const { output, stateDirectory, jobs, onEvent = store.onEvent, signal } = options;
  const stash = await letGoOnFailure(output, async () => {
    checkTransfer(options);
    checkOutput(output);
    return await findStash(store, baseTag, { signal, onEvent });
  });
  announce(stash, { onEvent });
  await fetchStash(store, stash, output, { stateDirectory, jobs, onEvent, signal });
  return stash;
}

/** Reports the plan; `times` is how often the bytes of the stash are read. */
function announce(
  { size, chunks, chunkSize }: Stash,
  { onEvent, times = 1 }: { onEvent?: OnEvent | undefined; times?: number },
): void {
  onEvent?.({ type: "plan", size: times * size, blobs: times * chunks.length, chunkSize });
}

/**
 * Options of {@link list}.
 *
 * @category Files
 */
export interface ListOptions extends CallOptions {
  /** Adds sizes, names and dates, at the cost of one or two requests for manifests per stash. */
  exactSize?: boolean | undefined;
}

/**
 * Lists the stashes of a repository, sorted by name. It requests the list of tags only, unless `exactSize` is set.
 *
 * @category Files
 *
 * @example
 * ```ts
 * import { list, openStore, upload } from "@layerstash/cli";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await upload(store, "note", { input: new Response("hello").body! });
 * for await (const { baseTag, chunks } of list(store)) {
 *   if (baseTag !== "note" || chunks !== 1) throw new Error("unexpected list");
 * }
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function* list(store: StoreReader, options: ListOptions = {}): AsyncGenerator<ListedStash> {
  for (const listed of await listStashes(store, options)) {
    yield options.exactSize ? await describeListed(store, listed, options) : listed;
  }
}

/**
 * Describes a stash: the name and size of the file, and every chunk.
 *
 * @category Files
 * @throws {InvalidInputError} if `baseTag` is not a valid tag
 * @throws {NotFoundError} if the stash does not exist or is incomplete
 *
 * @example
 * ```ts
 * import { info, openStore, upload } from "@layerstash/cli";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await upload(store, "note", { input: new Response("hello").body! });
 * const stash = await info(store, "note");
 * if (stash.size !== 5 || stash.chunks[0]?.tag !== "note-1") throw new Error("unexpected stash");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function info(store: StoreReader, baseTag: string, options: CallOptions = {}): Promise<Stash> {
  return await findStash(store, baseTag, options);
}

/**
 * Options of {@link verify}.
 *
 * @category Files
 */
export interface VerifyOptions extends VerbOptions {
  /** A local file to compare with the stash; absent = only the stored chunks are checked. */
  file?: string | undefined;
  /** Reads every stored byte, rather than requesting sizes only. */
  deep?: boolean | undefined;
}

/**
 * The result of {@link verify}.
 *
 * @category Files
 */
export interface VerifyResult {
  /** The stash that was checked. */
  stash: Stash;
  /** What is wrong with it; empty = nothing. */
  faults: StashFault[];
}

/**
 * Checks a stash. By default every chunk has to exist and to have its size; with `deep` every stored byte is read and
 * hashed; with `file` a local file has to have the same bytes.
 *
 * @category Files
 * @throws {InvalidInputError} if `baseTag` is not a valid tag, or a number is out of range
 * @throws {NotFoundError} if the stash or the local file does not exist, or the stash is incomplete
 *
 * @example
 * ```ts
 * import { openStore, upload, verify } from "@layerstash/cli";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await upload(store, "note", { input: new Response("hello").body! });
 * const { faults } = await verify(store, "note", { deep: true });
 * if (faults.length > 0) throw new Error(faults[0]?.problem);
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function verify(
  store: StoreReader,
  baseTag: string,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const { file, deep, jobs, onEvent = store.onEvent, signal } = options;
  checkTransfer(options);
  const stash = await findStash(store, baseTag, { signal, onEvent });
  announce(stash, { onEvent, times: file !== undefined && deep ? 2 : 1 });
  const checking = { jobs, onEvent, signal };
  const faults = file === undefined ? [] : await checkFile(file, stash, checking);
  if (deep) faults.push(...await checkBytes(store, stash, checking));
  else if (file === undefined) faults.push(...await checkPresence(store, stash, checking));
  return { stash, faults };
}

/**
 * Removes a stash, even an incomplete one: the tags of its chunks, and no other tags. The last tag goes first, so that
 * an interrupted removal never leaves something that looks like a complete stash. Registries free the space later, by
 * themselves.
 *
 * @category Files
 * @returns the tags that were removed, and those that could not be removed
 * @throws {InvalidInputError} if `baseTag` is not a valid tag
 * @throws {NotFoundError} if the stash does not exist
 *
 * @example
 * ```ts
 * import { openStore, remove, upload } from "@layerstash/cli";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await upload(store, "note", { input: new Response("hello").body! });
 * const { removed, kept } = await remove(store, "note");
 * if (removed[0] !== "note-1" || kept.length > 0) throw new Error("unexpected result");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function remove(store: Store, baseTag: string, options: CallOptions = {}): Promise<TagRemoval> {
  checkBaseTag(baseTag);
  const numbers = await chunkNumbers(store, baseTag, options);
  if (numbers.length === 0) throw await whyNotFound(store, baseTag, options);
  return await removeTags(store, numbers.reverse().map((number) => chunkTag(baseTag, number)), options);
}

// The command line imports this file, so its import is not awaited here: that would be a circle.
if (import.meta.main) import("./lib/cli/program.ts").then(({ runCommandLine }) => runCommandLine(Deno.args));
