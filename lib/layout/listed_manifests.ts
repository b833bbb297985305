/** Reads the manifests that an index lists, in a directory or an archive (OCI image spec, image-layout.md). @module */
import type { Bytes } from "../content/bytes.ts";
import { MismatchError, NotFoundError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { type Descriptor, distinct } from "../oci/descriptor.ts";
import { type Digest, isDigest, parseDigest } from "../oci/digest.ts";
import { declaredMediaType, type Manifest } from "../oci/manifest.ts";
import { IMAGE_MANIFEST } from "../oci/media_types.ts";
import { parseLayoutReference } from "../oci/reference.ts";
import { fallbackReferrers, subjectOf } from "../store/referrers.ts";
import type { CallOptions, ManifestReader, ReferrersOptions, TagsOptions } from "../store/store.ts";
import {
  entriesNamed,
  entriesNamedShort,
  namelessImages,
  requireOneImage,
  uniqueNames,
} from "./entry_names.ts";
import type { IndexEntry } from "./index_entry.ts";
import { indexItself, indexOfSet, isPlatformSet } from "./platform_set.ts";

/** Where the entries of an index and the bytes of manifests come from. */
export interface ListedSource {
  /** The entries as they are now. Of an archive they may take a while. */
  entries(signal?: AbortSignal): Promise<readonly IndexEntry[]>;
  /** The bytes of a manifest, checked; `undefined` = absent. */
  manifest(digest: Digest): Promise<Bytes | undefined>;
  /** Whether an image with the name `docker.io/library/app:1` is also found as `app:1`. */
  shortNames?: boolean;
  /** The bytes of the index; absent where nobody has written one. Fails if it is too large for a manifest. */
  index?(): Promise<Bytes | undefined>;
}

/** What it is called in messages, its full address, and who receives its events. */
export interface ListedOptions {
  name: string;
  url: string;
  onEvent?: OnEvent | undefined;
}

/** The manifests that an index lists, by tag, full name or digest. */
export class ListedManifests implements ManifestReader {
  readonly name: string;
  readonly url: string;
  readonly onEvent: OnEvent | undefined;
  readonly #source: ListedSource;

  /** @param source where entries and manifests come from */
  constructor({ name, url, onEvent }: ListedOptions, source: ListedSource) {
    this.name = name;
    this.url = url;
    this.onEvent = onEvent;
    this.#source = source;
  }

  async manifest(
    reference: string,
    { signal, onEvent = this.onEvent }: CallOptions = {},
  ): Promise<Manifest | undefined> {
    signal?.throwIfAborted();
    const found = await this.#find(reference, signal);
    if (found && "bytes" in found) return found;
    const digest = found?.digest ?? (isDigest(reference) ? reference : undefined);
    if (!digest) return undefined;
    const bytes = await this.#source.manifest(digest);
    if (bytes === undefined) {
      return found ? await this.#readAgain(reference, found, onEvent) : await this.#setWithDigest(digest);
    }
    if (found && found.size !== bytes.length) {
      const message = `${this.name} says that ${digest} has ${found.size} bytes, but it has ${bytes.length}`;
      onEvent?.({ type: "notice", message });
    }
    return { mediaType: found?.mediaType ?? declaredMediaType(bytes) ?? IMAGE_MANIFEST.oci, digest, bytes };
  }

  async resolve(reference: string, { signal }: CallOptions = {}): Promise<Digest | undefined> {
    signal?.throwIfAborted();
    const found = await this.#find(reference, signal) ??
      (isDigest(reference) ? await this.#setWithDigest(reference) : undefined);
    return found?.digest;
  }

  async referrers(
    digest: Digest,
    { listed, ...options }: ReferrersOptions = {},
  ): Promise<Descriptor[]> {
    const list = await fallbackReferrers(this, parseDigest(digest), options);
    if (listed) return distinct(list);
    const found: Descriptor[] = [];
    for (
      const { digest: each, size, mediaType = IMAGE_MANIFEST.oci } of await this.#source.entries(
        options.signal,
      )
    ) {
      options.signal?.throwIfAborted();
      const bytes = await this.#source.manifest(each).catch(ifDamaged);
      if (bytes && subjectOf(bytes) === digest) found.push({ mediaType, digest: each, size });
    }
    return distinct([...found, ...list]);
  }

  async *tags({ signal }: TagsOptions = {}): AsyncGenerator<string> {
    signal?.throwIfAborted();
    yield* uniqueNames(await this.#source.entries(signal));
  }

  async untagged({ signal }: CallOptions = {}): Promise<Digest[]> {
    signal?.throwIfAborted();
    const entries = await this.#source.entries(signal);
    const whole = await this.#indexItself(entries);
    return whole ? [whole.digest] : namelessImages(entries);
  }

  /** The entry that has a name; or, if several are one image for several platforms, their index. */
  async #find(reference: string, signal?: AbortSignal): Promise<IndexEntry | Manifest | undefined> {
    const entries = await this.#source.entries(signal);
    const exact = entriesNamed(entries, reference);
    const named = exact.length === 0 && this.#source.shortNames
      ? entriesNamedShort(entries, reference)
      : exact;
    if (named.length === 0) parseLayoutReference(reference); // any other text may be the name of an entry
    requireOneImage(named, { reference, store: this.name });
    return isPlatformSet(named) ? indexOfSet(named) : named[0];
  }

  /** The index with a digest that the layout has not stored: that of all images, or of those with one tag. */
  async #setWithDigest(digest: Digest): Promise<Manifest | undefined> {
    const entries = await this.#source.entries();
    const tagged = Map.groupBy(entries.filter(({ tag }) => tag !== undefined), ({ tag }) => tag);
    const sets = [...tagged.values()].filter(isPlatformSet).map(indexOfSet);
    return [await this.#indexItself(entries), ...sets].find((set) => set?.digest === digest);
  }

  async #indexItself(entries: readonly IndexEntry[]): Promise<Manifest | undefined> {
    if (entries.length < 2 || entries.some(({ tag }) => tag !== undefined)) return undefined;
    const bytes = await this.#source.index?.().catch(ifDamaged);
    return bytes && indexItself(entries, bytes);
  }

  /** The file of a manifest that was replaced or removed meanwhile is gone, and that is not an error. */
  async #readAgain(
    reference: string,
    { digest }: IndexEntry,
    onEvent: OnEvent | undefined,
  ): Promise<Manifest | undefined> {
    if ((await this.#find(reference))?.digest !== digest) return await this.manifest(reference, { onEvent });
    throw new NotFoundError(`${this.name} lists the manifest ${digest}, but its file is missing`);
  }
}

/** What is damaged, or too large for a manifest, is passed over: it is not a referrer that could be read. */
function ifDamaged(error: unknown): undefined {
  if (!(error instanceof MismatchError)) throw error;
}
