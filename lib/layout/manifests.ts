/** The manifests of a layout: files among the blobs, and the entries of `index.json` that give them names. @module */
import { writeAtomically } from "../content/atomic_file.ts";
import { storageError } from "../content/file_errors.ts";
import { MismatchError, NotFoundError, RegistryError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { type Descriptor, distinct } from "../oci/descriptor.ts";
import { type Digest, isDigest, parseDigest } from "../oci/digest.ts";
import { MANIFEST_BLOB_UNKNOWN } from "../oci/error_codes.ts";
import { declaredMediaType, type Manifest, manifestOf } from "../oci/manifest.ts";
import { referencesOf } from "../oci/references.ts";
import { IMAGE_MANIFEST } from "../oci/media_types.ts";
import { parseLayoutReference } from "../oci/reference.ts";
import { requireStorable } from "../store/checks.ts";
import { fallbackReferrers, subjectOf } from "../store/referrers.ts";
import type {
  CallOptions,
  FreeOptions,
  ManifestStore,
  PutOptions,
  ReferrersOptions,
  TagsOptions,
} from "../store/store.ts";
import type { Blobs } from "./blobs.ts";
import { blobsOfDockerSave } from "./docker_save.ts";
import { Garbage } from "./garbage.ts";
import {
  entriesNamed,
  entryFor,
  type IndexEntry,
  namelessImages,
  requireOneImage,
  uniqueNames,
} from "./index_entry.ts";
import { EntriesReader, lockIndex } from "./index_json.ts";
import { requireLayout } from "./require_layout.ts";

/** Where a layout is, what it is called in messages, and who receives its events. */
interface ManifestsOptions {
  name: string;
  directory: string;
  onEvent?: OnEvent | undefined;
}

/** The manifests of one layout. */
export class Manifests implements ManifestStore {
  readonly name: string;
  readonly onEvent: OnEvent | undefined;
  readonly #directory: string;
  readonly #blobs: Blobs;
  readonly #garbage: Garbage;
  readonly #entries: EntriesReader;

  /** @param blobs the blobs of the same layout */
  constructor({ name, directory, onEvent }: ManifestsOptions, blobs: Blobs) {
    this.name = name;
    this.onEvent = onEvent;
    this.#directory = directory;
    this.#blobs = blobs;
    this.#garbage = new Garbage(blobs);
    this.#entries = new EntriesReader(directory);
  }

  async manifest(
    reference: string,
    { signal, onEvent = this.onEvent }: CallOptions = {},
  ): Promise<Manifest | undefined> {
    signal?.throwIfAborted();
    const entry = await this.#entry(reference);
    const digest = entry?.digest ?? (isDigest(reference) ? reference : undefined);
    if (!digest) return undefined;
    const bytes = await this.#blobs.manifest(digest);
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

  async putManifest(
    reference: string,
    manifest: Manifest,
    { child, signal }: PutOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    requireStorable(reference, manifest, parseLayoutReference);
    await this.#attempt(async () => {
      using index = await lockIndex(this.#directory);
      this.#replaced(index.entries, reference); // throws before anything is written
      await this.#requireBlobs(manifest);
      await writeAtomically(this.#blobs.path(manifest.digest), manifest.bytes);
      if (child) return await this.#blobs.addClaim(manifest.digest); // until a listed index lists it
      const replaced = this.#replaced(index.entries, reference);
      if (!isDigest(reference) || replaced.length === 0) {
        const names = isDigest(reference) ? {} : replaced[0] ?? { tag: reference };
        await index.change({ remove: replaced, add: [entryFor(manifest, names)] });
      }
      this.#garbage.add(reference, replaced.filter(({ digest }) => digest !== manifest.digest));
      this.#blobs.endClaims(await this.#garbage.reached(manifest));
    });
  }

  async referrers(
    digest: Digest,
    { listed, ...options }: ReferrersOptions = {},
  ): Promise<Descriptor[]> {
    const list = await fallbackReferrers(this, parseDigest(digest), options);
    if (listed) return distinct(list);
    const found: Descriptor[] = [];
    for (const { digest: each, size, mediaType = IMAGE_MANIFEST.oci } of await this.#entries.read()) {
      options.signal?.throwIfAborted();
      const bytes = await this.#blobs.manifest(each).catch(ifDamaged);
      if (bytes && subjectOf(bytes) === digest) found.push({ mediaType, digest: each, size });
    }
    return distinct([...found, ...list]);
  }

  async removeManifest(reference: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (await this.#entry(reference) === undefined) return;
    await this.#attempt(async () => {
      using index = await lockIndex(this.#directory);
      await this.#blobs.cleanUp();
      const remove = this.#replaced(index.entries, reference);
      await index.change({ remove });
      this.#garbage.add(reference, remove);
    });
  }

  async free(
    references: readonly string[],
    { keepBlobs, signal, onEvent = this.onEvent }: FreeOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#garbage.has(references.map(parseLayoutReference))) return;
    await this.#attempt(async () => {
      using index = await lockIndex(this.#directory);
      const needed = index.hasOthers ? undefined : await blobsOfDockerSave(this.#directory);
      if (needed) return await this.#garbage.free(references, { listed: index.entries, needed, keepBlobs });
      const file = index.hasOthers ? "an entry of its index.json" : "its manifest.json";
      const message =
        `nothing is deleted from ${this.name}: ${file} is not understood, and may need any blob`;
      onEvent?.({ type: "notice", message });
    });
  }

  async *tags({ mustExist, signal }: TagsOptions = {}): AsyncGenerator<string> {
    signal?.throwIfAborted();
    const entries = await this.#entries.read();
    if (mustExist && entries.length === 0) await requireLayout(this.#directory);
    yield* uniqueNames(entries);
  }

  async untagged({ signal }: CallOptions = {}): Promise<Digest[]> {
    signal?.throwIfAborted();
    return namelessImages(await this.#entries.read());
  }

  async #entry(reference: string): Promise<IndexEntry | undefined> {
    const named = entriesNamed(await this.#entries.read(), reference);
    if (named.length === 0) parseLayoutReference(reference); // any other text may be the name of an entry
    requireOneImage(named, { reference, store: this.name });
    return named[0];
  }

  /** The entries that a change of a tag or digest replaces. */
  #replaced(entries: readonly IndexEntry[], reference: string): IndexEntry[] {
    const named = entriesNamed(entries, reference);
    requireOneImage(named, { reference, store: this.name, isWrite: true });
    return named;
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

  async #attempt(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      throw storageError(error, this.#directory);
    }
  }

  async #requireBlobs(manifest: Manifest): Promise<void> {
    const { blobs, manifests } = referencesOf(manifest.bytes, manifest.mediaType);
    for (const { digest } of [...blobs.filter(({ urls }) => urls.length === 0), ...manifests]) {
      if (await this.#blobs.stat(digest) !== undefined) continue;
      throw new RegistryError(`the manifest lists the blob ${digest}, which ${this.name} does not have`, {
        codes: [MANIFEST_BLOB_UNKNOWN],
      });
    }
  }
}

/** What is damaged, or too large for a manifest, is passed over: it is not a referrer that could be read. */
function ifDamaged(error: unknown): undefined {
  if (!(error instanceof MismatchError)) throw error;
}
