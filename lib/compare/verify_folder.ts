/** Checks what a registry has of a folder: whether its layers are there, and whether every byte of them is right. @module */
import { inParallel } from "../async/pool.ts";
import { MismatchError, NotFoundError } from "../errors.ts";
import type { Identities } from "../encryption/identities.ts";
import { withChannel, withStoredDigests } from "../events.ts";
import { type FindFolderOptions, folderOf } from "../folders/folder_image.ts";
import { decryptedImages } from "../images/decrypted_images.ts";
import { isEncryptedImage } from "../images/encrypted_image.ts";
import { findImage, type Image, type Layer } from "../images/image.ts";
import { LayerBlob } from "../layers/layer_blob.ts";
import { readLayer } from "../layers/read_layer.ts";
import { totalSize } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { checkTransfer, DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { TableCheck } from "./table_check.ts";

/** Options of `verifyFolder`. */
export interface VerifyFolderOptions extends FindFolderOptions {
  /** Reads every byte; absent = asks whether the layers are there, and how large they are. */
  deep?: boolean | undefined;
  /** How many layers are checked at once; absent = 4. */
  jobs?: number | undefined;
  /** Keys that open an encrypted folder; absent = of one that is encrypted, the stored bytes are checked alone. */
  identities?: Identities | undefined;
}

/** What is wrong with a layer of a folder. */
export interface FolderFault {
  /** The number of the layer, from 1; 0 = the description of an encrypted folder. */
  layer: number;
  /** `table`: its table of contents does not say what its archive has. */
  kind: "missing" | "size" | "bytes" | "table";
  /** What is wrong, in words. */
  problem: string;
}

/** A folder that was checked. */
export interface VerifiedFolder {
  /** The digest of the manifest. */
  digest: Digest;
  /** How many files and links it has; absent = it is encrypted, and was not opened. */
  files?: number;
  /** The bytes of all files; of an encrypted folder that was not opened, those of its layers. */
  size: number;
  /** How many layers it has. */
  layers: number;
  /** What is wrong; empty = nothing. */
  faults: FolderFault[];
}

/**
 * Checks what a registry has of a folder. Its manifest and its config are read and verified; of its layers the sizes are
 * asked for, or, with `deep`, every byte is read: the digest of the layer, the digest of its table of contents, and whether
 * the table lists what the archive has, to the digests of all files. Of an encrypted folder, without a key, the digests of the
 * stored bytes are compared.
 *
 * @throws {NotAllowedError} if it is encrypted for none of the identities
 * @throws {NotFoundError} if there is no such image
 * @throws {InvalidInputError} if it is not a folder, or an option is out of range
 * @throws {MismatchError} if its manifest or its config is malformed
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { uploadFolder, verifyFolder } from "@layerstash/cli/folders";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.mkdir(`${directory}/site`);
 * await Deno.writeTextFile(`${directory}/site/index.html`, "<h1>Hello</h1>");
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * await uploadFolder(store, "site", { directory: `${directory}/site` });
 * const { faults, files } = await verifyFolder(store, "site", { deep: true });
 * if (faults.length > 0 || files !== 1) throw new Error("not intact");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function verifyFolder(
  store: StoreReader,
  reference: string,
  options: VerifyFolderOptions = {},
): Promise<VerifiedFolder> {
  checkTransfer(options);
  const { identities, ...reporting } = withChannel(options, store);
  const { platform, onEvent, signal } = reporting;
  const reader = decryptedImages(store, { identities });
  const found = await findImage(reader, reference, { platform, onEvent, signal });
  if (isEncryptedImage(found.manifest)) return await verifyStored(store, found, reporting);
  const folder = await folderOf(reader, found, { name: reference, onEvent, signal });
  const { manifest: { digest, storedAs = digest, storedLayers }, layers } = found;
  const check = reporting.deep ? byReading(readEveryEntry) : checkPresenceOf;
  const told = { ...reporting, onEvent: withStoredDigests(onEvent, storedLayers) };
  const faults = await checkLayers(reader, layers, check, told);
  return { digest: storedAs, files: folder.files, size: folder.size, layers: layers.length, faults };
}

/** Checks the stored bytes of an encrypted folder, for which no key is needed. */
async function verifyStored(
  store: StoreReader,
  { manifest: { digest }, layers }: Image,
  options: VerifyFolderOptions,
): Promise<VerifiedFolder> {
  const blobs = layers.map((layer) => ({ ...layer, number: layer.number - 1 })); // the first is the description
  const faults = await checkLayers(
    store,
    blobs,
    options.deep ? byReading(readBytes) : checkPresenceOf,
    options,
  );
  const size = totalSize(layers);
  return { digest, size, layers: layers.length - 1, faults };
}

/** Looks at a layer. */
type LayerCheck = (
  store: StoreReader,
  layer: Layer,
  options: CallOptions,
) => Promise<FolderFault | undefined>;

async function checkLayers(
  store: StoreReader,
  layers: readonly Layer[],
  check: LayerCheck,
  { jobs = DEFAULT_JOBS, onEvent, signal }: VerifyFolderOptions,
): Promise<FolderFault[]> {
  onEvent?.({ type: "plan", blobs: layers.length, size: totalSize(layers) });
  const faults: FolderFault[] = [];
  await inParallel(layers, { jobs, signal }, async (layer, signal) => {
    const fault = await check(store, layer, { onEvent, signal });
    if (fault) faults.push(fault);
    const { digest, size } = layer;
    const index = layers.indexOf(layer) + 1;
    const problem = fault?.problem;
    onEvent?.({ type: "blob", index, state: "checked", digest, size, ...(problem && { fault: problem }) });
  });
  return faults.sort((one, other) => one.layer - other.layer);
}

async function checkPresenceOf(
  store: StoreReader,
  { number: layer, digest, size }: Layer,
  options: CallOptions,
): Promise<FolderFault | undefined> {
  const found = await store.stat(digest, { size, what: `layer ${layer}`, ...options });
  if (found === size) return undefined;
  return found === undefined
    ? { layer, kind: "missing", problem: "it is missing" }
    : { layer, kind: "size", problem: `it has ${found} bytes, not ${size}` };
}

/** Reads a layer to its last byte, and says what else than its bytes is wrong; `undefined` = nothing. */
type LayerReading = (blob: LayerBlob) => Promise<string | undefined>;

/** Takes what hinders a reading of a layer, and what it says, as a fault. */
function byReading(read: LayerReading): LayerCheck {
  return async (store, layer, options) => {
    const { number } = layer;
    try {
      const lie = await read(new LayerBlob(store, layer, options));
      if (lie === undefined) return undefined;
      return { layer: number, kind: "table", problem: `its table of contents is wrong: ${lie}` };
    } catch (error) {
      if (error instanceof NotFoundError) return { layer: number, kind: "missing", problem: "it is missing" };
      if (error instanceof MismatchError) return { layer: number, kind: "bytes", problem: error.message };
      throw error;
    }
  };
}

/** Reads a layer, whatever it holds. */
async function readBytes(blob: LayerBlob): Promise<undefined> {
  for await (const _ of blob.from(0, { all: true }));
}

/** Reads the archive that a layer is, and beside it its table of contents. */
async function readEveryEntry(blob: LayerBlob): Promise<string | undefined> {
  const table = await TableCheck.of(blob);
  for await (const open of readLayer(blob, { want: "bytes", whole: true })) await table.see(open);
  return table.end();
}
