/** Reads the manifests that an index lists, in a directory or an archive (OCI image spec, image-layout.md). @module */
import { MismatchError, NotFoundError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { type Descriptor, distinct } from "../oci/descriptor.ts";
import { type Digest, isDigest, parseDigest } from "../oci/digest.ts";
import { declaredMediaType, type Manifest, manifestOf } from "../oci/manifest.ts";
import { IMAGE_MANIFEST } from "../oci/media_types.ts";
import { parseLayoutReference } from "../oci/reference.ts";
import { fallbackReferrers, subjectOf } from "../store/referrers.ts";
import type { CallOptions, ManifestReader, ReferrersOptions, TagsOptions } from "../store/store.ts";
import {
  entriesNamed,
  type IndexEntry,
  namelessImages,
  requireOneImage,
  uniqueNames,
} from "./index_entry.ts";

/** Where the entries of an index and the bytes of manifests come from. */
export interface ListedSource {
  /** The entries as they are now. */
  entries(): Promise<readonly IndexEntry[]>;
  /** The bytes of a manifest, checked; `undefined` = absent. */
  manifest(digest: Digest): Promise<Uint8Array<ArrayBuffer> | undefined>;
}

/** What it is called in messages, and who receives its events. */
export interface ListedOptions {
  name: string;
  onEvent?: OnEvent | undefined;
}

/** The manifests that an index lists, by tag, full name or digest. */
export class ListedManifests implements ManifestReader {
  readonly name: string;
  readonly onEvent: OnEvent | undefined;
  readonly #source: ListedSource;

  /** @param source where entries and manifests come from */
  constructor({ name, onEvent }: ListedOptions, source: ListedSource) {
    this.name = name;
    this.onEvent = onEvent;
    this.#source = source;
  }

  async manifest(
    reference: string,
    { signal, onEvent = this.onEvent }: CallOptions = {},
  ): Promise<Manifest | undefined> {
    signal?.throwIfAborted();
    const entry = await this.#entry(reference);
    const digest = entry?.digest ?? (isDigest(reference) ? reference : undefined);
    if (!digest) return undefined;
    const bytes = await this.#source.manifest(digest);
    if (bytes === undefined) return await this.#unlessMissing(reference, entry, onEvent);
    if (entry && entry.size !== bytes.length) {
      const message = `${this.name} says that ${digest} has ${entry.size} bytes, but it has ${bytes.length}`;
      onEvent?.({ type: "notice", message });
    }
    return manifestOf(bytes, entry?.mediaType ?? declaredMediaType(bytes) ?? IMAGE_MANIFEST.oci);
  }

  async resolve(reference: string, { signal }: CallOptions = {}): Promise<Digest | undefined> {
    signal?.throwIfAborted();
    return (await this.#entry(reference))?.digest;
  }

  async referrers(
    digest: Digest,
    { listed, ...options }: ReferrersOptions = {},
  ): Promise<Descriptor[]> {
    const list = await fallbackReferrers(this, parseDigest(digest), options);
    if (listed) return distinct(list);
    const found: Descriptor[] = [];
    for (const { digest: each, size, mediaType = IMAGE_MANIFEST.oci } of await this.#source.entries()) {
      options.signal?.throwIfAborted();
      const bytes = await this.#source.manifest(each).catch(ifDamaged);
      if (bytes && subjectOf(bytes) === digest) found.push({ mediaType, digest: each, size });
    }
    return distinct([...found, ...list]);
  }

  async *tags({ signal }: TagsOptions = {}): AsyncGenerator<string> {
    signal?.throwIfAborted();
    yield* uniqueNames(await this.#source.entries());
  }

  async untagged({ signal }: CallOptions = {}): Promise<Digest[]> {
    signal?.throwIfAborted();
    return namelessImages(await this.#source.entries());
  }

  async #entry(reference: string): Promise<IndexEntry | undefined> {
    const named = entriesNamed(await this.#source.entries(), reference);
    if (named.length === 0) parseLayoutReference(reference); // any other text may be the name of an entry
    requireOneImage(named, { reference, store: this.name });
    return named[0];
  }

  /** The file of a manifest that was replaced or removed meanwhile is gone, and that is not an error. */
  async #unlessMissing(
    reference: string,
    entry: IndexEntry | undefined,
    onEvent: OnEvent | undefined,
  ): Promise<Manifest | undefined> {
    if (!entry) return undefined;
    const { digest } = await this.#entry(reference) ?? {};
    if (digest !== entry.digest) return await this.manifest(reference, { onEvent });
    throw new NotFoundError(`${this.name} lists the manifest ${entry.digest}, but its file is missing`);
  }
}

/** What is damaged, or too large for a manifest, is passed over: it is not a referrer that could be read. */
function ifDamaged(error: unknown): undefined {
  if (!(error instanceof MismatchError)) throw error;
}
