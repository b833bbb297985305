/** What else is done with blobs: asking for sizes, taking them over, removing them. @module */
import { LayerstashError, NotAllowedError, NotFoundError, RegistryError } from "../errors.ts";
import { type ByPlatform, isByPlatform, mapEach, type PlatformOptions } from "../images/platforms.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { parseRepository, parseTag } from "../oci/reference.ts";
import type { BlobStore, CallOptions, Store, StoreReader } from "../store/store.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { totalSize } from "./alias_manifest.ts";
import { noBlob, putAlias } from "./aliases.ts";
import { findNamed, type NamedBlobs, requireNames } from "./named_blobs.ts";

/**
 * The size of a blob in bytes; of an alias, the sum of its blobs; of several images, the sums by platform.
 *
 * @throws {InvalidInputError} when it is neither a digest nor an alias
 * @throws {NotFoundError} when there is no such blob or alias
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
  return mapEach(await findNamed(store, name, options), totalSize);
}

/** What `mountBlob` takes. */
export interface MountBlobOptions extends CallOptions {
  /** The repository of the same registry that has it. */
  from: string;
  /** A name that points to the blob then; absent = none. */
  alias?: string | undefined;
}

/**
 * Takes a blob over from another repository of the same registry. Its bytes are not moved.
 *
 * @throws {InvalidInputError} when the digest, the repository or the name is none
 * @throws {NotFoundError} when the registry does not do it
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
  const { from, alias, signal, onEvent } = options;
  if (alias !== undefined) parseTag(alias);
  const mounted = await store.mount(digest, parseRepository(from), { signal, onEvent });
  const size = mounted ? await store.stat(digest, { signal, onEvent }) : undefined;
  if (size === undefined) {
    throw new NotFoundError(`${store.name} does not take over the blob ${digest} from ${from}`, {
      hint:
        "it may not be there, or you may not read it; else copy it: layerstash blob pull | layerstash blob push",
    });
  }
  if (alias !== undefined) await putAlias(store, alias, [{ digest, size }], { signal, onEvent });
  return { digest, size };
}

/** What became of blobs that were to be removed. */
export interface BlobRemoval {
  /** The digests of those that are gone. */
  removed: Digest[];
  /** Those that are still there, or never were, each with the reason. */
  kept: { digest: Digest; error: LayerstashError }[];
}

/**
 * Removes blobs. An alias means the blobs that it points to, of all platforms where none is named; it stays, and points
 * to nothing then.
 *
 * @throws {InvalidInputError} when a name is none; nothing is removed then
 * @throws {NotFoundError} when there is no such alias
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
    for (const digest of await digestsOf(store, name, options)) digests.add(digest);
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

async function digestsOf(store: StoreReader, name: NamedBlobs, options: PlatformOptions): Promise<Digest[]> {
  if (isDigest(name)) return [name];
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
    throw new NotAllowedError(`${store.name} removes no blobs: the registry answers ${error.status}`, {
      hint: "registries remove blobs by themselves when nothing points to them: see layerstash alias remove",
      cause: error,
    });
  }
}
