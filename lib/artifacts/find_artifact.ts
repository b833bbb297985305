/** Finds out what lies under a tag or digest, by its manifest. @module */
import type { Identities } from "../encryption/identities.ts";
import { LayerstashError } from "../errors.ts";
import { readFolder } from "../folders/folder_image.ts";
import { decryptedImages } from "../images/decrypted_images.ts";
import { readConfigBytes } from "../images/image_config.ts";
import { listImages, readListedImage, requireManifest } from "../images/index_tree.ts";
import { chooseImage } from "../images/platforms.ts";
import { EMPTY_TYPE } from "../oci/artifact_manifest.ts";
import { totalSize } from "../oci/descriptor.ts";
import { type IndexedManifest, isIndex, isRunnable } from "../oci/image_index.ts";
import { type Manifest, readImageManifest } from "../oci/manifest.ts";
import { defaultPlatform, formatPlatform } from "../oci/platform.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import type { Artifact, ArtifactReader, Subject } from "./artifact.ts";
import { helmChart } from "./helm_chart.ts";
import { containerImage, encryptedFolder, stashChunk } from "./images.ts";
import { dockerModel, modelPack, ollamaModel } from "./models.ts";
import { dxfAlias, severalBlobs, singleBlob } from "./nameless_blobs.ts";
import { homebrewBottle, isBottle, orasArtifact } from "./titled_files.ts";

/** The readers in the order in which they are asked. The last one recognizes everything. */
const READERS: readonly ArtifactReader[] = [
  helmChart,
  modelPack,
  dockerModel,
  ollamaModel,
  homebrewBottle,
  dxfAlias,
  stashChunk,
  encryptedFolder,
  containerImage,
  orasArtifact,
  singleBlob,
  severalBlobs,
];

/** Options for finding an artifact. */
export interface FindArtifactOptions extends CallOptions {
  /** `os/architecture[/variant][:version]`; absent = the only one, or that of this machine. */
  platform?: string | undefined;
  /** Keys that open an encrypted folder; absent = nothing is known of what it holds. */
  identities?: Identities | undefined;
  /** Takes the first entry of an index where none is for this machine, and no platform is wanted. */
  orFirst?: boolean | undefined;
}

/**
 * Finds out what a tag or digest stands for, and of which files it consists. The manifest tells it, for a chart or an image
 * also the config; nothing else is fetched. In an index, the entry for a platform is taken.
 *
 * @throws {InvalidInputError} if the reference is neither a tag nor a digest, or several entries fit the platform
 * @throws {NotFoundError} if it does not exist, or there is none for the platform
 * @throws {NotAllowedError} if it is encrypted for none of the identities
 * @throws {MismatchError} if a manifest is malformed
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { findArtifact } from "@layerstash/cli/artifacts";
 * import { pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await pushBlob(store, new Response("hello").body!, { alias: "greeting" });
 * const { kind, files: [file] } = await findArtifact(store, "greeting");
 * if (kind !== "dxf alias" || file?.path !== "greeting") throw new Error("unexpected artifact");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function findArtifact(
  store: StoreReader,
  reference: string,
  { identities, ...options }: FindArtifactOptions = {},
): Promise<Artifact> {
  if (identities) {
    return await findArtifact(decryptedImages(store, { identities, quiet: true }), reference, options);
  }
  const found = await requireManifest(store, reference, options);
  if (!isIndex(found)) return await recognized(store, reference, found, options);
  const { entry, platforms, refusal } = await chooseEntry(store, found, options);
  const manifest = await readListedImage(store, entry.digest, options);
  const artifact = await recognized(store, reference, manifest, options, entry);
  if (refusal && artifact.files.length > 0 && !options.orFirst) throw refusal;
  return { ...artifact, platforms };
}

/**
 * The entry of an index for a platform. Where none is wanted, and none is for this machine, the first one tells what the
 * index is for; `refusal` says why it is not taken.
 */
async function chooseEntry(
  store: StoreReader,
  index: Manifest,
  { platform, ...options }: FindArtifactOptions,
): Promise<{ entry: IndexedManifest; platforms: IndexedManifest[]; refusal?: LayerstashError }> {
  const listed = await listImages(store, index, options);
  const platforms = listed.filter(isRunnable);
  const [first] = platforms;
  if (platform === undefined && first && platforms.length === 1) return { entry: first, platforms };
  try {
    return { entry: chooseImage(listed, platform ?? usualPlatform(listed)), platforms };
  } catch (refusal) {
    if (platform !== undefined || !first || !(refusal instanceof LayerstashError)) throw refusal;
    return { entry: first, platforms, refusal };
  }
}

/** Images are for Linux wherever they run; bottles for the system of this machine. */
function usualPlatform(listed: readonly IndexedManifest[]): string {
  const usual = formatPlatform(defaultPlatform());
  const isMac = Deno.build.os === "darwin" && listed.some(isBottle);
  return isMac ? usual.replace("linux", "darwin") : usual;
}

async function recognized(
  store: StoreReader,
  reference: string,
  manifest: Manifest,
  options: CallOptions,
  entry: Pick<IndexedManifest, "annotations"> = {},
): Promise<Artifact> {
  const listed = readImageManifest(manifest);
  const { config, artifactType } = listed;
  const subject: Subject = {
    ...listed,
    layers: listed.layers.filter(({ mediaType }) => mediaType !== EMPTY_TYPE),
    manifest,
    annotations: { ...listed.annotations, ...entry.annotations },
    repository: store.name.split(/[/:\\]/).at(-1) || "artifact",
    reference,
    readConfig: () => readConfigBytes(store, config, options),
  };
  const reader = READERS.find((each) => each.recognizes(subject))!;
  const note = reader.note?.(subject);
  const folder = await readFolder(store, manifest, options);
  return {
    kind: folder ? "folder" : reader.kind,
    reference,
    digest: manifest.storedAs ?? manifest.digest,
    type: artifactType ?? config.mediaType,
    files: await reader.files(subject),
    size: totalSize(subject.layers),
    ...(note !== undefined && { note }),
    ...(folder && { folder }),
    ...(manifest.storedAs !== undefined && { encryption: { format: "age" } }),
  };
}
