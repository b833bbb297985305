/** Downloads layers into files whose names say what they contain. @module */
import { join } from "node:path";
import { pullFound } from "../blobs/pull_blobs.ts";
import { makeDirectory } from "../content/atomic_file.ts";
import { writeError } from "../content/file_errors.ts";
import { partOfTransfer, withoutProgress } from "../events.ts";
import { type Layer, missingLayerError } from "../images/image.ts";
import { distinct } from "../oci/descriptor.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { checkTransfer, DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { inParallel } from "../async/pool.ts";
import { ONE_REQUEST } from "./place_blob.ts";
import { layerFileName, titleNames } from "./layer_names.ts";

/** Options for saving layers. */
export interface SaveLayersOptions extends CallOptions {
  /** The directory to write to. It is created if needed. */
  directory: string;
  /** Replaces files of the same names with other bytes; absent = such a file is a conflict. */
  overwrite?: boolean | undefined;
  /** The number of requests that run at once; absent = adapted to the registry. */
  jobs?: number | undefined;
  /** A directory for journals, with which another process can resume; absent = no journals. */
  stateDirectory?: string | undefined;
}

/** A layer in a file. */
export interface SavedLayer {
  /** The path of the file, such as `DIR/2-0a1b2c3d4e5f.tar.gz`, or with the layer's title. */
  path: string;
  /** The layer. */
  layer: Layer;
}

/**
 * Downloads and verifies layers. A file gets its final name once every byte is right. Correct files are kept, and
 * interrupted ones are resumed. A layer that has a title, as those of oras have, gets that name if it is safe. Of any other
 * name the ending depends on the bytes, not on the media type.
 *
 * @returns the files, in the order of the layers
 * @throws {InvalidInputError} if `jobs` is out of range
 * @throws {MismatchError} if a layer is corrupted; its file is then not made
 * @throws {ConflictError} if another file has the name of one of these, and `overwrite` is not set
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
  await makeDirectory(directory).catch((error) => {
    throw writeError(error, directory);
  });
  const wanted = distinct(layers);
  const size = wanted.reduce((sum, layer) => sum + layer.size, 0);
  onEvent?.({ type: "plan", size, blobs: wanted.length });
  const saved = new Map<string, SavedLayer>();
  const names = titleNames(wanted);
  const save = async (layer: Layer, each: Pick<SaveLayersOptions, "jobs" | "signal">) => {
    const quiet = { ...each, onEvent: withoutProgress(onEvent) };
    const path = join(directory, names.get(layer.digest) ?? await layerFileName(store, layer, quiet));
    const onProgress = partOfTransfer(onEvent, () => wanted.indexOf(layer) + 1);
    await pullFound(store, [layer], { ...options, ...each, output: path, onEvent: onProgress });
    saved.set(layer.digest, { path, layer });
  };
  const saveStored: typeof save = async (layer, each) => {
    await save(layer, each).catch((error) => {
      throw missingLayerError(error, layer);
    });
  };
  const small = wanted.filter(({ size }) => size <= ONE_REQUEST);
  await inParallel(small, { jobs: jobs ?? DEFAULT_JOBS, signal }, async (layer, signal) => {
    await saveStored(layer, { jobs: 1, signal });
  });
  for (const layer of wanted) if (layer.size > ONE_REQUEST) await saveStored(layer, { jobs, signal });
  return wanted.map(({ digest }) => saved.get(digest)!);
}
