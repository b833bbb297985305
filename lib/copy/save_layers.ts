/** Downloads layers into files whose names say what they contain. @module */
import { join } from "node:path";
import { makeDirectory } from "../content/atomic_file.ts";
import { withoutProgress } from "../events.ts";
import { fetchFiles } from "../files/fetch_files.ts";
import { type Layer, missingLayerError } from "../images/image.ts";
import { distinct } from "../oci/descriptor.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { checkTransfer, DEFAULT_JOBS } from "../transfer/adaptive_jobs.ts";
import { inParallel } from "../async/pool.ts";
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
  const { directory, overwrite, jobs, stateDirectory, signal, onEvent = store.onEvent } = options;
  checkTransfer(options);
  await makeDirectory(directory);
  const wanted = distinct(layers);
  const titles = titleNames(wanted);
  const saved: SavedLayer[] = [];
  await inParallel(wanted.entries(), { jobs: DEFAULT_JOBS, signal }, async ([index, layer], signal) => {
    const quiet = { signal, onEvent: withoutProgress(onEvent) };
    const name = titles.get(layer.digest) ?? await nameByBytes(store, layer, quiet);
    saved[index] = { path: join(directory, name), layer };
  });
  const files = saved.map(({ path, layer }) => ({ path, blob: layer, layer }));
  const explain = (error: unknown, { layer }: { layer: Layer }) => missingLayerError(error, layer);
  await fetchFiles(store, files, { overwrite, jobs, stateDirectory, signal, onEvent, explain });
  return saved;
}

async function nameByBytes(store: StoreReader, layer: Layer, options: CallOptions): Promise<string> {
  return await layerFileName(store, layer, options).catch((error) => {
    throw missingLayerError(error, layer);
  });
}
