/**
 * layerstash stores files of any size in container registries, as image layers, and brings them back verified.
 *
 * Run it as a command (`deno run --no-config -A jsr:@layerstash/cli --help`), or import it as a library. Open the store of a
 * repository, in a registry or in a directory; then `upload`, `download`, `list`, `info`, `verify` and `remove` files in
 * it. Every function takes where (a store, or a source and a target), what, and an object of options. The rest has entries
 * of its own: `@layerstash/cli/images`, `/artifacts`, `/folders`, `/blobs`, `/copy`, `/encryption`, `/serve`, and `/store`
 * for the contract of a store.
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
 * @example Open a registry, and sign in with what `docker login` has saved
 * ```ts
 * import { openStore, savedCredentials } from "@layerstash/cli";
 *
 * const credentials = savedCredentials(Deno.env.toObject()); // looked up when the registry asks for them
 * using store = openStore("ghcr.io/me/files", { credentials });
 * if (store.name !== "ghcr.io/me/files") throw new Error("unexpected name");
 * ```
 *
 * @module
 */
import { inParallel } from "./lib/async/pool.ts";
import { letGoOnFailure } from "./lib/content/byte_stream.ts";
import { Hasher } from "./lib/content/hasher.ts";
import { openInput, whileUnchanged } from "./lib/files/input.ts";
import { checkOutput } from "./lib/files/output.ts";
import { rememberInput } from "./lib/files/remembered_input.ts";
import type { Descriptor } from "./lib/oci/descriptor.ts";
import type { Algorithm, Digest } from "./lib/oci/digest.ts";
import { checkStash, type VerifyResult } from "./lib/stash/check_stash.ts";
import { checkTags } from "./lib/stash/check_tags.ts";
import { chunkNumbers } from "./lib/stash/chunk_numbers.ts";
import { checkBaseTag } from "./lib/stash/chunk_tags.ts";
import { completeStash, keepStored } from "./lib/stash/complete_stash.ts";
import { type ExistingLook, lookUpOnce } from "./lib/stash/existing_chunks.ts";
import { asStored } from "./lib/stash/open_stash.ts";
import { encryptInput, type StashInput } from "./lib/stash/encrypted_input.ts";
import { fetchAhead, fetchStash } from "./lib/stash/fetch_stash.ts";
import { findStash } from "./lib/stash/find_stash.ts";
import { openStash } from "./lib/stash/open_stash.ts";
import { stashNotFound } from "./lib/stash/stash_not_found.ts";
import { type ListedStash, listStashes } from "./lib/stash/list_stashes.ts";
import {
  type KeptTag,
  removeChunks,
  requireRemovableName,
  type TagRemoval,
} from "./lib/stash/remove_tags.ts";
import { sendChunk } from "./lib/stash/send_chunk.ts";
import type { StashState } from "./lib/stash/torn_stash.ts";
import {
  type Chunk,
  reportPlan,
  type Stash,
  type StashEncryption,
  type StashFault,
} from "./lib/stash/stash.ts";
import { StashDraft } from "./lib/stash/stash_draft.ts";
import { StashTags } from "./lib/stash/stash_tags.ts";
import type {
  DownloadOptions,
  InfoOptions,
  ListOptions,
  UploadOptions,
  VerifyOptions,
} from "./lib/stash/verb_options.ts";
import { Verdicts } from "./lib/stash/verdict.ts";
import type { CallOptions, Store, StoreReader } from "./lib/store/store.ts";
import { ReadAhead } from "./lib/transfer/read_ahead.ts";
import { adaptiveJobs, checkTransfer, DEFAULT_JOBS } from "./lib/transfer/adaptive_jobs.ts";

// Which repository, how to reach it, and who signs in.
export type { ManifestFormat } from "./lib/store/manifest_format.ts";
export { type OpenOptions, openStore, type StoreOptions } from "./lib/open/open_store.ts";
export { type Address, parseAddress } from "./lib/oci/address.ts";
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
export type { Chunk, KeptTag, ListedStash, Stash, StashEncryption, StashFault, StashState, TagRemoval };
export type { VerifyResult };
export type * from "./lib/stash/verb_options.ts";
export type { Algorithm, CallOptions, Digest, Store };
export type { OnEvent, TransferEvent } from "./lib/events.ts";
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
export { readStash, type ReadStashOptions } from "./lib/stash/read_stash.ts";

/**
 * Stores a file, in chunks, as the stash `baseTag`: each chunk is the layer of an image with the tag `<baseTag>-1`,
 * `<baseTag>-2` and so on. Chunks that already exist are not sent again, so a second run completes an upload that was
 * interrupted. The tag of the last chunk is put after all others: it makes the stash complete. A stash that is replaced stays
 * whole until all chunks of the new one are stored.
 *
 * @category Files
 * @returns the stash, with its chunks
 * @throws {ConflictError} if a tag points to other bytes and `overwrite` is not set, or a folder has this name; nothing was
 *   changed
 * @throws {InvalidInputError} if `baseTag` is not a valid tag, the input is neither a file nor a stream of bytes, or a
 *   number is out of range
 * @throws {MismatchError} if the file changed while it was read
 * @throws {NotFoundError} if the file does not exist
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
 *
 * @example Encrypt it for the owner of a key
 * ```ts
 * import { download, openStore, upload } from "@layerstash/cli";
 * import { generateKey, Identities, Recipients } from "@layerstash/cli/encryption";
 *
 * const directory = await Deno.makeTempDir();
 * const { identity, recipient } = await generateKey();
 * await Deno.writeTextFile(`${directory}/key.txt`, identity);
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * const input = new Response("a secret").body!;
 * await upload(store, "note", { input, encryptTo: await Recipients.of([recipient]) });
 *
 * const identities = await Identities.inFiles([`${directory}/key.txt`]);
 * await download(store, "note", { output: `${directory}/note.txt`, identities });
 * if (await Deno.readTextFile(`${directory}/note.txt`) !== "a secret") throw new Error("not the same");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function upload(store: Store, baseTag: string, options: UploadOptions): Promise<Stash> {
  const { chunkSize = store.chunkSize, stateDirectory, onEvent = store.onEvent } = options;
  using hasher = new Hasher();
  await using file = await openInput(options.input, hasher);
  checkTransfer(options);
  const lookUp = lookUpOnce(store, baseTag);
  await using content = await encryptInput(file, { ...options, store, lookUp, baseTag, chunkSize, onEvent });
  await using input = await rememberInput(content, { store, name: baseTag, stateDirectory, onEvent });
  return await whileUnchanged(input, async () => {
    const draft = new StashDraft(input, { baseTag, chunkSize });
    reportPlan(draft, onEvent);
    const stash = await storeStash(store, draft, input, { ...options, lookUp, onEvent });
    return input.encryption?.settle(stash) ?? stash;
  });
}

/**
 * Stores an input as a stash. For each chunk: look, send, tag. The tag of the last chunk completes the stash.
 *
 * @throws {ConflictError} if a tag points to other bytes and `overwrite` is not set
 * @throws {MismatchError} if the input changed while it was read
 */
async function storeStash(
  store: Store,
  draft: StashDraft,
  input: StashInput,
  given: UploadOptions & { lookUp: ExistingLook },
): Promise<Stash> {
  const { overwrite, signal } = given;
  const atOnce = input.seekable ? given.jobs : 1; // the chunks of a stream come one after the other
  const { jobs, onEvent } = adaptiveJobs({ jobs: atOnce, size: input.size, onEvent: given.onEvent });
  const options = { jobs: atOnce, overwrite, onEvent, signal };
  // What was never stored from here is most likely new.
  await using _begun = store.expectWrites?.(input.isFirst ? draft.firstWrites(atOnce) : [], options);
  const existing = await given.lookUp(options);
  const family = store.familyBeside(existing.family);
  // What has no date of its own takes that of the existing chunks, which then keep their images.
  if (!input.identity) draft.modified = existing.modified ?? draft.modified;
  const verdicts = new Verdicts(store, existing, draft, options);
  const same = await verdicts.compareExisting(input);
  if (same) return await keepStored(store, same, { ...options, existing, family });
  const holdUntil = verdicts.holdUntil(input);
  using tags = new StashTags(store, existing, draft, { ...options, jobs: given.jobs, family, holdUntil });
  const layers: Descriptor[] = [];
  let stored = 0;
  await inParallel(input.chunks(draft.chunkSize), { jobs, signal }, async (chunk, signal, turn) => {
    checkBaseTag(draft.baseTag, chunk.number);
    const verdict = await verdicts.of(chunk, signal);
    const only = draft.isSmall && await draft.onlyImage(chunk);
    const sending = sendChunk(store, chunk, verdict, { onEvent, signal, turn });
    const layer = await (only ? tags.addBeside(only, sending) : sending);
    layers[chunk.number - 1] = layer;
    const images = await chunk.isLast() ? [] : [draft.image(chunk.number, layer)];
    if (++stored === draft.chunks) images.push(await draft.lastImage(layers)); // its config is stored with the others
    await tags.add(...images);
  });
  verdicts.requireAllCompared(layers.length);
  await input.requireUnchanged();
  return await completeStash(store, draft, { ...options, existing, layers, tags });
}

/**
 * Downloads a stash. A file is written as `FILE.part`, and renamed after every byte was verified and is on the disk: from
 * then on the file survives a power cut. A second run resumes a download that was interrupted.
 *
 * @category Files
 * @param baseTag the name, or the digest that `upload` and `info` give: then all is verified against that
 * @returns the stash, with its chunks
 * @throws {InvalidInputError} if `baseTag` is not a valid tag, the output is neither a path nor a stream, or a number is
 *   out of range
 * @throws {NotFoundError} if the stash does not exist or is incomplete
 * @throws {MismatchError} if bytes are corrupted: no file is made, but a stream has received the bad bytes
 * @throws {NotAllowedError} if it is encrypted, and the identities do not open it: nothing is written then
 * @throws {ConflictError} if another process downloads to the same file; or if a file with other bytes exists, or a
 *   `FILE.part` that is not the beginning of this download, and `overwrite` is not set
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
  const { output, overwrite, identities, stateDirectory, jobs, onEvent = store.onEvent, signal } = options;
  await using ahead = new ReadAhead(store, { signal, onEvent });
  const open = await letGoOnFailure(output, async () => {
    checkTransfer(options);
    if (typeof output !== "function") checkOutput(output);
    const onLayer = await fetchAhead(ahead, output, jobs);
    const found = await findStash(store, baseTag, { signal, onEvent, onLayer });
    return await openStash(ahead.reader, found, { identities, signal, onEvent });
  });
  const { stash, plain } = open;
  reportPlan({ ...plain, chunks: plain.chunks.length }, onEvent);
  const target = typeof output === "function" ? await output(stash) : output;
  await fetchStash(open, target, { overwrite, stateDirectory, jobs, onEvent, signal });
  return stash;
}

/**
 * Lists the stashes of a repository, sorted by name. It reads the list of tags, and for each name the first chunk's manifest
 * and config, which tell a chunk from another image, and those of the last chunk, without which the stash is incomplete.
 * Lists of tags may have gaps: where the first chunk does not say how many there are, the next tag is asked for. A stash is
 * not listed if the list has none of its tags.
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
  yield* await listStashes(store, options);
}

/**
 * Describes a stash: the name, size and date of the file, every chunk, and which chunks have lost their tags. For that, each tag
 * is asked for.
 *
 * @category Files
 * @param baseTag the name, or the digest, by which the tags of the chunks are not known
 * @throws {InvalidInputError} if `baseTag` is not a valid tag
 * @throws {NotFoundError} if the stash does not exist or is incomplete
 * @throws {MismatchError} if its chunks belong to different uploads
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
 *
 * @example One digest stands for the whole file
 * ```ts
 * import { download, info, openStore, upload } from "@layerstash/cli";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * const { digest } = await upload(store, "note", { input: new Response("hello").body!, chunkSize: 3 });
 * await download(store, digest!, { output: `${directory}/copy.txt` }); // all is verified against the digest
 * if (await Deno.readTextFile(`${directory}/copy.txt`) !== "hello") throw new Error("not the same");
 * if ((await info(store, "note")).digest !== digest) throw new Error("another digest");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function info(store: StoreReader, baseTag: string, options: InfoOptions = {}): Promise<Stash> {
  const { identities, ...calls } = options;
  const found = await findStash(store, baseTag, calls);
  const { stash } = identities && found.encryption
    ? await openStash(store, found, { identities })
    : { stash: found };
  const faults = await checkTags(store, stash, { ...calls, byDigest: true });
  return { ...stash, ...(faults.length > 0 && { faults }) };
}

/**
 * Checks a stash. Every chunk has to exist, to have its size, and to have its tag, unless a digest takes the place of the
 * name; with `deep` every stored byte is read and hashed; with `file` a local file has to have the same bytes, too.
 *
 * @category Files
 * @returns the stash, and what is wrong: a fault is not an error
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
  checkTransfer(options);
  const { identities, file, ...calls } = options;
  const found = await findStash(store, baseTag, calls);
  const needsBytes = identities !== undefined || file !== undefined;
  const open = needsBytes ? await openStash(store, found, { identities, ...calls }) : asStored(store, found);
  return { stash: open.stash, ...await checkStash(store, open, options) };
}

/**
 * Removes a stash, even an incomplete one: the tags of its chunks, and no other tags. Each manifest is read before, because
 * somebody else's image may have such a tag: it is kept. The last tag goes first, so that an interrupted removal never
 * leaves something that looks like a complete stash. A directory frees the space at once, a registry later.
 *
 * @category Files
 * @returns the tags that were removed, and those that were kept, each with the reason
 * @throws {InvalidInputError} if `baseTag` is not a valid tag; a digest does not name the tags that are to be removed
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
  await requireRemovableName(store, baseTag, options);
  const numbers = await chunkNumbers(store, baseTag, options);
  const removal = await removeChunks(store, baseTag, numbers.reverse(), options);
  const isStash = removal.removed.length > 0 || removal.kept.some(({ error }) => error !== undefined);
  if (!isStash) throw await stashNotFound(store, baseTag, options);
  return removal;
}

// The command line imports this file, so its import is not awaited here: that would be a circle.
if (import.meta.main) import("./lib/cli/program.ts").then(({ runCommandLine }) => runCommandLine(Deno.args));
