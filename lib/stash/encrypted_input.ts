/** An input that is encrypted on its way: its chunks are those of the encrypted bytes. @module */
import type { Source } from "../content/source.ts";
import { CipherThreads } from "../encryption/cipher_threads.ts";
import { encryptedSize, encryptedSource } from "../encryption/encrypted_source.ts";
import type { Recipients } from "../encryption/recipients.ts";
import { ConflictError } from "../errors.ts";
import { chunkCount, type Input, type InputChunk, mapChunks } from "../files/input.ts";
import type { Journal } from "../files/journal.ts";
import { openKeyJournal } from "../files/key_journal.ts";
import { unchangedSource } from "../files/unchanged_source.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { chooseKey, type ChooseKeyOptions, type ChosenKey } from "./choose_key.ts";
import { ChunkPlaces } from "./chunk_places.ts";
import { digestOfList, encryptDetails } from "./encrypted_details.ts";
import { PlainFile } from "./plain_file.ts";
import type { Stash } from "./stash.ts";
import { type EncryptedSlicing, encryptedSlicing, type StashKey } from "./stash_key.ts";

/** An input of which a stash is made. */
export interface StashInput extends Input {
  /** Present where the bytes are encrypted on their way. */
  encryption?: InputEncryption | undefined;
}

/** What the stash of an encrypted input needs beside its chunks. */
export interface InputEncryption {
  /** The size of every stored chunk but the last. */
  chunkSize: number;
  /** Whether the key is new, so that no store has chunks with the same bytes. */
  isNew?: boolean | undefined;
  /** Where the headers of a stash are exchanged: the digest of its first chunk. */
  was?: Digest | undefined;
  /** The encrypted description of the file, when all chunks are stored. */
  details(chunks: readonly { digest: Digest }[]): Promise<string>;
  /** The stash is complete: the key of it is removed from the journal. Returns the stash, with what is known of the file. */
  settle(stash: Stash): Stash;
}

/** What `encryptInput` takes. */
export interface EncryptInputOptions extends Omit<ChooseKeyOptions, "mayChange"> {
  /** For whom the input is encrypted; absent = it is not. */
  encryptTo?: Recipients | undefined;
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
  const { encryptTo, baseTag } = options;
  if (!encryptTo) return { ...input, [Symbol.asyncDispose]: () => Promise.resolve() };
  const journal = await openKeyJournal(input, encryptTo, { ...options, name: baseTag });
  try {
    const mayChange = input.identity === undefined;
    const chosen = await chooseKey(journal, encryptTo, { ...options, mayChange });
    return withKey(input, chosen, { ...options, journal });
  } catch (error) {
    journal[Symbol.dispose]();
    throw error;
  }
}

/** The input as the chosen key encrypts it. */
function withKey(
  input: Input,
  chosen: ChosenKey,
  options: EncryptInputOptions & { journal: Journal },
): StashInput {
  const { header, key, keepKey, earlier = [] } = chosen;
  const { chunkSize: most, journal } = options;
  const slicing = encryptedSlicing(most, { bytes: header });
  const sizeOf = (plain: number) => encryptedSize({ bytes: header }, plain);
  const file = new PlainFile(journal, earlier);
  const places = new ChunkPlaces(journal, chosen);
  const threads = new CipherThreads();
  const encrypted = ({ number, source }: InputChunk, key: StashKey): Source => {
    const same = unchangedSource(source, input, keepKey === undefined);
    const plain = file.watch({ number, source: same });
    const open: Source["open"] = (start, end) => {
      keepKey?.();
      return plain.open(start, end);
    };
    const sealed = encryptedSource({ ...plain, open }, key.ofChunk(number, places.of(number)));
    return places.guard(number, sealed);
  };
  const encrypt = (chunk: InputChunk): InputChunk => ({
    ...chunk,
    source: key ? encrypted(chunk, key) : lockedSource(chunk, sizeOf(chunk.source.size!)),
    remember: (digest) => {
      file.keep(chunk.number);
      if (!input.identity) places.keep(chunk.number, digest);
    },
  });
  const { size, identity } = input;
  return {
    ...input,
    name: undefined,
    size: size === undefined ? undefined : sizeOfChunks(size, slicing.plainSize, sizeOf),
    identity: identity && JSON.stringify([identity, digestOf(header)]),
    chunks: () => mapChunks(input.chunks(slicing.plainSize), encrypt),
    encryption: encryptionOf(input, chosen, { ...options, slicing, file, places }),
    [Symbol.asyncDispose]: () => {
      threads[Symbol.dispose]();
      return Promise.resolve(journal[Symbol.dispose]());
    },
  };
}

function encryptionOf(
  { name, size, modified: date, identity }: Input,
  { header, key, keepKey, recipients, stored, isForUnknown }: ChosenKey,
  { baseTag, encryptTo, journal, onEvent, slicing, file, places }: EncryptInputOptions & {
    journal: Journal;
    slicing: EncryptedSlicing;
    file: PlainFile;
    places: ChunkPlaces;
  },
): InputEncryption {
  const modified = date.toISOString();
  const { chunkSize, plainSize } = slicing;
  return {
    chunkSize,
    isNew: keepKey !== undefined,
    async details(chunks) {
      const list = digestOfList(chunks);
      if (stored && digestOfList(stored.chunks) === list) return stored.details;
      if (!key) throw needsKey();
      const digests = await file.digests(chunks.length);
      return await encryptDetails({
        ...{ name, modified, size: file.size, chunkSize: plainSize, digests, stored: list },
        recipients: recipients ?? marksOf(encryptTo!, key),
        places: places.upTo(chunks.length),
      }, key);
    },
    settle(stash) {
      if (isForUnknown) onEvent?.({ type: "notice", message: keptRecipients(baseTag) });
      if (!identity) journal.discard();
      else journal.replace(isForUnknown ? {} : { header: header.toBase64() });
      const encryption = { ...stash.encryption!, size: size ?? file.size };
      return { ...stash, ...(name !== undefined && { name }), modified, encryption };
    },
  };
}

/** The marks of public keys, in an order that is not theirs: the same keys have the same list. */
export function marksOf({ keys }: Recipients, key: StashKey): string[] {
  return keys.map((each) => key.markOf(each)).sort();
}

/** Says that what is stored has the same content, and stays for whoever it was encrypted for. */
export function keptRecipients(baseTag: string): string {
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
