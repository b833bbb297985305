/** The image of a chunk, as somebody writes it who means harm. @module */
import { type Digest, digestOf } from "../../lib/oci/digest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST, OCTET_STREAM } from "../../lib/oci/media_types.ts";
import type { FakeRegistry } from "./fake_registry.ts";

/** The bytes of the chunk. */
export const TEN: Uint8Array<ArrayBuffer> = new TextEncoder().encode("0123456789");
/** A size that no disk has. */
export const HUGE = 9e15;
/** Terabytes, as a header says them. */
export const TERABYTES = "4398046511104";
/** The header of an answer in JSON. */
export const JSON_TYPE: Record<string, string> = { "content-type": "application/json" };
/** A value as the bytes of its JSON. */
export const encode = (value: unknown): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify(value));

/** Puts the image of a chunk in place, as somebody wrote it who means harm. */
export function plant(
  fake: FakeRegistry,
  { config = {}, manifest = {}, tag = "disk-1" }: {
    config?: unknown;
    manifest?: Record<string, unknown>;
    tag?: string;
  },
): Digest {
  const bytes = encode(config);
  const digest = fake.storage.addBlob("me/files", bytes);
  fake.storage.addBlob("me/files", TEN);
  const mediaType = IMAGE_MANIFEST.docker;
  const document = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: IMAGE_CONFIG.docker, digest, size: bytes.length },
    layers: [{ mediaType: OCTET_STREAM, digest: digestOf(TEN), size: TEN.length }],
    ...manifest,
  };
  return fake.storage.addManifest("me/files", { mediaType, bytes: encode(document) }, tag);
}

/** The layer of the chunk. */
export const LAYER = { mediaType: OCTET_STREAM, digest: digestOf(TEN), size: TEN.length };
/** What the config says of a good stash, or what is said in its place. */
export const note = (fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  layerstash: {
    version: 1,
    size: TEN.length,
    chunkSize: TEN.length,
    chunk: 1,
    chunks: 1,
    digests: [digestOf(TEN)],
    ...fields,
  },
});

/** What is not a digest that a stash may name. */
export const DIGESTS: readonly unknown[] = [
  "",
  "sha256:",
  "sha256:../../../../etc/passwd",
  `sha256:${"A".repeat(64)}`,
  `sha256:${"a".repeat(63)}`,
  `sha256:${"a".repeat(64)}\n`,
  `sha512:${"a".repeat(127)}`,
  `sha512:${"a".repeat(64)}`,
  `sha256:${"a".repeat(128)}`,
  `md5:${"a".repeat(32)}`,
  "a".repeat(64),
  7,
  null,
  { toString: "sha256" },
];
