/** Downloads layers into files of their own, with names that tell what they are. @module */
import { join } from "node:path";
import { pullFound } from "../blobs/pull_blobs.ts";
import { writeError } from "../content/file_errors.ts";
import { type OnEvent, withoutProgress } from "../events.ts";
import type { Layer } from "../images/image.ts";
import { compressionOf } from "../layers/compression.ts";
import { LayerBlob } from "../layers/layer_blob.ts";
import { BLOCK, decodeHeader, isZeroBlock } from "../layers/tar_header.ts";
import { distinct } from "../oci/descriptor.ts";
import { encodedPart } from "../oci/digest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { checkTransfer, DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { inParallel } from "../async/pool.ts";

/** What saving layers takes. */
export interface SaveLayersOptions extends CallOptions {
  /** The directory to write to; it is made where it is missing. */
  directory: string;
  /** How many requests run at once; absent = as many as serve. */
  jobs?: number | undefined;
  /** A directory for journals, so that another process can go on; absent = nothing is kept. */
  stateDirectory?: string | undefined;
}

/** A layer in a file. */
export interface SavedLayer {
  /** The path of the file, such as `DIR/2-0a1b2c3d4e5f.tar.gz`. */
  path: string;
  /** The layer. */
  layer: Layer;
}

/** Up to this size, in bytes, a blob is fetched with one request: then several blobs are fetched at once. */
const ONE_REQUEST = 32 * 1024 * 1024;

/**
 * Downloads layers as they are, verified: each file gets its name when every byte is right. Files that are there and
 * right are left alone, and what was interrupted is gone on with. The ending of a name is what the bytes say, and not
 * what the manifest says of them.
 *
 * @returns the files, in the order of the layers
 * @throws {InvalidInputError} when `jobs` cannot be
 * @throws {MismatchError} when a layer is corrupted; its file is not made then
 *
 * @example
 * ```ts
 * import { openStore, upload } from "@layerstash/cli";
 * import { saveLayers } from "@layerstash/cli/copy";
 * import { findImage } from "@layerstash/cli/images";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await upload(store, "note", { input: new Response("hello").body! }); // a chunk is a layer
 * const { layers } = await findImage(store, "note-1");
 * const [saved] = await saveLayers(store, layers, { directory: `${directory}/layers` });
 * if (!saved?.path.endsWith("1-2cf24dba5fb0.bin")) throw new Error("unexpected name");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function saveLayers(
  store: StoreReader,
  layers: readonly Layer[],
  options: SaveLayersOptions,
): Promise<SavedLayer[]> {
  const { directory, jobs, signal, onEvent = store.onEvent } = options;
  checkTransfer(options);
  await Deno.mkdir(directory, { recursive: true }).catch((error) => {
    throw writeError(error, directory);
  });
  const wanted = distinct(layers);
  const size = wanted.reduce((sum, layer) => sum + layer.size, 0);
  onEvent?.({ type: "plan", size, blobs: wanted.length });
  const saved = new Map<string, SavedLayer>();
  const save = async (
    layer: Layer,
    each: { jobs?: number | undefined; signal?: AbortSignal | undefined },
  ) => {
    const path = join(
      directory,
      await fileName(store, layer, { ...each, onEvent: withoutProgress(onEvent) }),
    );
    await pullFound(store, [layer], {
      ...options,
      ...each,
      output: path,
      onEvent: asPartOf(onEvent, wanted.indexOf(layer) + 1),
    });
    saved.set(layer.digest, { path, layer });
  };
  const small = wanted.filter(({ size }) => size <= ONE_REQUEST);
  await inParallel(
    small,
    { jobs: jobs ?? DEFAULT_JOBS, signal },
    (layer, signal) => save(layer, { jobs: 1, signal }),
  );
  for (const layer of wanted) if (layer.size > ONE_REQUEST) await save(layer, { jobs, signal });
  return wanted.map(({ digest }) => saved.get(digest)!);
}

async function fileName(store: StoreReader, layer: Layer, options: CallOptions): Promise<string> {
  const head = await new LayerBlob(store, layer, options).slice(0, Math.min(BLOCK, layer.size));
  return `${layer.number}-${encodedPart(layer.digest).slice(0, 12)}${endingOf(head)}`;
}

const ENDINGS = { gzip: ".tar.gz", zstd: ".tar.zst" };

/** What is neither packed nor an archive, as the chunk of a stash, is bytes. */
function endingOf(head: Uint8Array<ArrayBuffer>): string {
  const compression = compressionOf(head);
  if (compression !== "none") return ENDINGS[compression];
  if (head.length < BLOCK) return ".bin";
  try {
    if (!isZeroBlock(head)) decodeHeader(head);
    return ".tar";
  } catch {
    return ".bin";
  }
}

/** The plan is that of all layers, and this is the one with the number. */
function asPartOf(onEvent: OnEvent | undefined, index: number): OnEvent | undefined {
  return onEvent && ((event) => {
    if (event.type !== "plan") onEvent(event.type === "blob" ? { ...event, index } : event);
  });
}
