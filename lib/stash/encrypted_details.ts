/** What an encrypted stash keeps secret beside the bytes: name, date, size and digests of the file. @module */
import * as v from "valibot";
import type { Bytes } from "../content/bytes.ts";
import { collect } from "../content/collect.ts";
import { bytesSource } from "../content/source.ts";
import { decryptBytes, headerOpener } from "../encryption/age_file.ts";
import { headerSize, keyKindOf } from "../encryption/header_text.ts";
import type { Identities, KeyKind } from "../encryption/identities.ts";
import { encryptedSource } from "../encryption/encrypted_source.ts";
import { MismatchError } from "../errors.ts";
import { bytesSchema } from "../files/key_journal.ts";
import { type Digest, digestOf, encodedPart, isDigest } from "../oci/digest.ts";
import { parseAs } from "../oci/manifest.ts";
import type { StashEncryption } from "./stash.ts";
import { PLACE_SIZE, StashKey } from "./stash_key.ts";

/** What the details say. */
export interface EncryptedDetails {
  /** The name of the file; absent where a stream was stored. */
  name?: string | undefined;
  /** When it was last changed, or a stream was stored, as an ISO 8601 date. */
  modified: string;
  /** The size of the file, in bytes. */
  size: number;
  /** How much of the file a chunk holds, in bytes; the last one may hold less. */
  chunkSize: number;
  /** The digests of the file's bytes in each chunk, in order. */
  digests: Digest[];
  /** Marks of the public keys that the header is for, as far as they are known. */
  recipients?: string[] | undefined;
  /** The places of chunks in their nonces, by number, where these are not the numbers themselves. */
  places?: Record<number, Bytes> | undefined;
  /** The digest of the list of stored chunks: none of them can be dropped, repeated or moved. */
  stored: Digest;
}

/** The digests are one text of 64 digits each: there may be 100,000. */
const detailsSchema: v.GenericSchema<unknown, EncryptedDetails> = v.object({
  name: v.optional(v.string()),
  modified: v.pipe(v.string(), v.isoTimestamp()),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  chunkSize: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  digests: v.pipe(
    v.string(),
    v.check((text) => /^[0-9a-f]*$/.test(text) && text.length % 64 === 0, "are not sha256 digests"),
    v.transform((text) => Array.from(text.matchAll(/.{64}/g), ([each]): Digest => `sha256:${each}`)),
  ),
  recipients: v.optional(v.array(v.string())),
  places: v.optional(v.record(
    v.pipe(v.string(), v.digits()),
    v.pipe(bytesSchema, v.check(({ length }) => length === PLACE_SIZE, "is not the place of a chunk")),
  )),
  stored: v.custom<Digest>(isDigest, "is not a digest"),
});

/** The digest of a list of stored chunks. */
export function digestOfList(chunks: readonly { digest: Digest }[]): Digest {
  return digestOf(new TextEncoder().encode(chunks.map(({ digest }) => digest).join("\n")));
}

/** Encrypts details into a file of age, in base64. The same ones give the same text. */
export async function encryptDetails(details: EncryptedDetails, stash: StashKey): Promise<string> {
  const digests = details.digests.map(encodedPart).join("");
  const places = details.places && mapValues(details.places, (place) => place.toBase64());
  const text = new TextEncoder().encode(JSON.stringify({ ...details, digests, places }));
  const encrypted = encryptedSource(bytesSource(text), stash.ofDetails(text));
  return (await collect(encrypted.open(), encrypted.size!)).toBase64();
}

function mapValues<A, B>(record: Record<number, A>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

/** What opens an encrypted stash, as far as its details tell. */
export function opensWith({ details }: StashEncryption): KeyKind {
  return keyKindOf(Uint8Array.fromBase64(details?.().slice(0, 64) ?? ""));
}

/** The header of all chunks, which the details have too. */
export function headerOfDetails(encoded: string): Bytes {
  const bytes = Uint8Array.fromBase64(encoded);
  const size = headerSize(bytes);
  if (size === undefined) throw new MismatchError("the encrypted description of the file ends too early");
  return bytes.slice(0, size);
}

/**
 * Decrypts the details of a stash.
 *
 * @returns them, and the key of the stash
 * @throws {NotAllowedError} if they are not encrypted for any of the identities
 * @throws {MismatchError} if they are damaged
 */
export async function decryptDetails(
  encoded: string,
  identities: Identities,
): Promise<{ details: EncryptedDetails; key: StashKey }> {
  const { header, plain } = await decryptBytes(Uint8Array.fromBase64(encoded), headerOpener(identities));
  return {
    details: parseAs(detailsSchema, plain, "encrypted description of the file"),
    key: new StashKey(header),
  };
}
