/**
 * Encrypted images: images whose manifest, config and layers are stored encrypted, as folders are that were uploaded for
 * recipients.
 *
 * **What is stored** is a manifest in OCI's family with an artifact type of its own, the empty config, and blobs each of which is
 * an ordinary age file. The first is the description; each of the others is a layer of the image, in the same order: `age -d`
 * makes of it the layer as it was.
 *
 * **The description** has, as JSON, the manifest and the config of the image, and of each layer what its age file begins with (the
 * header and the nonce), its size and its digest. So nothing that the image says of itself stands outside: no name, no digest of
 * plain bytes, no count of files. The text is filled up to a multiple of some KiB, so that its size does not tell how long the
 * numbers in it are.
 *
 * **What binds the layers.** A description is authentic: its age file opens with the reader's key alone, and every byte of it is
 * authenticated. It names each layer by digest, size, header and nonce, and the manifest outside has to list just these, in this
 * order. Whoever can write to the repository, or runs it, could else
 *
 * - drop, repeat or exchange layers, or add one, to bring back an old state of some files beside the new state of others;
 * - list a layer of another folder that is encrypted for the same reader;
 * - answer a request for a range with records of another blob. Each record is opened with a key that follows from the header and
 *   the nonce in the description, at the place where it has to stand, so that it opens nowhere else. An age file on its own tells
 *   only that its records belong together.
 *
 * What nothing here prevents: that an older description, or that of another folder for the same reader, is put in the place of one,
 * as a whole; and that somebody encrypts a folder for the same recipients, because public keys are public. Against both, the digest
 * of the manifest can be pinned.
 *
 * **Keys.** All age files that one upload writes have one header, and so one file key; each has a random nonce of its own. Where an
 * upload goes on with layers of an earlier one, theirs have the header of that one.
 *
 * @module
 */
import * as v from "valibot";
import type { Bytes } from "../content/bytes.ts";
import { NONCE_SIZE } from "../encryption/age_header.ts";
import { encryptedSize } from "../encryption/encrypted_source.ts";
import { MismatchError } from "../errors.ts";
import { bytesSchema } from "../files/key_journal.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { type Digest, hasDigest, isDigest } from "../oci/digest.ts";
import { declaredMediaType, type Manifest, manifestOf, parseAs, readImageManifest } from "../oci/manifest.ts";
import { ENCRYPTED_IMAGE, IMAGE_MANIFEST } from "../oci/media_types.ts";

/** An age file that holds a layer: a blob, and what it begins with. */
export interface EncryptedLayer extends SizedBlob {
  header: Bytes;
  nonce: Bytes;
}

/** What a description says of an image. */
export interface ImageDescription {
  /** The manifest as it was before it was encrypted. */
  manifest: Manifest;
  /** The config. */
  config: Bytes;
  /** The age files of the layers, in order. */
  layers: readonly EncryptedLayer[];
}

/** The largest description that is read, in bytes. That of a hundred layers has some 100 KiB. */
export const MOST_OF_DESCRIPTION: number = 16 * 1024 * 1024;

/** What the size of a description is a multiple of, in bytes. */
const STEP = 4096;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const schema = v.object({
  version: v.literal(1, "is not 1, the only version known here: a newer layerstash may read it"),
  manifest: v.string(),
  config: v.string(),
  headers: v.array(bytesSchema),
  layers: v.array(v.object({
    digest: v.custom<Digest>(isDigest, "is not a digest"),
    size: count,
    header: count,
    nonce: v.pipe(bytesSchema, v.check(({ length }) => length === NONCE_SIZE, "is not a nonce")),
  })),
});

/** Whether a manifest is that of an encrypted image. */
export function isEncryptedImage({ mediaType, bytes }: Manifest): boolean {
  if (mediaType !== IMAGE_MANIFEST.oci) return false;
  try {
    return JSON.parse(new TextDecoder().decode(bytes))?.artifactType === ENCRYPTED_IMAGE;
  } catch {
    return false;
  }
}

/** The blobs of an encrypted image as its manifest lists them: the description, and the layers. */
export function encryptedBlobs(stored: Manifest): { description: SizedBlob; layers: readonly SizedBlob[] } {
  const [description, ...layers] = readImageManifest(stored).layers;
  if (description) return { description, layers };
  throw new MismatchError(`the manifest ${stored.digest} is that of an encrypted image, and lists no blob`);
}

/** A description as it is encrypted. */
export function encodeDescription({ manifest, config, layers }: ImageDescription): Bytes {
  const headers = [...new Set(layers.map(({ header }) => header.toBase64()))];
  const text = JSON.stringify({
    version: 1,
    manifest: new TextDecoder().decode(manifest.bytes),
    config: new TextDecoder().decode(config),
    headers,
    layers: layers.map(({ digest, size, header, nonce }) => ({
      digest,
      size,
      header: headers.indexOf(header.toBase64()),
      nonce: nonce.toBase64(),
    })),
  });
  const bytes = new TextEncoder().encode(text);
  const filled = new Uint8Array(Math.ceil(bytes.length / STEP) * STEP).fill(0x20);
  filled.set(bytes);
  return filled;
}

/**
 * Reads a description, and makes sure that the manifest that is stored lists what it describes.
 *
 * @throws {MismatchError} if the description is malformed, of an unknown version, or that of another manifest
 */
export function readDescription(stored: Manifest, bytes: Bytes): ImageDescription {
  const { manifest: text, config, headers, layers } = parseAs(
    schema,
    bytes,
    "description of the encrypted image",
  );
  const plain = new TextEncoder().encode(text);
  const description = {
    manifest: manifestOf(plain, declaredMediaType(plain) ?? IMAGE_MANIFEST.oci),
    config: new TextEncoder().encode(config),
    layers: layers.map(({ header, ...layer }) => ({ ...layer, header: headers[header] ?? new Uint8Array() })),
  };
  if (fits(description, encryptedBlobs(stored).layers)) return description;
  throw new MismatchError(
    "the layers are not those that were encrypted: some were dropped, moved or exchanged",
  );
}

/** Whether a description is of just these age files, and of an image that they have room for. */
function fits({ manifest, config, layers }: ImageDescription, stored: readonly SizedBlob[]): boolean {
  const plain = readImageManifest(manifest);
  return hasDigest(config, plain.config.digest) && plain.layers.length === layers.length &&
    stored.length === layers.length &&
    layers.every(({ digest, size, header }, index) =>
      digest === stored[index]!.digest && size === stored[index]!.size &&
      size === encryptedSize({ bytes: header }, plain.layers[index]!.size)
    );
}
