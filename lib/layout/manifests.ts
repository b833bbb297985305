/** The manifests of a layout: files among the blobs, and the entries of `index.json` that give them names. @module */
import { join } from "node:path";
import { inParallel } from "../async/pool.ts";
import { writeAtomically } from "../content/atomic_file.ts";
import { collectFile } from "../content/collect.ts";
import { storageError } from "../content/file_errors.ts";
import { RegistryError } from "../errors.ts";
import { distinct } from "../oci/descriptor.ts";
import { isDigest } from "../oci/digest.ts";
import { MANIFEST_BLOB_UNKNOWN } from "../oci/error_codes.ts";
import { type Manifest, MAX_MANIFEST_SIZE } from "../oci/manifest.ts";
import { parseLayoutReference } from "../oci/reference.ts";
import { referencesOf } from "../oci/references.ts";
import { requireStorable } from "../store/checks.ts";
import { subjectOf } from "../store/referrers.ts";
import type { ChangeOptions, FreeOptions, ManifestStore, PutOptions, TagsOptions } from "../store/store.ts";
import type { Blobs } from "./blobs.ts";
import { lockLayout } from "./directory.ts";
import { blobsOfDockerSave } from "./docker_save.ts";
import { Garbage } from "./garbage.ts";
import { entriesNamed, requireOneImage } from "./entry_names.ts";
import { entryFor, type IndexEntry, withoutNames } from "./index_entry.ts";
import { IndexFile } from "./index_file.ts";
import { ListedManifests, type ListedOptions } from "./listed_manifests.ts";
import { requireLayout } from "./require_layout.ts";

/** How many files of manifests are written at once. */
const FILES_AT_ONCE = 8;

/** The manifests of one layout. */
export class Manifests extends ListedManifests implements ManifestStore, Disposable {
  readonly #directory: string;
  readonly #blobs: Blobs;
  readonly #garbage: Garbage;
  readonly #index: IndexFile;

  /** @param blobs the blobs of the same layout */
  constructor({ directory, ...options }: ListedOptions & { directory: string }, blobs: Blobs) {
    const file = new IndexFile(directory);
    super(options, {
      entries: () => file.read(),
      manifest: (digest) => blobs.manifest(digest),
      index: () => collectFile(join(directory, "index.json"), MAX_MANIFEST_SIZE),
    });
    this.#directory = directory;
    this.#blobs = blobs;
    this.#garbage = new Garbage(blobs);
    this.#index = file;
  }

  async putManifest(
    reference: string,
    manifest: Manifest,
    { child, signal, asRegistry }: PutOptions = {},
  ): Promise<void> {
    if (!child) return await this.putManifests(new Map([[reference, manifest]]), { signal, asRegistry });
    signal?.throwIfAborted();
    requireStorable(reference, manifest, parseLayoutReference);
    await this.#attempt(async () => {
      using _layout = await lockLayout(this.#directory);
      await this.#store(manifest);
      await this.#blobs.addClaim(manifest.digest); // until a listed index lists it
    });
  }

  async putManifests(
    manifests: ReadonlyMap<string, Manifest>,
    { signal, asRegistry }: ChangeOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    for (const [reference, manifest] of manifests) {
      requireStorable(reference, manifest, parseLayoutReference);
    }
    await this.#attempt(async () => {
      using index = await this.#index.lock();
      const changes = [...manifests].map(([reference, manifest]) => ({
        reference,
        manifest,
        replaced: this.#replaced(index.entries, reference), // throws before anything is written
      }));
      const stored = distinct([...manifests.values()]);
      await inParallel(stored, { jobs: FILES_AT_ONCE }, (each) => this.#store(each));
      const changed = changes.filter(({ reference, replaced }) =>
        !isDigest(reference) || replaced.length === 0
      );
      const remove = changed.flatMap(({ replaced }) => replaced);
      const add = changed.map(({ reference, manifest, replaced }) =>
        entryFor(manifest, isDigest(reference) ? {} : replaced[0] ?? { tag: reference })
      );
      if (asRegistry) {
        const children = await Promise.all(stored.map((each) => this.#unnamedChildren(each, index)));
        const named = add.filter((entry) => !isNameless(entry))
          .flatMap(({ digest }) => entriesNamed(index.entries, digest).filter(isNameless));
        add.push(...unnamed(remove, [...without(index.entries, remove), ...add]));
        remove.push(...children.flat(), ...named);
      }
      await index.change({ remove, add });
      for (const { reference, manifest, replaced } of changes) {
        this.#garbage.add(reference, replaced.filter(({ digest }) => digest !== manifest.digest));
        this.#blobs.endClaims(await this.#garbage.reached(manifest));
      }
    });
  }

  async removeManifest(reference: string, options: ChangeOptions = {}): Promise<void> {
    await this.removeManifests([reference], options);
  }

  async removeManifests(
    references: readonly string[],
    { signal, asRegistry }: ChangeOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    const found = await Promise.all(references.map((reference) => this.resolve(reference)));
    if (found.every((digest) => digest === undefined)) return;
    await this.#attempt(async () => {
      using index = await this.#index.lock();
      await this.#blobs.cleanUp();
      const removed = references.map((reference) => ({
        reference,
        entries: this.#replaced(index.entries, reference),
      }));
      const remove = removed.flatMap(({ entries }) => entries);
      const untagged = removed.flatMap(({ reference, entries }) => isDigest(reference) ? [] : entries);
      const add = asRegistry ? unnamed(untagged, without(index.entries, remove)) : [];
      await index.change({ remove, add });
      for (const { reference, entries } of removed) this.#garbage.add(reference, entries);
    });
  }

  async free(
    references: readonly string[],
    { keepBlobs, signal, onEvent = this.onEvent }: FreeOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#garbage.has(references.map(parseLayoutReference))) return;
    await this.#attempt(async () => {
      using index = await this.#index.lock();
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
    if (mustExist && (await this.#index.read()).length === 0) await requireLayout(this.#directory);
    yield* super.tags(options);
  }

  /** Lets the file of the index go. */
  [Symbol.dispose](): void {
    this.#index[Symbol.dispose]();
  }

  /** The entries that a change of a tag or digest replaces. */
  #replaced(entries: readonly IndexEntry[], reference: string): readonly IndexEntry[] {
    const named = entriesNamed(entries, reference);
    requireOneImage(named, { reference, store: this.name, isWrite: true });
    return named;
  }

  /** The entries without a name that an index makes superfluous. A referrer stays listed, for it is found there. */
  async #unnamedChildren(
    { bytes, mediaType }: Manifest,
    { entries }: { entries: readonly IndexEntry[] },
  ): Promise<IndexEntry[]> {
    const children = new Set(referencesOf(bytes, mediaType).manifests.map(({ digest }) => digest));
    const found = children.size === 0
      ? []
      : entries.filter((entry) => isNameless(entry) && children.has(entry.digest));
    const isReferrer = async ({ digest }: IndexEntry) => {
      const child = await this.#blobs.manifest(digest);
      return child !== undefined && subjectOf(child) !== undefined;
    };
    const referrers = await Promise.all(found.map(isReferrer));
    return found.filter((_, index) => !referrers[index]);
  }

  async #attempt(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      throw storageError(error, this.#directory);
    }
  }

  /** Stores a manifest among the blobs. The caller has locked the layout. */
  async #store(manifest: Manifest): Promise<void> {
    await this.#requireBlobs(manifest);
    await writeAtomically(await this.#blobs.pathToWrite(manifest.digest), manifest.bytes);
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

function without(entries: readonly IndexEntry[], removed: readonly IndexEntry[]): IndexEntry[] {
  const gone = new Set(removed);
  return entries.filter((entry) => !gone.has(entry));
}

function isNameless({ tag, imageName }: IndexEntry): boolean {
  return tag === undefined && imageName === undefined;
}

/** Entries that keep removed manifests listed, by their digests alone, where no other entry does. */
function unnamed(removed: readonly IndexEntry[], others: readonly IndexEntry[]): IndexEntry[] {
  const listed = new Set(others.map(({ digest }) => digest));
  const gone = new Map(removed.map((entry) => [entry.digest, entry]));
  return [...gone.values()].filter(({ digest }) => !listed.has(digest)).map((entry) => {
    return { ...entry, tag: undefined, imageName: undefined, raw: withoutNames(entry) };
  });
}
