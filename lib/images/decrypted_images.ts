/** A store in which encrypted images seem to be plain ones: whoever reads it need not know that they are encrypted. @module */
import { verified } from "../content/byte_stream.ts";
import type { Bytes, ByteStream } from "../content/bytes.ts";
import { type ByteRange, bytesSource } from "../content/source.ts";
import { AgeFile, decryptBytes, type HeaderOpener, headerOpener } from "../encryption/age_file.ts";
import type { Identities } from "../encryption/identities.ts";
import { MismatchError } from "../errors.ts";
import { withoutProgress } from "../events.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { isIndex } from "../oci/image_index.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { withCalls } from "../store/replaced_calls.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { pull } from "../transfer/pull.ts";
import { receiveSmall } from "../transfer/receive.ts";
import {
  encryptedBlobs,
  type EncryptedLayer,
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

/** A plain blob of an encrypted image. */
interface PlainBlob {
  size: number;
  /** The age file that holds it; absent = the description does. */
  stored?: SizedBlob;
  open(range: ByteRange, options: CallOptions): ByteStream;
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
  const calls: Partial<StoreReader> = {
    manifest: (reference, options) => images.manifest(reference, options),
    async stat(digest, options) {
      const { size, stored } = images.blob(digest) ?? {};
      if (size === undefined) return await store.stat(digest, options);
      const found = stored && await store.stat(stored.digest, { ...options, size: stored.size });
      return stored ? found && found - stored.size + size : size;
    },
    async read(digest, options = {}) {
      const blob = images.blob(digest);
      if (!blob) return await store.read(digest, options);
      return verified(blob.open({ start: 0, end: blob.size }, options), digest);
    },
    async readUnverified(digest, options = {}) {
      const blob = images.blob(digest);
      if (!blob) return await store.readUnverified(digest, options);
      return blob.open(options.range ?? { start: 0, end: blob.size }, options);
    },
    prove: async (digest) => images.blob(digest) ? undefined : await store.prove?.(digest), // its file is another one
  };
  return withCalls<S>(store, calls as Partial<S>);
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
      this.#blobs.set(digest, await plainLayer(this.#store, { size, stored: layers[index]! }, openHeader));
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

/** A layer, by its age file. Nothing is read yet. */
async function plainLayer(
  store: StoreReader,
  { size, stored }: { size: number; stored: EncryptedLayer },
  openHeader: HeaderOpener,
): Promise<PlainBlob> {
  const { digest, size: storedSize, nonce } = stored;
  const file = AgeFile.ofKnown({ header: await openHeader(stored.header), nonce, size });
  const open = ({ start, end }: ByteRange, { signal, onEvent = store.onEvent }: CallOptions) => {
    const quiet = withoutProgress(onEvent); // whoever takes the plain bytes counts these
    const read = (range: ByteRange): AsyncIterable<Bytes> => {
      const orWhole = range.start === 0 && range.end === storedSize; // a refusal of ranges tells others to ask for that
      return pull(store, { digest, size: storedSize, range, orWhole, signal, onEvent: quiet });
    };
    return file.open(start, end, read);
  };
  return { size, stored, open };
}
