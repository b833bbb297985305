/** Stores one blob: a file, or a stream of any size. @module */
import { digestFirst } from "../content/digest_first.ts";
import { Hasher } from "../content/hasher.ts";
import type { Recipients } from "../encryption/recipients.ts";
import { withChannel } from "../events.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { type Input, type InputChunk, openInput, SMALL_FILE, whileUnchanged } from "../files/input.ts";
import { rememberInput } from "../files/remembered_input.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { encryptWhole } from "./encrypted_blob.ts";
import { putAlias, requireAliasFor, requireFreeAlias } from "./aliases.ts";

/** Options of {@link pushBlob}. */
export interface PushBlobOptions extends CallOptions {
  /** An alias to make for the blob after it was stored; absent = none. */
  alias?: string | undefined;
  /** Replaces another alias or an image of that name; absent = that is a conflict. */
  overwrite?: boolean | undefined;
  /** For whom the blob is encrypted, as an age file; absent = it is not. */
  encryptTo?: Recipients | undefined;
  /** The directory of the journal, with which another process can resume; absent = there is no journal. */
  stateDirectory?: string | undefined;
}

/**
 * Stores a blob. `input` is the path of a file, or a stream, which is read once. A file is hashed first, and not sent if
 * the blob already exists; a stream is hashed while it is sent. Neither is kept in memory. What is encrypted has another
 * digest each time; the same file for the same recipients is not sent again while the journal knows it.
 *
 * @returns the blob's digest, which is its name, and its size in bytes
 * @throws {InvalidInputError} if the input is neither a file nor a stream of bytes, or the alias is not a valid tag
 * @throws {NotFoundError} if the file does not exist
 * @throws {MismatchError} if the file changed while it was read; no alias was made
 * @throws {ConflictError} if another process stores the same file there; or if the alias is the tag of something else and
 *   `overwrite` is not set, or of a chunk of a stash
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { pullBlobs, pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${directory}/logger.dat`, "12.5 degrees");
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "fred/datalogger" });
 * await pushBlob(store, `${directory}/logger.dat`, { alias: "may15-readings" });
 * await pullBlobs(store, ["@may15-readings"], { output: `${directory}/copy.dat` });
 * if (await Deno.readTextFile(`${directory}/copy.dat`) !== "12.5 degrees") throw new Error("not the same");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function pushBlob(
  store: Store,
  input: string | ReadableStream<Uint8Array>,
  options: PushBlobOptions = {},
): Promise<SizedBlob> {
  const reporting = withChannel(options, store);
  const { alias, overwrite, encryptTo, signal, onEvent } = reporting;
  using hasher = new Hasher();
  await using content = await openInput(input, hasher);
  const memory = {
    ...reporting,
    store,
    name: typeof input === "string" ? await Deno.realPath(input) : "standard input",
  };
  await using encrypted = encryptTo && await encryptWhole(content, encryptTo, memory);
  // A stream cannot be read a second time: there is nothing to remember.
  await using remembered = typeof input === "string"
    ? await rememberInput(encrypted ?? content, memory)
    : encrypted ?? content;
  const { size } = remembered;
  const isFree = alias === undefined ||
    await requireFreeAlias(store, alias, { sizes: [size], overwrite, signal, onEvent });
  onEvent?.({ type: "plan", blobs: 1, ...(size !== undefined && { size }) });
  const blob = await whileUnchanged(remembered, async () => {
    const stored = encrypted?.stored && await findAgain(store, encrypted.stored, reporting);
    return stored ??
      await storeWhole(store, remembered, isFree ? { ...reporting, alias: undefined } : reporting);
  });
  await remembered.requireUnchanged();
  encrypted?.settle(blob);
  if (alias !== undefined) await putAlias(store, alias, [blob], { overwrite, signal, onEvent });
  return blob;
}

/** Reports a blob as present; `undefined` = it is not there. */
async function findAgain(
  store: Store,
  blob: SizedBlob,
  { onEvent, signal }: PushBlobOptions,
): Promise<SizedBlob | undefined> {
  if (await store.reuse(blob, { reread: true, signal, onEvent }) !== "present") return undefined;
  onEvent?.({ type: "blob", index: 1, ...blob, state: "present" });
  return blob;
}

/** Stores the input, unless the `alias` turns out to hold another blob: that is looked up where it is known in time. */
async function storeWhole(
  store: Store,
  input: Input,
  { alias, overwrite, encryptTo, onEvent, signal }: PushBlobOptions,
): Promise<SizedBlob> {
  const { source, checkpoint, remember } = await wholeOf(input);
  const isNew = input.isFirst && source.size !== undefined && source.size <= SMALL_FILE;
  await using _begun = store.expectWrites?.(isNew ? [source.size!] : [], { onEvent, signal });
  const event = { type: "blob", index: 1 } as const;
  // To encrypt everything twice, only to know a digest that is new, would take too long.
  const isNewAnyway = source.once || encryptTo;
  const known = source.known ?? (isNewAnyway ? undefined : await digestFirst(source, { signal, onEvent }));
  const likely = known && { digest: known, size: source.size! };
  if (likely && alias !== undefined) {
    await requireAliasFor(store, alias, [likely], { overwrite, signal, onEvent });
  }
  const found = likely && await store.reuse(likely, { reread: true, signal, onEvent });
  if (likely && found === "present") {
    onEvent?.({ ...event, ...likely, state: "present" });
    return likely;
  }
  const checkFirst = found === "damaged";
  const { digest, size } = await store.write({ ...source, known }, {
    signal,
    onEvent,
    checkpoint,
    checkFirst,
  });
  remember?.(digest);
  onEvent?.({ ...event, state: "sent", digest, size });
  return { digest, size };
}

/** The whole input as one chunk. */
async function wholeOf(input: Input): Promise<InputChunk> {
  for await (const chunk of input.chunks(Math.max(1, input.size ?? Number.MAX_SAFE_INTEGER))) return chunk;
  throw new Error("an input has at least one chunk");
}
