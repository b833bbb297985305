/** Sets, lists and removes aliases: tags whose manifests list blobs. @module */
import { Hasher } from "../content/hasher.ts";
import { NotFoundError } from "../errors.ts";
import { byPlatform } from "../images/platforms.ts";
import { listImages, requireManifest } from "../images/index_tree.ts";
import { EMPTY_CONFIG } from "../oci/artifact_manifest.ts";
import type { Digest } from "../oci/digest.ts";
import { isIndex } from "../oci/image_index.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { FAMILIES } from "../oci/media_types.ts";
import { parseTag } from "../oci/reference.ts";
import { freeReplaced } from "../store/free.ts";
import type { BlobReader, CallOptions, ManifestReader, Store, StoreReader } from "../store/store.ts";
import { statFile } from "../files/input.ts";
import { requireFreeTag } from "../stash/free_tag.ts";
import { requireRemovable } from "../stash/require_no_chunk.ts";
import { inParallel } from "../async/pool.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { bytesSource } from "../content/source.ts";
import { withoutProgress } from "../events.ts";
import { putInFamily } from "../store/manifest_format.ts";
import { aliasManifest } from "./alias_manifest.ts";

/** How many requests for the sizes of blobs run at once. */
const JOBS = 4;

/** Options of {@link setAlias}. */
export interface SetAliasOptions extends CallOptions {
  /** The digests of the blobs, in order. The blobs must exist. */
  digests: readonly Digest[];
  /** Replaces another alias or an image of this name; absent = that is a conflict. */
  overwrite?: boolean | undefined;
}

/**
 * Makes an alias for one or more blobs. In docker's format the manifest is the same as the one that dxf writes.
 *
 * @returns the manifest of the alias
 * @throws {NotFoundError} if a blob is not in the repository
 * @throws {InvalidInputError} if `alias` is not a valid tag, a digest is malformed, or `digests` is empty
 * @throws {ConflictError} if the tag holds something else and `overwrite` is not set, or a chunk of a stash
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { getAlias, pushBlob, setAlias } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * const { digest } = await pushBlob(store, new Response("hello").body!);
 * await setAlias(store, "may15-readings", { digests: [digest] });
 * const found = await getAlias(store, "may15-readings");
 * if (JSON.stringify(found) !== JSON.stringify([digest])) throw new Error("unexpected alias");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function setAlias(store: Store, alias: string, options: SetAliasOptions): Promise<Manifest> {
  const { digests = [], overwrite, signal, onEvent } = options;
  parseTag(alias);
  const blobs: SizedBlob[] = [];
  await inParallel(digests.entries(), { jobs: JOBS, signal }, async ([index, digest], signal) => {
    const size = await store.stat(digest, { signal, onEvent });
    if (size === undefined) throw noBlob(store, digest, "store it first with layerstash blob push");
    blobs[index] = { digest, size };
  });
  return await putAlias(store, alias, blobs, { overwrite, signal, onEvent });
}

/** What making an alias takes, beside what every call takes. */
interface PutAliasOptions extends CallOptions {
  overwrite?: boolean | undefined;
}

/**
 * Makes an alias for blobs whose sizes are known.
 *
 * @throws {ConflictError} if the tag holds something else and `overwrite` is not set, or a chunk of a stash
 */
export async function putAlias(
  store: Store,
  alias: string,
  blobs: readonly SizedBlob[],
  { overwrite, ...options }: PutAliasOptions,
): Promise<Manifest> {
  await requireAliasFor(store, alias, blobs, { overwrite, ...options });
  const manifest = await putInFamily(store, alias, async (family) => {
    if (family === "oci") await storeEmptyConfig(store, options);
    return aliasManifest(blobs, family);
  }, options);
  await freeReplaced(store, [alias], { keepBlobs: true, ...options });
  return manifest;
}

/**
 * Makes sure that an alias can be made for blobs: its tag is free, or holds just that, in either format.
 *
 * @throws {ConflictError} as `putAlias` does
 */
export async function requireAliasFor(
  store: StoreReader,
  alias: string,
  blobs: readonly SizedBlob[],
  options: PutAliasOptions,
): Promise<void> {
  const digests = FAMILIES.map((family) => aliasManifest(blobs, family).digest);
  await requireFreeTag(store, parseTag(alias), { ...options, digests });
}

/**
 * Makes sure that an alias can be made for blobs whose digests are not known yet, before the first byte is read. It lets pass
 * what can still turn out to be a conflict, other bytes of the same size, and returns `false` then.
 *
 * @param sizes the sizes of the blobs, in order; `undefined` = not known
 * @throws {ConflictError} as `putAlias` does
 */
export async function requireFreeAlias(
  store: StoreReader,
  alias: string,
  { sizes, ...options }: PutAliasOptions & { sizes: readonly (number | undefined)[] },
): Promise<boolean> {
  const mayBe = (held: Manifest) => {
    if (isIndex(held)) return false;
    const { layers } = readImageManifest(held);
    return layers.length === sizes.length &&
      layers.every(({ size }, index) => (sizes[index] ?? size) === size);
  };
  return await requireFreeTag(store, parseTag(alias), { ...options, mayBe });
}

async function storeEmptyConfig(store: Store, options: CallOptions): Promise<void> {
  const onEvent = withoutProgress(options.onEvent ?? store.onEvent);
  await store.write(bytesSource(EMPTY_CONFIG), { ...options, what: "the config of the alias", onEvent });
}

/** The error for a blob that does not exist. */
export function noBlob(store: BlobReader, digest: Digest, hint?: string): NotFoundError {
  return new NotFoundError(`there is no blob ${digest} in ${store.name}`, hint === undefined ? {} : { hint });
}

/**
 * The digest of a local file, which is its name as a blob.
 *
 * @throws {NotFoundError} if the file does not exist
 *
 * @example
 * ```ts
 * import { digestOfFile } from "@layerstash/cli/blobs";
 *
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "hello");
 * if (!(await digestOfFile(path)).startsWith("sha256:2cf24dba5fb0a30e")) throw new Error("unexpected digest");
 * await Deno.remove(path);
 * ```
 */
export async function digestOfFile(path: string): Promise<Digest> {
  using hasher = new Hasher();
  const { size } = await statFile(path);
  return await hasher.file(path, { start: 0, end: size });
}

/**
 * Removes an alias. Its blobs stay, and so do other aliases of the same manifest.
 *
 * @returns the digests of the blobs that it pointed to; for images of several platforms the digests of their manifests, by
 *   platform
 * @throws {InvalidInputError} if `alias` is not a valid tag
 * @throws {NotFoundError} if the alias does not exist
 * @throws {NotAllowedError} if the registry cannot remove tags
 * @throws {ConflictError} if the tag holds a chunk of a stash
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { listAliases, pushBlob, removeAlias } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * for (const alias of ["one", "two"]) {
 *   await pushBlob(store, new Response("hello").body!, { alias });
 * }
 * await removeAlias(store, "one");
 * if ((await Array.fromAsync(listAliases(store))).join() !== "two") throw new Error("unexpected aliases");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function removeAlias(
  store: Store,
  alias: string,
  options: CallOptions = {},
): Promise<Digest[] | ReadonlyMap<string, Digest>> {
  const manifest = await requireManifest(store, parseTag(alias), options);
  await requireRemovable(store, alias, options);
  const pointedTo = isIndex(manifest)
    ? new Map([...byPlatform(await listImages(store, manifest, options))].map(digestByName))
    : readImageManifest(manifest).layers.map(({ digest }) => digest);
  await store.removeManifest(alias, options);
  await store.free?.([alias], { ...options, keepBlobs: true, signal: undefined });
  return pointedTo;
}

function digestByName([name, { digest }]: [string, { digest: Digest }]): [string, Digest] {
  return [name, digest];
}

/**
 * Lists the aliases of a repository, which are all of its tags. Pages are requested as they are needed.
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { listAliases } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * for await (const alias of listAliases(store)) throw new Error(`unexpected alias ${alias}`);
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export function listAliases(store: ManifestReader, options: CallOptions = {}): AsyncIterable<string> {
  return store.tags(options);
}
