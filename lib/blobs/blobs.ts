/** Reads sizes of blobs, mounts blobs, and removes them. @module */
import { LayerstashError, NotAllowedError, NotFoundError, RegistryError } from "../errors.ts";
import { type ByPlatform, isByPlatform, mapEach, type PlatformOptions } from "../images/platforms.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isManifest } from "../oci/manifest.ts";
import { parseRepository, parseTag } from "../oci/reference.ts";
import { requireRemovable } from "../stash/require_no_chunk.ts";
import type { BlobStore, CallOptions, Store, StoreReader } from "../store/store.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { totalBlobSize } from "./alias_manifest.ts";
import { noBlob, putAlias } from "./aliases.ts";
import { findNamed, type NamedBlobs, parseBlobName, requireNames } from "./named_blobs.ts";

/**
 * The size of a blob in bytes. For an alias it is the total size of its blobs; for images of several platforms the
 * total sizes, by platform.
 *
 * @throws {InvalidInputError} if `name` is neither a digest nor an alias
 * @throws {NotFoundError} if the blob or alias does not exist
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { blobSize, pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await pushBlob(store, new Response("hello").body!, { alias: "greeting" });
 * if (await blobSize(store, "@greeting") !== 5) throw new Error("unexpected size");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function blobSize(
  store: StoreReader,
  name: NamedBlobs,
  options: PlatformOptions = {},
): Promise<ByPlatform<number>> {
  return mapEach(await findNamed(store, name, options), totalBlobSize);
}

/** Options of {@link mountBlob}. */
export interface MountBlobOptions extends CallOptions {
  /** The repository of the same registry that has the blob. */
  from: string;
  /** An alias to make for the blob; absent = none. */
  alias?: string | undefined;
  /** Replaces another alias or an image of that name; absent = that is a conflict. */
  overwrite?: boolean | undefined;
}

/**
 * Mounts a blob from another repository of the same registry: no bytes are sent.
 *
 * @throws {InvalidInputError} if the digest, the repository name or the alias is not valid
 * @throws {NotFoundError} if the registry does not mount it: the other repository does not have it, or must not be read
 * @throws {ConflictError} if the alias is the tag of something else and `overwrite` is not set, or of a chunk of a stash
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { mountBlob, pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using one = openStore({ registry: `oci:${directory}`, repository: "me/one" });
 * using two = openStore({ registry: `oci:${directory}`, repository: "me/two" });
 * const { digest } = await pushBlob(one, new Response("hello").body!);
 * await mountBlob(two, digest, { from: "me/one" });
 * if (await two.stat(digest) !== 5) throw new Error("it is not there");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function mountBlob(
  store: Store,
  digest: Digest,
  options: MountBlobOptions,
): Promise<SizedBlob> {
  const { from, alias, overwrite, signal, onEvent } = options;
  if (alias !== undefined) parseTag(alias);
  await store.mount(digest, parseRepository(from), { signal, onEvent });
  // A registry whose repositories share their blobs mounts nothing, and has the blob all the same.
  const size = await store.stat(digest, { signal, onEvent });
  if (size === undefined) {
    throw new NotFoundError(`${store.name} does not mount the blob ${digest} from ${from}`, {
      hint:
        "it may be absent, or you may not read it; otherwise copy it: layerstash blob pull | layerstash blob push",
    });
  }
  if (alias !== undefined) await putAlias(store, alias, [{ digest, size }], { overwrite, signal, onEvent });
  return { digest, size };
}

/** The result of {@link removeBlobs}. */
export interface BlobRemoval {
  /** The digests of the blobs that were removed. */
  removed: Digest[];
  /** The digests of the blobs that were not removed or did not exist, each with the reason. */
  kept: { digest: Digest; error: LayerstashError }[];
}

/**
 * Removes blobs. An alias stands for the blobs that it lists, for all platforms unless one is chosen. The alias itself
 * stays, although its blobs are gone.
 *
 * @throws {InvalidInputError} if a name is neither a digest nor an alias; nothing was removed
 * @throws {NotFoundError} if an alias does not exist; nothing was removed
 * @throws {ConflictError} if an alias is the tag of a stash's chunk; nothing was removed
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { pushBlob, removeBlobs } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * const { digest } = await pushBlob(store, new Response("hello").body!);
 * const { removed } = await removeBlobs(store, [digest]);
 * if (removed[0] !== digest || await store.stat(digest) !== undefined) throw new Error("it is still there");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function removeBlobs(
  store: Store,
  names: readonly NamedBlobs[],
  options: PlatformOptions = {},
): Promise<BlobRemoval> {
  const digests = new Set<Digest>();
  for (const name of requireNames(names)) {
    for (const digest of await digestsNamed(store, name, options)) digests.add(digest);
  }
  const removal: BlobRemoval = { removed: [], kept: [] };
  for (const digest of digests) {
    try {
      await removeBlob(store, digest, options);
      removal.removed.push(digest);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof LayerstashError)) throw error;
      removal.kept.push({ digest, error });
    }
  }
  return removal;
}

async function digestsNamed(
  store: StoreReader,
  name: NamedBlobs,
  options: PlatformOptions,
): Promise<Digest[]> {
  if (isDigest(name)) return [name];
  if (!isManifest(name)) await requireRemovable(store, parseBlobName(name).slice(1), options);
  const found = await findNamed(store, name, options);
  const lists = isByPlatform(found) ? [...found.values()] : [found];
  return lists.flat().map(({ digest }) => digest);
}

async function removeBlob(store: BlobStore, digest: Digest, options: CallOptions): Promise<void> {
  if (await store.stat(digest, options) === undefined) throw noBlob(store, digest);
  try {
    await store.remove(digest, options);
  } catch (error) {
    if (!(error instanceof RegistryError) || ![400, 405, 501].includes(error.status)) throw error;
    throw new NotAllowedError(`${store.name} does not remove blobs: the registry answers ${error.status}`, {
      hint: "registries delete blobs themselves once nothing points to them: see layerstash alias remove",
      cause: error,
    });
  }
}
