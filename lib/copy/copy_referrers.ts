/** Copies referrers of an image: signatures, SBOMs, and the referrers of these (OCI distribution spec). @module */
import { MismatchError } from "../errors.ts";
import { requireManifest } from "../images/index_tree.ts";
import type { Digest } from "../oci/digest.ts";
import { isIndex } from "../oci/image_index.ts";
import { type Manifest, manifestOf } from "../oci/manifest.ts";
import { IMAGE_INDEX } from "../oci/media_types.ts";
import { fallbackTag, subjectOf } from "../store/referrers.ts";
import { freeReplaced } from "../store/free.ts";
import type { CallOptions, ManifestStore, StoreReader } from "../store/store.ts";
import { type ImageTree, readTree, treeManifests } from "./image_tree.ts";

/** A manifest that refers to another. */
export interface Referrer {
  /** The manifest, and everything that it lists. */
  tree: ImageTree;
}

const MOST_REFERRERS = 1000;

/** Finds the referrers of an image and of everything in it. A referrer comes after what it refers to. */
export async function findReferrers(
  store: StoreReader,
  image: ImageTree,
  options: CallOptions,
): Promise<Referrer[]> {
  const found = new Map<Digest, Referrer>();
  const subjects = new Set(treeManifests(image).map(({ digest }) => digest));
  for (const subject of subjects) { // the set grows during the loop
    for (const { digest } of await store.referrers(subject, options)) {
      if (found.has(digest)) continue;
      const tree = await readTree(store, await requireManifest(store, digest, options), options);
      found.set(digest, { tree });
      if (found.size > MOST_REFERRERS) {
        throw new MismatchError(`${subject} has more than ${MOST_REFERRERS} referrers`);
      }
      for (const each of treeManifests(tree)) subjects.add(each.digest);
    }
  }
  return [...found.values()];
}

/** Stores referrers. Where the store does not list them itself, they are added to the list under the fallback tag. */
export async function putReferrers(
  store: ManifestStore,
  referrers: readonly Referrer[],
  options: CallOptions,
): Promise<void> {
  for (const { tree } of referrers) {
    for (const manifest of treeManifests(tree)) {
      await store.putManifest(manifest.digest, manifest, { ...options, child: true });
    }
  }
  await listReferrers(store, referrers.map(({ tree }) => tree.manifest), options);
}

/**
 * Makes sure that manifests are listed as referrers of their subjects: a registry without a list of its own leaves that to
 * the client (OCI distribution spec, "Pushing Manifests with Subject").
 */
export async function listReferrers(
  store: ManifestStore,
  manifests: readonly Manifest[],
  options: CallOptions,
): Promise<void> {
  for (const [subject, group] of Map.groupBy(manifests, ({ bytes }) => subjectOf(bytes))) {
    if (subject === undefined) continue;
    const there = await store.referrers(subject, { ...options, listed: true });
    const listed = new Set(there.map(({ digest }) => digest));
    const missing = group.filter(({ digest }) => !listed.has(digest));
    if (missing.length > 0) await addToFallback(store, subject, missing, options);
  }
}

async function addToFallback(
  store: ManifestStore,
  subject: Digest,
  missing: readonly Manifest[],
  options: CallOptions,
) {
  const tag = fallbackTag(subject);
  const there = await store.manifest(tag, options);
  if (there && !isIndex(there)) {
    const message = `referrers of ${subject} are not listed: the tag ${tag} holds an image`;
    return (options.onEvent ?? store.onEvent)?.({ type: "notice", message });
  }
  const { manifests, ...rest } = there ? JSON.parse(new TextDecoder().decode(there.bytes)) : {};
  const mediaType = IMAGE_INDEX.oci;
  const list = {
    schemaVersion: 2,
    mediaType,
    ...rest,
    manifests: [...manifests ?? [], ...missing.map(referrerEntry)],
  };
  await store.putManifest(
    tag,
    manifestOf(new TextEncoder().encode(JSON.stringify(list)), mediaType),
    options,
  );
  await freeReplaced(store, [tag], options);
}

function referrerEntry({ mediaType, digest, bytes }: Manifest): Record<string, unknown> {
  const { artifactType, config, annotations } = JSON.parse(new TextDecoder().decode(bytes));
  const type = artifactType ?? config?.mediaType;
  const size = bytes.length;
  return {
    mediaType,
    digest,
    size,
    ...(type && { artifactType: type }),
    ...(annotations && { annotations }),
  };
}
