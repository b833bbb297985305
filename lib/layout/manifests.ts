/** The manifests of a layout: files among the blobs, and the entries of `index.json` that give them names. @module */
import { join } from "node:path";
import { writeAtomically } from "../content/atomic_file.ts";
import { collectFile } from "../content/collect.ts";
import { storageError } from "../content/file_errors.ts";
import { RegistryError } from "../errors.ts";
import { isDigest } from "../oci/digest.ts";
import { MANIFEST_BLOB_UNKNOWN } from "../oci/error_codes.ts";
import { type Manifest, MAX_MANIFEST_SIZE } from "../oci/manifest.ts";
import { parseLayoutReference } from "../oci/reference.ts";
import { referencesOf } from "../oci/references.ts";
import { requireStorable } from "../store/checks.ts";
import type { CallOptions, FreeOptions, ManifestStore, PutOptions, TagsOptions } from "../store/store.ts";
import type { Blobs } from "./blobs.ts";
import { blobsOfDockerSave } from "./docker_save.ts";
import { Garbage } from "./garbage.ts";
import { entriesNamed, requireOneImage } from "./entry_names.ts";
import { entryFor, type IndexEntry } from "./index_entry.ts";
import { EntriesReader, lockIndex } from "./index_json.ts";
import { ListedManifests, type ListedOptions } from "./listed_manifests.ts";
import { requireLayout } from "./require_layout.ts";

/** The manifests of one layout. */
export class Manifests extends ListedManifests implements ManifestStore {
  readonly #directory: string;
  readonly #blobs: Blobs;
  readonly #garbage: Garbage;
  readonly #entries: EntriesReader;

  /** @param blobs the blobs of the same layout */
  constructor({ directory, ...options }: ListedOptions & { directory: string }, blobs: Blobs) {
    const reader = new EntriesReader(directory);
    super(options, {
      entries: () => reader.read(),
      manifest: (digest) => blobs.manifest(digest),
      index: () => collectFile(join(directory, "index.json"), MAX_MANIFEST_SIZE),
    });
    this.#directory = directory;
    this.#blobs = blobs;
    this.#garbage = new Garbage(blobs);
    this.#entries = reader;
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

  async removeManifest(reference: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (await this.resolve(reference) === undefined) return;
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

  override async *tags({ mustExist, ...options }: TagsOptions = {}): AsyncGenerator<string> {
    options.signal?.throwIfAborted();
    if (mustExist && (await this.#entries.read()).length === 0) await requireLayout(this.#directory);
    yield* super.tags(options);
  }

  /** The entries that a change of a tag or digest replaces. */
  #replaced(entries: readonly IndexEntry[], reference: string): IndexEntry[] {
    const named = entriesNamed(entries, reference);
    requireOneImage(named, { reference, store: this.name, isWrite: true });
    return named;
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
