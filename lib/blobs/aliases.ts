/** Sets, lists and removes aliases: tags whose manifests list blobs. @module */
import { Hasher } from "../content/hasher.ts";
import { NotFoundError } from "../errors.ts";
import { byPlatform } from "../images/platforms.ts";
import { listImages, requireManifest } from "../images/index_tree.ts";
import { EMPTY_CONFIG } from "../oci/artifact_manifest.ts";
import type { Digest } from "../oci/digest.ts";
import { isIndex } from "../oci/image_index.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { parseTag } from "../oci/reference.ts";
import { freeReplaced } from "../store/free.ts";
import type { BlobReader, CallOptions, ManifestReader, Store } from "../store/store.ts";
import { statFile } from "../files/input.ts";
import { requireNoChunk, requireRemovable } from "../stash/require_no_chunk.ts";
import { requireNoOtherFolder } from "../stash/shared_names.ts";
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
}

/**
 * Makes an alias for one or more blobs. An existing alias is replaced. In docker's format the manifest is the same as the
 * one that dxf writes.
 *
 * @returns the manifest of the alias
 * @throws {NotFoundError} if a blob is not in the repository
 * @throws {InvalidInputError} if `alias` is not a valid tag, a digest is malformed, or `digests` is empty
 * @throws {ConflictError} if the tag belongs to a chunk of a stash, or to a folder
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
  const { digests = [], signal, onEvent } = options;
  parseTag(alias);
  const blobs: SizedBlob[] = [];
  await inParallel(digests.entries(), { jobs: JOBS, signal }, async ([index, digest], signal) => {
    const size = await store.stat(digest, { signal, onEvent });
    if (size === undefined) throw noBlob(store, digest, "store it first with layerstash blob push");
    blobs[index] = { digest, size };
  });
  return await putAlias(store, alias, blobs, { signal, onEvent });
}

/** Makes an alias for blobs whose sizes are known. */
export async function putAlias(
  store: Store,
  alias: string,
  blobs: readonly SizedBlob[],
  options: CallOptions,
): Promise<Manifest> {
  const { digest } = aliasManifest(blobs, store.family);
  await requireNoChunk(store, parseTag(alias), { ...options, digest });
  await requireNoOtherFolder(store, alias, { ...options, digest });
  const manifest = await putInFamily(store, alias, async (family) => {
    if (family === "oci") await storeEmptyConfig(store, options);
    return aliasManifest(blobs, family);
  }, options);
  await freeReplaced(store, [alias], { keepBlobs: true, ...options });
  return manifest;
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
