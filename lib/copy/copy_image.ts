/** Copies images between registries, repositories and layouts. @module */
import { InvalidInputError } from "../errors.ts";
import { isFolderImage } from "../images/folder_mark.ts";
import { isEncryptedImage } from "../images/encrypted_image.ts";
import { findRoot } from "../images/image.ts";
import { distinct } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isIndex } from "../oci/image_index.ts";
import { requireTargetName } from "../store/checks.ts";
import { freeReplaced } from "../store/free.ts";
import type { CallOptions, ManifestStore, Store } from "../store/store.ts";
import { requireFreeTag } from "../stash/free_tag.ts";
import { requireNoStash } from "../stash/shared_names.ts";
import { checkTransfer, DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { inParallel } from "../async/pool.ts";
import { choosePlatforms } from "./choose_platforms.ts";
import { type CopiedBlobs, copyBlobs } from "./copy_blobs.ts";
import { findReferrers, listReferrers, putReferrers } from "./copy_referrers.ts";
import { findSignatures, putSignatures } from "./copy_signatures.ts";
import {
  explainRefusal,
  type ImageTree,
  readTree,
  treeBlobs,
  treeManifests,
  warnOfDockerFormat,
} from "./image_tree.ts";

/** A store, and a tag or digest in it, as returned by `openImage`. */
export interface ImageTarget {
  /** The repository or layout. */
  store: Store;
  /** The tag or digest; absent = the only image of a source, or the source's reference for a target. */
  reference?: string | undefined;
}

/** Options for copying an image. */
export interface CopyOptions extends CallOptions {
  /** `os/architecture[/variant][:version]`: one copies its image, several copy an index of their images; absent = all. */
  platforms?: readonly string[] | undefined;
  /** Replaces what the target's tag holds, if that is something else; absent = that is a conflict. */
  overwrite?: boolean | undefined;
  /** The tag of the copy where the target names none; absent = that of the source, which a folder keeps in any case. */
  imageTag?: string | undefined;
  /** Also copies what refers to the image: signatures and SBOMs, those under the tags of cosign too. */
  referrers?: boolean | undefined;
  /** The number of blobs that are copied at once; absent = adapted to the registry. */
  jobs?: number | undefined;
}

/** The result of a copy. */
export interface CopyResult {
  /** The tag or digest at the target. */
  reference: string;
  /** The digest of the image, or of the index. */
  digest: Digest;
  /** The number of manifests, including those of referrers. */
  manifests: number;
  /** The number of referrers. */
  referrers: number;
  /** Whether it is a folder, which `downloadFolder` brings back. */
  isFolder: boolean;
  /** Present where it is encrypted: it still is. */
  encryption?: { format: "age" };
  /** How the blobs were copied. */
  blobs: CopiedBlobs;
}

/**
 * Copies an image, or an index with its images. No digest changes. Existing blobs are kept; others are mounted within
 * a registry, or streamed and verified. A manifest is stored once everything that it lists exists, and the tag comes
 * last. Running an interrupted copy again resumes it.
 *
 * @throws {InvalidInputError} if a tag or platform is invalid, or a number is out of range
 * @throws {NotFoundError} if the image does not exist, or something that it lists is missing
 * @throws {ConflictError} if the tag holds something else and `overwrite` is not set, or a chunk of a stored file; or if a
 *   folder is copied, and a stored file has this name
 * @throws {MismatchError} if a manifest or blob does not have its digest
 *
 * @example
 * ```ts
 * import { openStore, upload } from "@layerstash/cli";
 * import { copyImage } from "@layerstash/cli/copy";
 * import { openImage } from "@layerstash/cli/images";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await upload(store, "note", { input: new Response("hello").body! });
 * using target = openImage(`oci:${directory}/copy:letter`);
 * const { digest, blobs } = await copyImage({ store, reference: "note-1" }, target);
 * if (digest !== await store.resolve("note-1") || blobs.sent !== 2) throw new Error("unexpected copy");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function copyImage(
  from: ImageTarget,
  to: ImageTarget,
  options: CopyOptions = {},
): Promise<CopyResult> {
  const { platforms = [], imageTag, jobs = DEFAULT_JOBS } = options;
  checkTransfer(options);
  const root = await findRoot(from.store, from.reference, options);
  const chosen = await choosePlatforms(from.store, root.manifest, { ...options, platforms });
  const tree = await readTree(from.store, chosen, options);
  const isFolder = await isFolderImage(from.store, tree.manifest, options);
  const kept = isFolder ? from.reference : undefined;
  const reference = targetReference(to.reference ?? kept ?? imageTag ?? root.reference, tree);
  await requireTargetName(to.store, reference, options);
  const newHolder = { ...options, isFolder, digest: tree.manifest.digest };
  await requireTagForCopy(to.store, reference, newHolder);
  const referrers = options.referrers ? await findReferrers(from.store, tree, options) : [];
  warnOfDockerFormat(to.store, tree, options.onEvent ?? to.store.onEvent);
  const signatures = options.referrers ? await findSignatures(from.store, tree, options) : [];
  const trees = [tree, ...referrers.map((each) => each.tree), ...signatures.map((each) => each.tree)];
  const blobs = await copyBlobs(from.store, to.store, { ...options, blobs: trees.flatMap(treeBlobs) });
  await requireTagForCopy(to.store, reference, newHolder); // it may have got something while the blobs were copied
  await putTree(to.store, tree, { ...options, jobs, reference }).catch((error) => {
    throw explainRefusal(error, tree);
  });
  await freeReplaced(to.store, [reference], options);
  await listReferrers(to.store, treeManifests(tree), options);
  await putReferrers(to.store, referrers, options);
  await putSignatures(to.store, signatures, options);
  const encryption = isEncryptedImage(tree.manifest) ? { encryption: { format: "age" } as const } : {};
  return {
    reference,
    digest: chosen.digest,
    manifests: trees.flatMap(treeManifests).length,
    referrers: trees.length - 1,
    isFolder,
    ...encryption,
    blobs,
  };
}

/** Makes sure that the target's tag may get the image. A folder does not hide a stored file either. */
async function requireTagForCopy(
  store: Store,
  reference: string,
  { isFolder, digest, overwrite, signal, onEvent }: CopyOptions & { isFolder: boolean; digest: Digest },
): Promise<void> {
  await requireFreeTag(store, reference, { digests: [digest], overwrite, signal, onEvent });
  if (isFolder && !isDigest(reference)) await requireNoStash(store, reference, { signal, onEvent });
}

/** The reference at the target. A digest must be that of what is copied, which may be one image of an index. */
function targetReference(wanted: string, { manifest: { digest } }: ImageTree): string {
  if (!isDigest(wanted) || wanted === digest) return wanted;
  throw new InvalidInputError(`what is copied has the digest ${digest}, not ${wanted}`, {
    hint: "give the target a tag",
  });
}

/** Stores the manifests: images first, then the indexes that list them, and the tag last. */
async function putTree(
  store: ManifestStore,
  tree: ImageTree,
  { reference, jobs, signal, onEvent }: CallOptions & { reference: string; jobs: number },
): Promise<void> {
  const below = treeManifests(tree).slice(0, -1);
  const images = distinct(below.filter((each) => !isIndex(each)));
  await inParallel(images, { jobs, signal }, async (image, signal) => {
    await store.putManifest(image.digest, image, { child: true, signal, onEvent });
  });
  for (const index of below.filter(isIndex)) {
    await store.putManifest(index.digest, index, { child: true, signal, onEvent });
  }
  await store.putManifest(reference, tree.manifest, { signal, onEvent });
}
