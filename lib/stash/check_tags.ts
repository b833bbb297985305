/** Checks that chunks have their tags: without them, a registry takes their blobs when it collects garbage. @module */
import { inParallel } from "../async/pool.ts";
import { MismatchError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { inFamily } from "../oci/manifest_family.ts";
import { FAMILIES } from "../oci/media_types.ts";
import { listedBlobs } from "../oci/references.ts";
import type { CallOptions, ManifestReader } from "../store/store.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { middleChunks, type Stash, type StashFault, type TaggedChunk } from "./stash.ts";
import { rebuildImage } from "./tagged_image.ts";

/** How tags are checked. */
export interface CheckTagsOptions extends CallOptions {
  /** How many tags are looked at once; absent = {@link DEFAULT_JOBS}. */
  jobs?: number | undefined;
  /**
   * Asks for the digest of what a tag holds, and reads that only where it is not the image that layerstash makes of the chunk.
   * Absent = it is read, which shows that the store can give it.
   */
  byDigest?: boolean | undefined;
}

/**
 * Checks that the chunks have their tags. Those of the first and the last were read with the stash, and so were all where no
 * table lists them.
 */
export async function checkTags(
  store: ManifestReader,
  stash: Stash,
  { jobs = DEFAULT_JOBS, byDigest, signal, onEvent }: CheckTagsOptions,
): Promise<StashFault[]> {
  const faults: StashFault[] = [];
  await inParallel(middleChunks(stash), { jobs, signal }, async (chunk, signal) => {
    const calls = { signal, onEvent };
    if (byDigest && isImageOf(stash, chunk, await store.resolve(chunk.tag, calls))) return;
    const held = await blobsUnder(store, chunk.tag, calls);
    if (!held) faults.push({ chunk: chunk.number, kind: "tag", problem: "its tag is missing" });
    else if (!held.includes(chunk.digest)) {
      faults.push({ chunk: chunk.number, kind: "taken", problem: "its tag holds something else" });
    }
  });
  return faults.sort((a, b) => a.chunk - b.chunk);
}

/** Whether a digest is that of the image which layerstash makes of a chunk of a file, or of a stream. */
function isImageOf(stash: Stash, { number }: TaggedChunk, digest: Digest | undefined): boolean {
  return digest !== undefined && [false, true].some((isStream) => {
    const { manifest } = rebuildImage(stash, number, { isStream });
    return FAMILIES.some((family) => inFamily(manifest, family).digest === digest);
  });
}

/** The blobs that a tag's manifest lists; `undefined` = there is no such tag. */
async function blobsUnder(
  store: ManifestReader,
  tag: string,
  options: CallOptions,
): Promise<Digest[] | undefined> {
  try {
    const manifest = await store.manifest(tag, options);
    return manifest && listedBlobs(manifest.bytes).map(({ digest }) => digest);
  } catch (error) {
    if (error instanceof MismatchError) return []; // it cannot be read
    throw error;
  }
}
