/** A file that becomes an encrypted blob: its key, which a journal keeps until the blob is stored. @module */
import * as v from "valibot";
import { AgeHeader, isHeaderFor, newNonce } from "../encryption/age_header.ts";
import { CipherThreads } from "../encryption/cipher_threads.ts";
import { type AgeBeginning, encryptedSize, encryptedSource } from "../encryption/encrypted_source.ts";
import type { Recipients } from "../encryption/recipients.ts";
import { type Input, type InputChunk, mapChunks } from "../files/input.ts";
import { bytesSchema, lastRecord, openKeyJournal } from "../files/key_journal.ts";
import type { MemoryOptions } from "../files/remembered_input.ts";
import { unchangedSource } from "../files/unchanged_source.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";

/** An input that is encrypted on its way. */
export interface EncryptedInput extends Input {
  /** The blob that the same input became for the same recipients, as far as the journal knows; it may be gone. */
  stored?: SizedBlob | undefined;
  /** The blob is stored: nothing of the key stays in the journal. */
  settle(blob: SizedBlob): void;
}

/** While it runs, the journal has the header with its key; at the end what was stored. */
const recordSchema = v.object({
  header: bytesSchema,
  key: v.optional(v.object({ fileKey: bytesSchema, nonce: bytesSchema })),
  stored: v.optional(v.object({ digest: v.custom<Digest>(isDigest), size: v.number() })),
});

/**
 * Encrypts an input for recipients. The same file goes on with the key that an interrupted process used, so that what was
 * sent of it counts; other bytes get another key. A stream cannot go on: its key is not kept.
 *
 * @throws {ConflictError} if another process stores the same file there
 */
export async function encryptWhole(
  input: Input,
  encryptTo: Recipients,
  options: MemoryOptions,
): Promise<EncryptedInput> {
  const stateDirectory = input.identity && options.stateDirectory; // the next stream has other bytes
  const journal = await openKeyJournal(input, encryptTo, { ...options, stateDirectory });
  const last = lastRecord(journal, recordSchema);
  const kept = last && await isHeaderFor(last.header, encryptTo) ? last : undefined;
  const { header, nonce } = kept?.key
    ? { header: await AgeHeader.restore(kept.header, kept.key.fileKey), nonce: kept.key.nonce }
    : { header: await AgeHeader.make(encryptTo), nonce: newNonce() };
  const inJournal = header.bytes.toBase64();
  const key = { fileKey: header.exportFileKey().toBase64(), nonce: nonce.toBase64() };
  if (!kept?.key) journal.add({ header: inJournal, key });
  const threads = new CipherThreads();
  return {
    ...encrypted(input, { header, nonce }, kept?.key !== undefined),
    stored: kept?.stored,
    settle: (stored) => journal.replace({ header: inJournal, stored }),
    [Symbol.asyncDispose]: () => {
      threads[Symbol.dispose]();
      return Promise.resolve(journal[Symbol.dispose]());
    },
  };
}

function encrypted(input: Input, beginning: AgeBeginning, wasUsed: boolean): Input {
  const { size, identity } = input;
  const { header, nonce } = beginning;
  const encrypt = (chunk: InputChunk) => {
    const same = unchangedSource(chunk.source, input, wasUsed);
    return { ...chunk, source: encryptedSource(same, beginning) };
  };
  return {
    ...input,
    size: size === undefined ? undefined : encryptedSize(header, size),
    identity: identity && JSON.stringify([identity, digestOf(header.bytes), nonce.toHex()]),
    chunks: () => mapChunks(input.chunks(Math.max(1, size ?? Number.MAX_SAFE_INTEGER)), encrypt),
  };
}
