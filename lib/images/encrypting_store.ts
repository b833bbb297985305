/** A store that encrypts images on their way in: whoever writes to it need not know that they are encrypted. @module */
import type { Bytes, ByteStream } from "../content/bytes.ts";
import { collect } from "../content/collect.ts";
import { bytesSource, type Source } from "../content/source.ts";
import { type HeaderOpener, headerOpener } from "../encryption/age_file.ts";
import { type AgeHeader, newNonce } from "../encryption/age_header.ts";
import { EncryptedAnew } from "../encryption/encrypted_anew.ts";
import { encryptedSource } from "../encryption/encrypted_source.ts";
import type { Identities } from "../encryption/identities.ts";
import { ConflictError, InvalidInputError, NotAllowedError } from "../errors.ts";
import { withoutProgress } from "../events.ts";
import { artifactManifest, EMPTY_CONFIG } from "../oci/artifact_manifest.ts";
import type { Descriptor, SizedBlob } from "../oci/descriptor.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { ENCRYPTED_IMAGE, OCTET_STREAM } from "../oci/media_types.ts";
import { withCalls } from "../store/replaced_calls.ts";
import type {
  BlobState,
  CallOptions,
  ReadOptions,
  ReuseOptions,
  Store,
  WriteOptions,
} from "../store/store.ts";
import { decryptDescription } from "./decrypted_images.ts";
import {
  encodeDescription,
  encryptedBlobs,
  type EncryptedLayer,
  type ImageDescription,
  isEncryptedImage,
  readDescription,
} from "./encrypted_image.ts";

/** What was encrypted for the same recipients before. */
export interface EncryptedMemory {
  /** The header of what is encrypted now. */
  header(): Promise<AgeHeader>;
  /** The age file of a layer, by its plain digest. The store may have lost it. */
  layerOf(plain: Digest): EncryptedLayer | undefined;
  /** Remembers a layer that is stored. */
  keepLayer(plain: Digest, layer: EncryptedLayer): void;
  /** The description of an image, by the digest of the manifest that is stored. */
  descriptionOf(stored: Digest): Bytes | undefined;
  /** Remembers the description of an image whose manifest is about to be stored. */
  keepDescription(stored: Digest, description: Bytes): void;
}

/** What encrypts, and with what an image that is stored already is compared. */
export interface ImageEncryptionOptions {
  /** The tag that gets the image. An image that it holds is compared. */
  tag: string;
  memory: EncryptedMemory;
  /** Keys that open an image, to compare it; absent = only what the memory knows is compared. */
  identities?: Identities | undefined;
}

/** An image that the tag holds, and what is encrypted in it. */
interface HeldImage {
  stored: Manifest;
  /** The digest of its plain manifest. */
  plain: Digest;
  /** The age files of its layers, by their plain digests. */
  layers: ReadonlyMap<Digest, EncryptedLayer>;
  /** Whether the memory knows it: then it is for the same recipients. */
  isKnown: boolean;
}

/** Blobs up to this size, in bytes, are kept for the description: configs are so small. Layers have no size before they are made. */
const MOST_KEPT = 4 * 1024 * 1024;

/**
 * A store as whoever stores plain images sees it. Layers become age files, under plain digests that are known here alone; a config
 * becomes a part of the description. An image that is there already has its plain manifest, if the memory knows it or the identities
 * open it; else it is as it is stored.
 *
 * **No nonce serves twice.** Each layer gets a random one whenever it is written, also where a connection breaks and the bytes are
 * made again: files may have changed meanwhile. So what was sent of a layer does not count when another process goes on.
 */
export class ImageEncryption {
  readonly #store: Store;
  readonly #tag: string;
  readonly #memory: EncryptedMemory;
  readonly #openHeader: HeaderOpener | undefined;
  /** Configs, by their digests. */
  readonly #small = new Map<Digest, Bytes>();
  #held: HeldImage | undefined;
  /** The age files that are there for the image, and for its recipients, by the plain digests of its layers. */
  readonly #layers = new Map<Digest, EncryptedLayer>();
  readonly #storedAs = new Map<Digest, Digest>();

  /** Reads and writes nothing yet. */
  constructor(store: Store, { tag, memory, identities }: ImageEncryptionOptions) {
    [this.#store, this.#tag, this.#memory] = [store, tag, memory];
    this.#openHeader = identities && headerOpener(identities);
  }

  /** The store that encrypts. */
  get store(): Store {
    return withCalls(this.#store, {
      manifest: (reference, options) => this.#manifest(reference, options),
      readUnverified: (digest, options) => this.#readUnverified(digest, options),
      write: (source, options) => this.#write(source, options),
      reuse: (blob, options) => this.#reuse(blob, options),
      mount: () => Promise.resolve(false),
      putManifest: (reference, manifest, options) => this.#putManifest(reference, manifest, options),
    });
  }

  /** The digest under which an image is stored that was read or put here; `undefined` = it was not. */
  storedAs({ digest }: Manifest): Digest | undefined {
    return this.#storedAs.get(digest);
  }

  /** The age file of a layer that was found or sent. */
  ageFileOf({ digest }: SizedBlob): SizedBlob | undefined {
    return this.#layers.get(digest) ?? this.#held?.layers.get(digest);
  }

  /**
   * Whether the tag holds an image of which something was lost. It is put again then: an age file that takes the place of a lost
   * one has another digest, although the image is the same.
   */
  async isDamaged({ digest }: Manifest, options: CallOptions = {}): Promise<boolean> {
    const held = this.#held;
    if (!held?.isKnown || held.plain !== digest) return false;
    for (const [plain, layer] of held.layers) {
      if (this.#layers.get(plain)?.digest !== layer.digest) return true;
    }
    const { description } = encryptedBlobs(held.stored);
    return await this.#store.reuse(description, { ...options, held: true }) !== "present";
  }

  async #manifest(reference: string, options: CallOptions = {}): Promise<Manifest | undefined> {
    const stored = await this.#store.manifest(reference, options);
    if (!stored || reference !== this.#tag || !isEncryptedImage(stored)) return stored;
    const known = this.#memory.descriptionOf(stored.digest);
    const description = known ? readDescription(stored, known) : await this.#decrypt(stored, options);
    if (!description) return stored;
    const { manifest, config, layers } = description;
    const listed = readImageManifest(manifest);
    this.#held = {
      stored,
      plain: manifest.digest,
      layers: new Map(listed.layers.map(({ digest }, index) => [digest, layers[index]!])),
      isKnown: known !== undefined,
    };
    this.#small.set(listed.config.digest, config);
    this.#storedAs.set(manifest.digest, stored.digest);
    return { ...manifest, storedAs: stored.digest };
  }

  /** Opens an image with the keys; `undefined` = they do not open it, and it cannot be compared. */
  async #decrypt(stored: Manifest, options: CallOptions): Promise<ImageDescription | undefined> {
    const openHeader = this.#openHeader;
    return openHeader &&
      await decryptDescription(this.#store, stored, { ...options, openHeader }).catch((error) => {
        if (!(error instanceof NotAllowedError && error.isLasting)) throw error;
        return undefined;
      });
  }

  async #readUnverified(digest: Digest, options: ReadOptions = {}): Promise<ByteStream> {
    const bytes = this.#small.get(digest);
    if (!bytes) return await this.#store.readUnverified(digest, options);
    return bytesSource(bytes).open(options.range?.start, options.range?.end);
  }

  async #write(
    source: Source,
    { checkpoint: _, checkFirst: __, ...options }: WriteOptions = {},
  ): Promise<Descriptor> {
    if (source.size !== undefined && source.size <= MOST_KEPT) {
      const bytes = await collect(source.open(), source.size);
      this.#small.set(digestOf(bytes), bytes);
      return { mediaType: OCTET_STREAM, digest: digestOf(bytes), size: bytes.length };
    }
    const header = await this.#memory.header();
    const encrypted = new EncryptedAnew(source, header);
    const { digest, size } = await this.#store.write(encrypted, options);
    const { nonce, plainSize } = encrypted.reading;
    const plain = { digest: await source.digest(), size: plainSize };
    const layer = { digest, size, header: header.bytes, nonce };
    this.#memory.keepLayer(plain.digest, layer);
    this.#layers.set(plain.digest, layer);
    return { mediaType: OCTET_STREAM, ...plain };
  }

  /** Looks for the age file of a layer: the one that the tag holds, or else the last one that was sent. */
  async #reuse({ digest }: SizedBlob, options?: ReuseOptions): Promise<BlobState> {
    const held = this.#held?.layers.get(digest);
    if (held && await this.#store.reuse(held, options) === "present") {
      if (this.#held!.isKnown) this.#layers.set(digest, held);
      return "present";
    }
    if (held && !this.#held!.isKnown) throw lostForOthers(this.#tag);
    const sent = this.#memory.layerOf(digest);
    if (!sent || sent.digest === held?.digest) return "absent";
    const state = await this.#store.reuse(sent, { ...options, held: false });
    if (state === "present") this.#layers.set(digest, sent);
    return state;
  }

  async #putManifest(reference: string, manifest: Manifest, options: CallOptions = {}): Promise<void> {
    const { config, layers } = readImageManifest(manifest);
    const description = {
      manifest,
      config: kept(this.#small.get(config.digest), config),
      layers: layers.map((layer) => kept(this.#layers.get(layer.digest), layer)),
    };
    const stored = await this.#putDescription(description, options);
    await this.#store.putManifest(reference, stored, options);
    this.#storedAs.set(manifest.digest, stored.digest);
  }

  /** Stores the description of an image. Returns the manifest that is to be stored. */
  async #putDescription(description: ImageDescription, options: CallOptions): Promise<Manifest> {
    const bytes = encodeDescription(description);
    const { signal, onEvent = this.#store.onEvent } = options;
    const quiet = { signal, onEvent: withoutProgress(onEvent) };
    const beginning = { header: await this.#memory.header(), nonce: newNonce() };
    const [first] = await Promise.all([
      this.#store.write(encryptedSource(bytesSource(bytes), beginning), {
        what: "the description",
        ...quiet,
      }),
      this.#store.write(bytesSource(EMPTY_CONFIG), { what: "the empty config", ...quiet }),
    ]);
    const manifest = artifactManifest(ENCRYPTED_IMAGE, [first, ...description.layers]);
    this.#memory.keepDescription(manifest.digest, bytes);
    return manifest;
  }
}

/** A layer that was lost would be encrypted for those who are named now, and the others stay for nobody knows whom. */
function lostForOthers(tag: string): ConflictError {
  return new ConflictError(
    `${tag} has lost a layer, and for whom its other layers are encrypted is not known here`,
    { hint: "--overwrite encrypts all of it anew, for those who are named now" },
  );
}

function kept<T>(found: T | undefined, { digest }: SizedBlob): T {
  if (found !== undefined) return found;
  throw new InvalidInputError(`the blob ${digest} was not encrypted here`);
}
