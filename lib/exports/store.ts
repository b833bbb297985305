/**
 * The contract of a store: one repository, with its blobs, manifests, tags and referrers. `openStore` opens the store of
 * a repository in a registry or in a directory. Use it to work with blobs and manifests directly, or implement the
 * contract to keep files elsewhere.
 *
 * `read` verifies a blob as it flows; `readUnverified` reads ranges, and says by its name that it does not. Putting and
 * removing manifests free no space in a directory: call `free` with the tags when a change is complete.
 *
 * @example Store a blob and a manifest that lists it
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { bytesSource, encodeManifest } from "@layerstash/cli/store";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/notes" });
 *
 * const layer = await store.write(bytesSource(new TextEncoder().encode("hello")));
 * const config = await store.write(bytesSource(new TextEncoder().encode("{}")));
 * const mediaType = "application/vnd.oci.image.manifest.v1+json";
 * await store.putManifest("greeting", encodeManifest({ schemaVersion: 2, mediaType, config, layers: [layer] }));
 *
 * if ((await Array.fromAsync(store.tags())).join() !== "greeting") throw new Error("unexpected tags");
 * if (await new Response(await store.read(layer.digest)).text() !== "hello") throw new Error("unexpected bytes");
 *
 * await store.removeManifest("greeting");
 * await store.free?.(["greeting"]);
 * if (await store.stat(layer.digest) !== undefined) throw new Error("it still takes up space");
 * await Deno.remove(directory, { recursive: true });
 * ```
 *
 * @module
 */
export type {
  BeginUploadOptions,
  BlobOptions,
  BlobProof,
  BlobReader,
  BlobState,
  BlobStore,
  BrokenRead,
  CallOptions,
  ChangeOptions,
  Checkpoint,
  DraftFile,
  FreeOptions,
  ManifestReader,
  ManifestStore,
  PutOptions,
  ReadOptions,
  ReferrersOptions,
  ReuseOptions,
  StatOptions,
  Store,
  StoreReader,
  TagsOptions,
  UploadInPieces,
  UploadPoint,
  UploadsInPieces,
  WriteOptions,
} from "../store/store.ts";
export { type ByteRange, bytesSource, type Source } from "../content/source.ts";
export type { Turn } from "../async/turns.ts";
export type { Descriptor, SizedBlob } from "../oci/descriptor.ts";
export { type Algorithm, type Digest, digestOf, type DigestOptions } from "../oci/digest.ts";
export { encodeManifest, type Manifest, manifestOf } from "../oci/manifest.ts";
export type { Family } from "../oci/media_types.ts";
export { RangeRefusedError } from "../errors.ts";
