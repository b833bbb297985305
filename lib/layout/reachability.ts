/** Reachability: which manifests and blobs the entries of a layout lead to. @module */
import { MismatchError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { isBlobType } from "../oci/media_types.ts";
import { referencesOf } from "../oci/references.ts";
import type { IndexEntry } from "./index_entry.ts";

/** Reads a manifest's bytes, checked; `undefined` = absent. */
export type ReadManifest = (digest: Digest) => Promise<Uint8Array | undefined>;

/** What one manifest leads to directly: all digests, and which of them are manifests that may lead further. */
interface Leads {
  readonly digests: readonly Digest[];
  readonly children: readonly { digest: Digest; mediaType: string }[];
}

const NO_CHILDREN: readonly never[] = [];

/** Follows manifests to their blobs. A manifest never changes, so each is read once; there may be 100,000 of them. */
export class Reachability {
  readonly #read: ReadManifest;
  readonly #known: Map<Digest, Leads> = new Map();

  /** @param read reads a manifest of the layout */
  constructor(read: ReadManifest) {
    this.#read = read;
  }

  /**
   * The manifests of entries that are gone, and what only these led to, as far as that can be read. Manifests are read one by
   * one: a layout may list more than files can be open.
   */
  async unreachable(gone: readonly IndexEntry[], kept: readonly IndexEntry[]): Promise<Digest[]> {
    const unneeded = new Set<Digest>();
    for (const { digest, mediaType } of gone) {
      const led = await this.from(digest, mediaType).catch(unlessUnclear([digest]));
      for (const each of led) unneeded.add(each);
    }
    for (const { digest, mediaType } of kept) {
      // A manifest that is not understood may need any blob.
      const needed = await this.from(digest, mediaType).catch(unlessUnclear(unneeded));
      for (const each of needed) unneeded.delete(each);
    }
    return [...unneeded];
  }

  /**
   * A manifest's digest, and those of everything that it leads to. Each manifest is read once.
   *
   * @param mediaType that of the manifest if it declares none
   * @throws {MismatchError} if one of them is damaged, or is of an unknown kind: it may lead anywhere
   */
  async from(digest: Digest, mediaType?: string): Promise<Iterable<Digest>> {
    const { digests, children } = await this.#leads(digest, mediaType);
    if (children.length === 0) return digests;
    const reached = new Set<Digest>(digests);
    const manifests = new Map(children.map((child) => [child.digest, child.mediaType]));
    for (const [manifest, mediaType] of manifests) { // which grows on the way
      const { digests, children } = await this.#leads(manifest, mediaType);
      for (const each of digests) reached.add(each);
      for (const child of children) manifests.set(child.digest, child.mediaType);
    }
    return reached;
  }

  async #leads(digest: Digest, mediaType: string | undefined): Promise<Leads> {
    const known = this.#known.get(digest);
    if (known) return known;
    const bytes = await this.#read(digest);
    if (bytes === undefined) return { digests: [digest], children: NO_CHILDREN }; // it may be written later, so this is not remembered
    const { blobs, manifests, isComplete } = referencesOf(bytes, mediaType);
    if (!isComplete) throw new MismatchError(`the manifest ${digest} is of an unknown kind`);
    const children = manifests.filter((child) => !isBlobType(child.mediaType))
      .map(({ digest, mediaType }) => ({ digest, mediaType }));
    const leads = {
      digests: [digest, ...[...blobs, ...manifests].map((each) => each.digest)],
      children: children.length > 0 ? children : NO_CHILDREN,
    };
    this.#known.set(digest, leads);
    return leads;
  }
}

/** Handles the error of a manifest that is damaged or unknown with a value; other errors stay errors. */
function unlessUnclear<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof MismatchError) return instead;
    throw error;
  };
}
