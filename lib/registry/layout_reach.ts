/** What the manifests of a layout lead to, and so what may go when some of them are removed. @module */
import { MismatchError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { referencesOf } from "../oci/manifest.ts";
import type { IndexEntry } from "./layout_index.ts";

/** Reads a manifest's bytes, checked; `undefined` = absent. */
export type ReadManifest = (digest: Digest) => Promise<Uint8Array | undefined>;

/** Follows manifests to their blobs. Manifests never change, so what was read once is kept. */
export class LayoutReach {
  readonly #read: ReadManifest;
  readonly #reached: Map<Digest, Digest[]> = new Map();

  /** @param read reads a manifest of the layout */
  constructor(read: ReadManifest) {
    this.#read = read;
  }

  /** The manifests that are gone and what they alone led to, as far as that can be known. */
  async unreachable(gone: IndexEntry[], kept: IndexEntry[]): Promise<Digest[]> {
    const led = await this.#fromAll(gone, (digest) => [digest]);
    const needed = new Set(await this.#fromAll(kept, () => led)); // a damaged manifest may need any blob
    return [...new Set(led)].filter((digest) => !needed.has(digest));
  }

  /** One after the other: a layout may list more manifests than files can be open. */
  async #fromAll(entries: IndexEntry[], ifDamaged: (digest: Digest) => Digest[]): Promise<Digest[]> {
    const reached: Digest[][] = [];
    for (const { digest } of entries) {
      reached.push(await this.#from(digest).catch(unlessDamaged(ifDamaged(digest))));
    }
    return reached.flat();
  }

  /** A manifest's digest and all that it leads to. */
  async #from(digest: Digest): Promise<Digest[]> {
    const known = this.#reached.get(digest);
    if (known) return known;
    const bytes = await this.#read(digest);
    if (bytes === undefined) return [digest];
    const { blobs, manifests } = referencesOf(bytes);
    const reached = [digest, ...blobs];
    for (const child of manifests) reached.push(...await this.#from(child));
    // A child that is absent may come later, and then lead to more.
    if (manifests.every((child) => this.#reached.has(child))) this.#reached.set(digest, reached);
    return reached;
  }
}

/** Puts something in the place of an error that says that a manifest is damaged. */
function unlessDamaged<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof MismatchError) return instead;
    throw error;
  };
}
