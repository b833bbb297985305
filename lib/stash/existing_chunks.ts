/** Looks up what already exists under the tags of a stash that is about to be stored. @module */
import { inParallel } from "../async/pool.ts";
import { ConflictError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { type Family, OCTET_STREAM } from "../oci/media_types.ts";
import { askAhead } from "../store/asked_ahead.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { type ChunkImage, lookAtTag, type TagContent } from "./chunk_image.ts";
import { chunkTag } from "./chunk_tags.ts";
import { findStashImages, undefinedIfBroken } from "./find_stash.ts";
import { unsharedNumbers } from "./shared_names.ts";
import type { Slicing, Stash } from "./stash.ts";

/** What exists under the tags of one stash. */
export interface ExistingChunks {
  /** The numbers of the tags that hold chunks, or did a moment ago, in order. */
  numbers: number[];
  /** The numbers of the tags that hold something else: they are of others, and never replaced. In order. */
  foreign: number[];
  /** The layer under each tag of a chunk, by number; `undefined` = the chunk cannot be read. */
  layers: Map<number, Descriptor | undefined>;
  /** The manifests of the chunks that were read. */
  manifests: Set<Digest>;
  /** The family of their manifests, by that of chunk 1 where there is one. */
  family?: Family | undefined;
  /** When the file was last changed, by the config of chunk 1; absent where the stash is complete. */
  modified?: string | undefined;
  /** How the existing stash was sliced, as far as its chunks say it. */
  slicing?: Slicing | undefined;
  /** The stash; absent where it is incomplete, torn or malformed, or cannot prove that it is complete. */
  complete?: Stash | undefined;
  /** Whether the tags lead to a file that can be brought back: it is complete, or nothing shows that it is not. */
  isReadable: boolean;
  /** The numbers of the chunks of `complete` whose tags do not hold them: they were lost. */
  untagged: number[];
}

/**
 * Looks up which chunks exist. The manifest of every tag is read: a tag may hold an image of somebody else. That of chunk 1 is
 * asked for beside the list of tags, which may leave it out.
 *
 * @throws {ConflictError} if a folder has the name
 */
export async function lookUpExisting(
  store: StoreReader,
  baseTag: string,
  options: CallOptions & { jobs?: number | undefined },
): Promise<ExistingChunks> {
  // Where reads of manifests count against a limit, only the ones that are needed are made.
  if (store.manifestReadsCount) return await lookUpChunks(store, baseTag, options);
  await using ahead = askAhead(store, chunkTag(baseTag, 1), options);
  return await lookUpChunks(ahead.reader, baseTag, options);
}

/** What of it decides whether a tag may move. */
export type ReplaceableChunks = Pick<ExistingChunks, "layers" | "manifests" | "isReadable">;

/** A look at what exists, which several ask for: it is made when the first of them does, and once. */
export type ExistingLook = (
  options: CallOptions & { jobs?: number | undefined },
) => Promise<ExistingChunks>;

/** Looks up which chunks exist, when that is asked for. */
export function lookUpOnce(store: StoreReader, baseTag: string): ExistingLook {
  let existing: Promise<ExistingChunks> | undefined;
  return (options) => existing ??= lookUpExisting(store, baseTag, options);
}

async function lookUpChunks(
  store: StoreReader,
  baseTag: string,
  { jobs = DEFAULT_JOBS, ...options }: CallOptions & { jobs?: number | undefined },
): Promise<ExistingChunks> {
  const numbers = await unsharedNumbers(store, baseTag, options);
  const foreign: number[] = [];
  const layers = new Map<number, Descriptor | undefined>();
  const manifests = new Set<Digest>();
  if (numbers.length === 0) return { numbers, foreign, layers, manifests, isReadable: false, untagged: [] };
  const found = await findStashImages(store, baseTag, { ...options, numbers }).catch(undefinedIfBroken);
  const complete = found?.stash.provenComplete ? found.stash : undefined;
  const read = new Map(found?.images.map((image) => [image.tag, image]));
  let first: ChunkImage | undefined;
  let family: Family | undefined;
  const all = new Set([...numbers, ...complete?.chunks.map(({ number }) => number) ?? []]);
  await inParallel(all, { jobs, signal: options.signal }, async (number, signal) => {
    const tag = chunkTag(baseTag, number);
    const image = read.get(tag);
    const content: TagContent = image
      ? { kind: "chunk", image }
      : await lookAtTag(store, tag, { ...options, signal });
    if (content.kind === "absent") return; // GHCR lists tags for a while after their removal
    if (content.kind === "foreign") return void foreign.push(number);
    layers.set(number, content.kind === "chunk" ? content.image.layer : undefined);
    if (content.kind !== "chunk") return;
    manifests.add(content.image.manifest);
    if (number === 1) first = content.image;
    if (number === 1 || !family) family = content.image.family;
  });
  const ours = numbers.filter((number) => !foreign.includes(number));
  const existing = {
    numbers: ours,
    foreign: foreign.sort((a, b) => a - b),
    layers,
    manifests,
    family,
    isReadable: found !== undefined,
  };
  if (complete) return withTable(existing, complete);
  const size = numbers.length > 1 ? layers.get(1)?.size : undefined; // the Python layerstash notes no chunk size
  const slicing = first?.config.layerstash ?? (size ? { chunkSize: size } : undefined);
  return { ...existing, modified: first?.config.created, slicing, untagged: [] };
}

/** The table of a complete stash lists all layers, also those whose tags are gone or hold something else. */
function withTable(existing: Omit<ExistingChunks, "untagged">, complete: Stash): ExistingChunks {
  const { layers } = existing;
  const lost = complete.chunks.filter(({ number, digest }) => layers.get(number)?.digest !== digest);
  for (const { number, digest, size } of complete.chunks) {
    layers.set(number, { mediaType: OCTET_STREAM, digest, size });
  }
  const beyond = existing.numbers.filter((number) => number > complete.chunks.length);
  for (const number of beyond) layers.delete(number);
  return { ...existing, complete, slicing: complete, untagged: lost.map(({ number }) => number) };
}

/** Whether the tag of a chunk held the chunk's bytes when the upload began. */
export function isExisting(
  { layers }: Pick<ExistingChunks, "layers">,
  { number, layer }: { number: number; layer: Descriptor },
): boolean {
  return layers.get(number)?.digest === layer.digest;
}

/** The error of a tag that a chunk needs, and that holds an image of somebody else. It is never replaced. */
export function foreignConflict(tag: string): ConflictError {
  return new ConflictError(`the tag ${tag} already exists and is not a chunk of a stored file: it is kept`, {
    hint: "use another name, or remove the image yourself if nobody needs it",
  });
}
