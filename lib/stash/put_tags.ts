/** Puts the tags of a whole stash, in the order that keeps what they held whole for as long as possible. @module */
import { inParallel } from "../async/pool.ts";
import type { Digest } from "../oci/digest.ts";
import type { CallOptions, Store } from "../store/store.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { requireGivenBack } from "./read_back.ts";
import type { TaggedImage } from "./tagged_image.ts";
import type { TagWriter } from "./tag_writer.ts";

/** How many tags a store lists together at most: their images are all built for it. */
const MOST_TOGETHER = 4096;

/** The images of a stash whose tags are still to be put. */
export interface ImagesToTag {
  /** That of chunk 1 of several; absent = its tag is put already, or it is the last. */
  first?: TaggedImage | undefined;
  /** Those between, which may be built anew whenever they are gone through. */
  middle: Iterable<TaggedImage>;
  last: TaggedImage;
}

/** How the tags of a stash are put. */
export interface PutTagsOptions extends CallOptions {
  /** How many tags are put at once. */
  jobs: number;
  /**
   * Has a registry take all images by their digests before the first tag moves: where it refuses one, or has lost a blob
   * meanwhile, what the tags held stays whole. A single image replaces it with one tag.
   */
  untaggedFirst: boolean;
}

/**
 * Puts the tags of a stash: that of chunk 1 first, and that of the last chunk last, which completes the stash. A directory lists
 * all of them at once. Before the last tag the first has to hold what was put there; after it every tag has to give it back.
 *
 * @returns the digest of the last manifest, which stands for the stash
 * @throws {ConflictError} if another upload of the same name came in between, or a tag holds other bytes that are not to be
 *   replaced
 * @throws {RegistryError} if a manifest that was stored cannot be read
 */
export async function putTags(
  store: Store,
  writer: TagWriter,
  { first, middle, last }: ImagesToTag,
  { jobs, untaggedFirst, signal, onEvent }: PutTagsOptions,
): Promise<Digest> {
  const isAlone = last.number === 1;
  const all = inOrder({ first, middle, last });
  const pool = { jobs, signal };
  if (store.putManifests && !isAlone) await listTags(writer, all);
  else {
    if (untaggedFirst && !isAlone) {
      await inParallel(all, pool, async (image) => await writer.putUntagged(image));
    }
    if (first) await writer.put(first);
    await inParallel(middle, pool, async (image) => await writer.put(image));
    await writer.put(last);
  }
  const held = { jobs: DEFAULT_JOBS, signal }; // also of a stream, whose chunks come one by one
  await inParallel(writer.held.all, held, async ({ tag, digest, before }, signal) => {
    await requireGivenBack(store, tag, { digest, before, signal, onEvent });
  });
  return writer.held.highest!.digest;
}

/** Puts tags where a store lists them together: so no other state is ever seen, unless they are very many. */
export async function listTags(writer: TagWriter, images: Iterable<TaggedImage>): Promise<void> {
  let together: TaggedImage[] = [];
  for (const image of images) {
    if (together.push(image) < MOST_TOGETHER) continue;
    await writer.putTogether(together);
    together = [];
  }
  if (together.length > 0) await writer.putTogether(together);
}

function* inOrder({ first, middle, last }: ImagesToTag): Generator<TaggedImage> {
  if (first) yield first;
  yield* middle;
  yield last;
}
