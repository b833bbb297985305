/** Copies what cosign keeps under tags: signatures, attestations and SBOMs (cosign, specs/SIGNATURE_SPEC.md). @module */
import { inParallel } from "../async/pool.ts";
import { requireManifest } from "../images/index_tree.ts";
import type { Manifest } from "../oci/manifest.ts";
import { listedBlobs } from "../oci/references.ts";
import { freeReplaced } from "../store/free.ts";
import { fallbackTag } from "../store/referrers.ts";
import type { CallOptions, Store, StoreReader } from "../store/store.ts";
import { type ImageTree, readTree, treeManifests } from "./image_tree.ts";

/** What a tag of cosign holds. */
export interface Signature {
  tag: string;
  tree: ImageTree;
}

/** The endings of the tags; before them stands the digest of what is signed. */
const ENDINGS = [".sig", ".att", ".sbom"];
/** The number of tags that are looked up at once. */
const JOBS = 4;

/** Finds the tags that cosign has given to what belongs to an image, and to everything in it. */
export async function findSignatures(
  store: StoreReader,
  image: ImageTree,
  { signal, ...options }: CallOptions,
): Promise<Signature[]> {
  const signed = new Set(treeManifests(image).map(({ digest }) => digest));
  const tags = [...signed].flatMap((digest) => ENDINGS.map((ending) => fallbackTag(digest) + ending));
  const found = new Map<string, ImageTree>();
  await inParallel(tags, { jobs: JOBS, signal }, async (tag, signal) => {
    if (await store.resolve(tag, { ...options, signal }) === undefined) return;
    const manifest = await requireManifest(store, tag, { ...options, signal });
    found.set(tag, await readTree(store, manifest, { ...options, signal }));
  });
  return tags.flatMap((tag) => found.has(tag) ? [{ tag, tree: found.get(tag)! }] : []);
}

/** Stores signatures under their tags. Those of the target that the source does not have stay, and a notice says so. */
export async function putSignatures(
  store: Store,
  signatures: readonly Signature[],
  { onEvent = store.onEvent, ...options }: CallOptions,
): Promise<void> {
  for (const { tag, tree } of signatures) {
    const there = await store.manifest(tag, { ...options, onEvent });
    if (there?.digest === tree.manifest.digest) continue;
    if (there && !includesAll(tree.manifest, there)) {
      const message = `${tag} is not copied: ${store.name} has other signatures under this tag, which stay`;
      onEvent?.({ type: "notice", message });
      continue;
    }
    for (const child of treeManifests(tree).slice(0, -1)) {
      await store.putManifest(child.digest, child, { ...options, onEvent, child: true });
    }
    await store.putManifest(tag, tree.manifest, { ...options, onEvent });
    await freeReplaced(store, [tag], { onEvent });
  }
}

/** Whether a list of signatures has all that another has: each is a layer. */
function includesAll(newer: Manifest, older: Manifest): boolean {
  const layers = new Set(listedBlobs(newer.bytes).map(({ digest }) => digest));
  return listedBlobs(older.bytes).slice(1).every(({ digest }) => layers.has(digest));
}
