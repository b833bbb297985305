/** Keys for tests of what is stored encrypted, and what somebody can do to it who has none. @module */
import { collect } from "../../lib/content/collect.ts";
import { bytesSource } from "../../lib/content/source.ts";
import {
  AgeHeader,
  encryptedSource,
  generateKey,
  Identities,
  newNonce,
  Recipients,
} from "../../lib/exports/encryption.ts";
import type { Digest } from "../../lib/oci/digest.ts";
import { chunkTag } from "../../lib/stash/chunk_tags.ts";
import { concatenate, type Workspace } from "./content.ts";
import type { FakeRegistry } from "./fake_registry.ts";

/** A key, and what is stored and read with it. */
export interface TestKey {
  /** The file of the secret key. */
  path: string;
  recipient: string;
  encryptTo: Recipients;
  identities: Identities;
}

/** Makes a key. */
export async function makeKey(work: Workspace, name = "key.txt"): Promise<TestKey> {
  const { identity, recipient } = await generateKey();
  const path = await work.write(name, `${identity}\n`);
  const [encryptTo, identities] = [await Recipients.of([recipient]), await Identities.inFiles([path])];
  return { path, recipient, encryptTo, identities };
}

/** Plain bytes as an age file that another program may have made. */
export async function ageFileOf(
  plain: Uint8Array<ArrayBuffer>,
  encryptTo: Recipients,
): Promise<Uint8Array<ArrayBuffer>> {
  const header = await AgeHeader.make(encryptTo);
  const source = encryptedSource(bytesSource(plain), { header, nonce: newNonce() });
  return await collect(source.open(), source.size!);
}

/** A passphrase that is tried in no time. */
export function makePassphrase(passphrase: string): Pick<TestKey, "encryptTo" | "identities"> {
  return {
    encryptTo: Recipients.withPassphrase(passphrase, 1),
    identities: Identities.withPassphrase(passphrase),
  };
}

/** What the config of a chunk says of a stash, as far as tests change it. */
export interface TestNote {
  size: number;
  chunkSize: number;
  chunk: number;
  chunks: number;
  digests?: Digest[];
  encryption: { details?: string };
}

/** The bytes of a stored blob. */
export function blobOf({ storage }: FakeRegistry, digest: string): Uint8Array<ArrayBuffer> {
  return concatenate(storage.blob("me/files", digest)!.pieces!);
}

const parse = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));

/** What the config of a chunk says. */
export function noteOf(fake: FakeRegistry, tag: string): TestNote {
  const { bytes } = fake.storage.manifest("me/files", tag)!.manifest;
  return parse(blobOf(fake, parse(bytes).config.digest)).layerstash;
}

/**
 * Replaces the chunks of a stash as its registry can: with blobs that it has, all manifests, configs and lists changed so that
 * they fit.
 */
export function replaceChunks(
  fake: FakeRegistry,
  baseTag: string,
  { chunks, note: change = {} }: { chunks: readonly Digest[]; note?: Partial<TestNote> },
): void {
  const old = noteOf(fake, chunkTag(baseTag, 1));
  const last = noteOf(fake, chunkTag(baseTag, old.chunks));
  const sizeOf = (digest: Digest) => fake.storage.blob("me/files", digest)!.size;
  const size = chunks.reduce((sum, digest) => sum + sizeOf(digest), 0);
  for (const [index, digest] of chunks.entries()) {
    const [number, tag] = [index + 1, chunkTag(baseTag, index + 1)];
    const { mediaType, bytes } =
      fake.storage.manifest("me/files", chunkTag(baseTag, Math.min(number, old.chunks)))!.manifest;
    const manifest = parse(bytes);
    const config = parse(blobOf(fake, manifest.config.digest));
    const isLast = number === chunks.length;
    const { digests: _, ...note } = config.layerstash;
    config.layerstash = {
      ...note,
      size,
      chunk: number,
      chunks: chunks.length,
      ...(isLast && { digests: chunks }),
      encryption: isLast ? last.encryption : { format: "age" },
      ...change,
    };
    config.rootfs.diff_ids = [digest];
    const text = new TextEncoder().encode(JSON.stringify(config));
    manifest.config = {
      ...manifest.config,
      digest: fake.storage.addBlob("me/files", text),
      size: text.length,
    };
    manifest.layers = [{ mediaType: "application/octet-stream", digest, size: sizeOf(digest) }];
    fake.storage.addManifest("me/files", {
      mediaType,
      bytes: new TextEncoder().encode(JSON.stringify(manifest)),
    }, tag);
  }
}

/** Makes a registry give other bytes under the digest of a blob. */
export function giveInstead(fake: FakeRegistry, digest: Digest, bytes: Uint8Array): void {
  fake.storage.blobs.set(digest, { size: bytes.length, pieces: [bytes] });
}

/** Bytes with one bit flipped. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  copy[at]! ^= 1;
  return copy;
}
