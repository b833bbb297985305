/** Reachability: which manifests and blobs the entries of a layout lead to. @module */
import { MismatchError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { isBlobType } from "../oci/media_types.ts";
import { type References, referencesOf } from "../oci/references.ts";
import type { IndexEntry } from "./index_entry.ts";

/** Reads a manifest's bytes, checked; `undefined` = absent. */
export type ReadManifest = (digest: Digest) => Promise<Uint8Array | undefined>;

/** Follows manifests to their blobs. A manifest never changes, so each is read once. */
export class Reachability {
  readonly #read: ReadManifest;
  readonly #known: Map<Digest, References> = new Map();

  /** @param read reads a manifest of the layout */
  constructor(read: ReadManifest) {
    this.#read = read;
  }

  /** The manifests of entries that are gone, and what only these led to, as far as that can be read. */
  async unreachable(gone: readonly IndexEntry[], kept: readonly IndexEntry[]): Promise<Digest[]> {
    const led = await this.#fromAll(gone, (digest) => [digest]);
    const needed = await this.#fromAll(kept, () => led); // a manifest that is not understood may need any blob
    return [...led].filter((digest) => !needed.has(digest));
  }

  /** What any of these entries leads to. They are read one by one: a layout may list more manifests than files can be open. */
  async #fromAll(
    entries: readonly IndexEntry[],
    ifUnclear: (digest: Digest) => Iterable<Digest>,
  ): Promise<Set<Digest>> {
    const reached = new Set<Digest>();
    for (const { digest, mediaType } of entries) {
      const found = await this.from(digest, mediaType).catch(unlessUnclear(ifUnclear(digest)));
      for (const each of found) reached.add(each);
    }
    return reached;
  }

  /**
   * A manifest's digest, and those of everything that it leads to. Each manifest is read once.
   *
   * @param mediaType that of the manifest if it declares none
   * @throws {MismatchError} if one of them is damaged, or is of an unknown kind: it may lead anywhere
   */
  async from(digest: Digest, mediaType?: string): Promise<Iterable<Digest>> {
    const reached = new Set<Digest>([digest]);
    const manifests = new Map<Digest, string | undefined>([[digest, mediaType]]);
    for (const [manifest, mediaType] of manifests) { // which grows on the way
      const { blobs, manifests: children } = await this.#references(manifest, mediaType);
      for (const each of [...blobs, ...children]) reached.add(each.digest);
      for (const child of children) {
        if (!isBlobType(child.mediaType)) manifests.set(child.digest, child.mediaType);
      }
    }
    return reached;
  }

  async #references(digest: Digest, mediaType: string | undefined): Promise<References> {
    const known = this.#known.get(digest);
    if (known) return known;
    const bytes = await this.#read(digest);
    if (bytes === undefined) return { blobs: [], manifests: [], isComplete: true }; // it may be written later, so this is not remembered
    const references = referencesOf(bytes, mediaType);
    if (!references.isComplete) throw new MismatchError(`the manifest ${digest} is of an unknown kind`);
    this.#known.set(digest, references);
    return references;
  }
}

/** Handles the error of a manifest that is damaged or unknown with a value; other errors stay errors. */
function unlessUnclear<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof MismatchError) return instead;
    throw error;
  };
}
