/**
 * An input that is encrypted on its way: the chunks are those of the encrypted bytes. With which key, its journal and what
 * is stored already decide.
 *
 * @module
 */
import * as v from "valibot";
import type { Bytes } from "../content/bytes.ts";
import type { Source } from "../content/source.ts";
import { AgeHeader, isHeaderFor } from "../encryption/age_header.ts";
import { encryptedSize, encryptedSource } from "../encryption/encrypted_source.ts";
import type { Identities } from "../encryption/identities.ts";
import type { Recipients } from "../encryption/recipients.ts";
import { ConflictError, NotAllowedError } from "../errors.ts";
import { chunkCount, type Input, type InputChunk, mapChunks } from "../files/input.ts";
import { type Journal, openJournal } from "../files/journal.ts";
import { unchangedSource } from "../files/unchanged_source.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { checkPresence } from "./check_stash.ts";
import { chunkTag } from "./chunk_tags.ts";
import { decryptDetails, digestOfList, encryptDetails, headerOfDetails } from "./encrypted_details.ts";
import { findStash, undefinedIfBroken } from "./find_stash.ts";
import { PlainFile } from "./plain_file.ts";
import type { Stash } from "./stash.ts";
import { encryptedSlicing, StashKey } from "./stash_key.ts";

/** An input of which a stash is made. */
export interface StashInput extends Input {
  /** Present where the bytes are encrypted on their way. */
  encryption?: InputEncryption | undefined;
}

/** What the stash of an encrypted input needs beside its chunks. */
export interface InputEncryption {
  /** The size of every stored chunk but the last. */
  chunkSize: number;
  /**
   * Makes sure that what the input is compared with is what its key was taken from. With that key no other bytes may be sent:
   * its nonces serve once, and whoever made the stash may know it.
   *
   * @throws {ConflictError} if another stash, or none, has the name now
   */
  requireCompared(complete: Stash | undefined): void;
  /** The encrypted description of the file, when all chunks are stored. */
  details(chunks: readonly { digest: Digest }[]): Promise<string>;
  /** The stash is complete: the key of it is removed from the journal. Returns the stash, with what is known of the file. */
  settle(stash: Stash): Stash;
}

/** What `encryptInput` takes. */
export interface EncryptInputOptions extends CallOptions {
  /** For whom the input is encrypted; absent = it is not. */
  encryptTo?: Recipients | undefined;
  /** Keys with which a stash of this name can be read, to compare it. */
  identities?: Identities | undefined;
  store: StoreReader;
  /** The name of the stash. */
  baseTag: string;
  /** The most that a stored chunk may have, in bytes. */
  chunkSize: number;
  overwrite?: boolean | undefined;
  stateDirectory?: string | undefined;
}

/**
 * Encrypts an input for recipients. Without recipients it stays as it is. Until the result is disposed of, no other process
 * on this machine stores the same.
 *
 * @throws {ConflictError} if a stash of this name cannot be compared with the input, and is not to be replaced
 * @throws {NotAllowedError} if the identities do not open it
 */
export async function encryptInput(input: Input, options: EncryptInputOptions): Promise<StashInput> {
  const { encryptTo, store, baseTag, stateDirectory, onEvent } = options;
  if (!encryptTo) return { ...input, [Symbol.asyncDispose]: () => Promise.resolve() };
  const { identity } = input;
  const journal = await openJournal({
    directory: identity && stateDirectory, // a stream cannot go on, so that its key is not kept
    name: `encrypted upload of ${baseTag} to ${store.name}`,
    where: store.url,
    subject: JSON.stringify([identity, encryptTo.id]),
    onEvent,
  });
  try {
    return withKey(input, await chooseKey(journal, encryptTo, options), { ...options, journal });
  } catch (error) {
    journal[Symbol.dispose]();
    throw error;
  }
}

const bytes = v.pipe(v.string(), v.base64(), v.transform((text) => Uint8Array.fromBase64(text)));
/**
 * While it runs, the journal has the header, the file key, the most that a chunk may have, and digests of the file's chunks;
 * at the end the header alone.
 */
const keySchema = v.object({ header: bytes, fileKey: v.optional(bytes), chunkSize: v.optional(v.number()) });

/** The header that the chunks have, with its key; or else with the details of a stash that has just these chunks. */
interface ChosenKey {
  header: Bytes;
  key?: StashKey;
  stored?: { chunks: readonly { digest: Digest }[]; details: string };
  /** The stash that the key was taken from, to compare it. */
  compared?: Stash;
  /** Whether nobody knows who can read that stash, beside whoever compares it. */
  isForUnknown?: boolean;
  /** Whether nothing was ever encrypted with the key. */
  isNew?: boolean;
  /** The records of the process that chose the key, if this upload goes on with it. */
  earlier?: readonly unknown[];
}

/**
 * Chooses the key: that of this upload, where it was interrupted or is complete; else that of the complete stash of this name,
 * to compare it; else a new one. No other content is ever encrypted with the key of a stash: its nonces serve once. So other
 * slices of the same file have another key, too.
 */
async function chooseKey(
  journal: Journal,
  encryptTo: Recipients,
  { store, baseTag, chunkSize, identities = encryptTo.identities, overwrite, signal, onEvent }:
    EncryptInputOptions,
): Promise<ChosenKey> {
  const kept = lastKey(journal);
  const isMine = () => isHeaderFor(kept!.header, encryptTo);
  if (kept?.fileKey && kept.chunkSize === chunkSize && await isMine()) {
    const header = await AgeHeader.restore(kept.header, kept.fileKey);
    return { ...withFileKey(header), earlier: journal.earlier };
  }
  const existing = await findStash(store, baseTag, { signal, onEvent }).catch(undefinedIfBroken);
  const details = existing?.encryption?.details?.();
  if (existing && details !== undefined) {
    const header = headerOfDetails(details);
    if (identities && !overwrite) {
      const isForUnknown = !encryptTo.identities && !(kept && isSame(kept.header, header));
      return {
        header,
        key: await keyToCompare(baseTag, details, identities),
        compared: existing,
        isForUnknown,
      };
    }
    const isHere = kept && isSame(kept.header, header) && await isMine() &&
      (await checkPresence(store, existing, { signal })).length === 0;
    if (isHere) return { header, stored: { chunks: existing.chunks, details } };
    if (!overwrite) throw cannotCompare(baseTag);
  }
  const header = await AgeHeader.make(encryptTo);
  journal.replace({ header: header.bytes.toBase64(), fileKey: header.exportFileKey().toBase64(), chunkSize });
  return { ...withFileKey(header), isNew: true };
}

function withFileKey(header: AgeHeader): ChosenKey {
  return { header: header.bytes, key: new StashKey(header) };
}

function lastKey({ earlier }: Journal): v.InferOutput<typeof keySchema> | undefined {
  for (const record of earlier.toReversed()) {
    const { success, output } = v.safeParse(keySchema, record);
    if (success) return output;
  }
  return undefined;
}

function isSame(one: Bytes, other: Bytes): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** The key of a stash that has the name already. */
async function keyToCompare(baseTag: string, details: string, identities: Identities): Promise<StashKey> {
  try {
    return (await decryptDetails(details, identities)).key;
  } catch (cause) {
    if (!(cause instanceof NotAllowedError)) throw cause;
    throw new ConflictError(`${encryptedAlready(baseTag)} with another key: ${cause.message}`, {
      hint: REPLACE,
      cause,
    });
  }
}

function cannotCompare(baseTag: string): ConflictError {
  return new ConflictError(
    `${encryptedAlready(baseTag)}: without its key it cannot be compared with what is to be stored`,
    { hint: `name its key with --identity FILE; or ${REPLACE}` },
  );
}

const encryptedAlready = (baseTag: string) => `${chunkTag(baseTag, 1)} already exists, and is encrypted`;
const REPLACE = "use another name, or --overwrite to replace it";

/** The input as the chosen key encrypts it. */
function withKey(
  input: Input,
  { header, key, stored, compared, isForUnknown, isNew, earlier = [] }: ChosenKey,
  { baseTag, chunkSize: most, journal, onEvent }: EncryptInputOptions & { journal: Journal },
): StashInput {
  const { chunkSize, plainSize } = encryptedSlicing(most, { bytes: header });
  const sizeOf = (plain: number) => encryptedSize({ bytes: header }, plain);
  const file = new PlainFile(journal, earlier);
  const encrypted = ({ number, source }: InputChunk, key: StashKey): Source => {
    const same = unchangedSource(source, input, !isNew);
    return encryptedSource(file.watch({ number, source: same }), key.ofChunk(number));
  };
  const encrypt = (chunk: InputChunk): InputChunk => ({
    ...chunk,
    source: key ? encrypted(chunk, key) : lockedSource(chunk, sizeOf(chunk.source.size!)),
    remember: () => file.keep(chunk.number),
  });
  const { name, size, identity } = input;
  const modified = input.modified.toISOString();
  return {
    ...input,
    name: undefined,
    size: size === undefined ? undefined : sizeOfChunks(size, plainSize, sizeOf),
    identity: identity && JSON.stringify([identity, digestOf(header)]),
    chunks: () => mapChunks(input.chunks(plainSize), encrypt),
    encryption: {
      chunkSize,
      requireCompared(complete) {
        if (!compared || complete && complete.digest === compared.digest) return;
        throw new ConflictError(`what is stored as ${baseTag} is another one than a moment ago`, {
          hint: "store it again; or use another name",
        });
      },
      async details(chunks) {
        const list = digestOfList(chunks);
        if (stored && digestOfList(stored.chunks) === list) return stored.details;
        if (!key) throw needsKey();
        const digests = await file.digests(chunks.length);
        return await encryptDetails(
          { name, modified, size: file.size, chunkSize: plainSize, digests, stored: list },
          key,
        );
      },
      settle(stash) {
        if (isForUnknown) onEvent?.({ type: "notice", message: keptRecipients(baseTag) });
        journal.replace(isForUnknown ? {} : { header: header.toBase64() });
        const encryption = { ...stash.encryption!, size: size ?? file.size };
        return { ...stash, ...(name !== undefined && { name }), modified, encryption };
      },
    },
    [Symbol.asyncDispose]: () => Promise.resolve(journal[Symbol.dispose]()),
  };
}

function keptRecipients(baseTag: string): string {
  return `${baseTag} has this content already, for the keys that it was encrypted for then: ` +
    "--overwrite encrypts it for those that are named now";
}

/** The size of all chunks together, encrypted. */
function sizeOfChunks(size: number, plainSize: number, sizeOf: (plain: number) => number): number {
  const before = chunkCount(size, plainSize) - 1;
  return before * sizeOf(plainSize) + sizeOf(size - before * plainSize);
}

/** A chunk of a stash that is there, and whose key is not: its digest is known from the journal, or it cannot be compared. */
function lockedSource({ number }: InputChunk, size: number): Source {
  const refuse = () => {
    throw needsKey(number);
  };
  return { size, open: refuse, digest: () => Promise.reject(needsKey(number)) };
}

function needsKey(number?: number): ConflictError {
  const what = number === undefined ? "the stash" : `chunk ${number}`;
  return new ConflictError(
    `${what} would have to be encrypted again, and its key is not kept here any more`,
    {
      hint: "name it with --identity FILE; or remove what is stored, and store it anew",
    },
  );
}
