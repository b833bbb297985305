/** A file that becomes an encrypted blob: its key, which a journal keeps until the blob is stored. @module */
import * as v from "valibot";
import type { Bytes } from "../content/bytes.ts";
import { AgeHeader, isHeaderFor, newNonce } from "../encryption/age_header.ts";
import { type AgeBeginning, encryptedSize, encryptedSource } from "../encryption/encrypted_source.ts";
import type { Recipients } from "../encryption/recipients.ts";
import { type Input, type InputChunk, mapChunks } from "../files/input.ts";
import { openJournal } from "../files/journal.ts";
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

const bytes = v.pipe(v.string(), v.base64(), v.transform((text) => Uint8Array.fromBase64(text)));
/** While it runs, the journal has the header with its key; at the end what was stored. */
const recordSchema = v.object({
  header: bytes,
  key: v.optional(v.object({ fileKey: bytes, nonce: bytes })),
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
  { store, name, stateDirectory, onEvent }: MemoryOptions,
): Promise<EncryptedInput> {
  const { identity } = input;
  const journal = await openJournal({
    directory: identity && stateDirectory,
    name: `encrypted upload of ${name} to ${store.name}`,
    where: store.url,
    subject: JSON.stringify([identity, encryptTo.id]),
    onEvent,
  });
  const kept = await lastOf(journal.earlier, encryptTo);
  const { header, nonce } = kept?.key
    ? { header: await AgeHeader.restore(kept.header, kept.key.fileKey), nonce: kept.key.nonce }
    : { header: await AgeHeader.make(encryptTo), nonce: newNonce() };
  const inJournal = header.bytes.toBase64();
  const key = { fileKey: header.exportFileKey().toBase64(), nonce: nonce.toBase64() };
  if (!kept?.key) journal.add({ header: inJournal, key });
  return {
    ...encrypted(input, { header, nonce }, kept?.key !== undefined),
    stored: kept?.stored,
    settle: (stored) => journal.replace({ header: inJournal, stored }),
    [Symbol.asyncDispose]: () => Promise.resolve(journal[Symbol.dispose]()),
  };
}

/** The newest record that is of these recipients. */
async function lastOf(
  earlier: readonly unknown[],
  encryptTo: Recipients,
): Promise<v.InferOutput<typeof recordSchema> | undefined> {
  for (const record of earlier.toReversed()) {
    const { success, output } = v.safeParse(recordSchema, record);
    if (success) return await isHeaderFor(output.header as Bytes, encryptTo) ? output : undefined;
  }
  return undefined;
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
