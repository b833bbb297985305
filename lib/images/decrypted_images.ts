/** A store in which encrypted images seem to be plain ones: whoever reads it need not know that they are encrypted. @module */
import { type ByteRange, bytesSource } from "../content/source.ts";
import { decryptBytes, type HeaderOpener, headerOpener } from "../encryption/age_file.ts";
import type { Identities } from "../encryption/identities.ts";
import { MismatchError } from "../errors.ts";
import { withoutProgress } from "../events.ts";
import type { Digest } from "../oci/digest.ts";
import { isIndex } from "../oci/image_index.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { withCalls } from "../store/replaced_calls.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { type PlainBlob, plainBlob, withPlainBlobs } from "../transfer/plain_blobs.ts";
import { receiveSmall } from "../transfer/receive.ts";
import {
  encryptedBlobs,
  type ImageDescription,
  isEncryptedImage,
  MOST_OF_DESCRIPTION,
  readDescription,
} from "./encrypted_image.ts";

/** What opens encrypted images. */
export interface DecryptedImagesOptions {
  /** The keys; absent = the store is seen as it is. */
  identities?: Identities | undefined;
  /** Reports no image for which no key was needed: several things are looked at, and nobody said that this one is encrypted. */
  quiet?: boolean | undefined;
}

/**
 * The store as whoever has the keys sees it. The manifest of an encrypted image is that of the image as it was, and its blobs are
 * read by their plain digests: each record is authenticated before a byte of it is given out. Everything else is as it is. The
 * plain manifest says under which digest it is stored.
 *
 * @throws {NotAllowedError} by `manifest`, if an image is encrypted for none of the identities
 * @throws {MismatchError} by `manifest`, if the description of an image is damaged, or is that of other layers
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { generateKey, Identities, Recipients } from "@layerstash/cli/encryption";
 * import { uploadFolder } from "@layerstash/cli/folders";
 * import { decryptedImages, findImage, ImageFiles } from "@layerstash/cli/images";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.mkdir(`${directory}/site`);
 * await Deno.writeTextFile(`${directory}/site/index.html`, "<h1>Hello</h1>");
 * const { identity, recipient } = await generateKey();
 * await Deno.writeTextFile(`${directory}/key.txt`, identity);
 *
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * const encryptTo = await Recipients.of([recipient]);
 * await uploadFolder(store, "site", { directory: `${directory}/site`, encryptTo });
 *
 * const plain = decryptedImages(store, { identities: await Identities.inFiles([`${directory}/key.txt`]) });
 * const { layers } = await findImage(plain, "site");
 * const tree = await new ImageFiles(plain, layers).merged();
 * if (!tree.find("index.html")) throw new Error("it is not there");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export function decryptedImages<S extends StoreReader>(
  store: S,
  { identities, quiet }: DecryptedImagesOptions,
): S {
  if (!identities) return store;
  const images = new DecryptedImages(store, { identities, quiet });
  const reader = withPlainBlobs(store, (digest) => images.blob(digest));
  const manifest: StoreReader["manifest"] = (reference, options) => images.manifest(reference, options);
  return withCalls<S>(reader, { manifest } as Partial<S>);
}

/** The encrypted images of a store that were opened, and their blobs. */
class DecryptedImages {
  readonly #store: StoreReader;
  readonly #quiet: boolean;
  readonly #openHeader: HeaderOpener;
  readonly #opened = new Map<Digest, Promise<Manifest>>();
  readonly #blobs = new Map<Digest, PlainBlob>();

  constructor(
    store: StoreReader,
    { identities, quiet = false }: DecryptedImagesOptions & { identities: Identities },
  ) {
    [this.#store, this.#quiet] = [store, quiet];
    this.#openHeader = headerOpener(identities);
  }

  /** A blob of an image that was opened, by its plain digest; `undefined` = it is another one. */
  blob(digest: Digest): PlainBlob | undefined {
    return this.#blobs.get(digest);
  }

  /** A manifest, as it was before it was encrypted. */
  async manifest(reference: string, options: CallOptions = {}): Promise<Manifest | undefined> {
    const stored = await this.#store.manifest(reference, options);
    if (stored && isEncryptedImage(stored)) return await this.#open(stored, options);
    if (stored && !this.#quiet && !isIndex(stored)) {
      const { onEvent = this.#store.onEvent } = options;
      onEvent?.({ type: "notice", message: `${reference} is not encrypted: no key was needed` });
    }
    return stored;
  }

  /** Opens an image, once. */
  #open(stored: Manifest, options: CallOptions): Promise<Manifest> {
    const { digest } = stored;
    const known = this.#opened.get(digest);
    if (known) return known;
    const opened = this.#openAnew(stored, options);
    this.#opened.set(digest, opened);
    opened.catch(() => this.#opened.delete(digest));
    return opened;
  }

  async #openAnew(stored: Manifest, options: CallOptions): Promise<Manifest> {
    const openHeader = this.#openHeader;
    const description = await decryptDescription(this.#store, stored, { ...options, openHeader });
    const { manifest, config, layers } = description;
    const listed = readImageManifest(manifest);
    for (const [index, { digest, size }] of listed.layers.entries()) {
      const { nonce, ...stored } = layers[index]!;
      const header = await openHeader(stored.header);
      this.#blobs.set(digest, plainBlob(this.#store, stored, { header, nonce, size }));
    }
    const open = ({ start, end }: ByteRange) => bytesSource(config).open(start, end);
    this.#blobs.set(listed.config.digest, { size: config.length, open });
    return { ...manifest, storedAs: stored.digest, storedLayers: layers };
  }
}

/**
 * Reads the description of an encrypted image.
 *
 * @throws {NotAllowedError} if it is encrypted for none of the identities
 * @throws {MismatchError} if it is damaged, or that of other layers
 */
export async function decryptDescription(
  store: StoreReader,
  stored: Manifest,
  { openHeader, ...call }: CallOptions & { openHeader: HeaderOpener },
): Promise<ImageDescription> {
  const { description: blob } = encryptedBlobs(stored);
  if (blob.size > MOST_OF_DESCRIPTION) {
    throw new MismatchError(`the description of the encrypted image has ${blob.size} bytes, too many`);
  }
  const { onEvent = store.onEvent, signal } = call;
  const bytes = await receiveSmall(store, blob, { onEvent: withoutProgress(onEvent), signal });
  const { plain } = await decryptBytes(bytes, openHeader);
  return readDescription(stored, plain);
}
