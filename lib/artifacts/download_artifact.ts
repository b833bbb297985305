/** Downloads the files of an artifact under their names. @module */
import { join } from "node:path";
import { fetchFiles } from "../files/fetch_files.ts";
import { MismatchError } from "../errors.ts";
import { withEmbedded } from "../store/embedded.ts";
import { digestOf, encodedPart } from "../oci/digest.ts";
import type { BlobReader, CallOptions } from "../store/store.ts";
import { checkTransfer } from "../transfer/adaptive_jobs.ts";
import type { Artifact, ArtifactFile } from "./artifact.ts";
import { chooseFiles } from "./choose_files.ts";
import { type Destination, destinationOf, prepareDestination } from "./destination.ts";
import { unpack } from "./packed_directory.ts";
import { withSafePaths } from "./safe_paths.ts";

/** Options of {@link downloadArtifact}. */
export interface DownloadArtifactOptions extends CallOptions {
  /** A directory, which is made if it is missing. For an artifact of a single file also the path of the file. */
  output: string;
  /** Globs of the files that are wanted, as `.gitignore` has them; absent = all. */
  only?: readonly string[] | undefined;
  /** Replaces files with other bytes; absent = that is a conflict. */
  overwrite?: boolean | undefined;
  /** How many requests run at once; absent = more are used while they carry more. */
  jobs?: number | undefined;
  /** The directory of the journals, with which another process can resume; absent = there are none. */
  stateDirectory?: string | undefined;
}

/** A file of an artifact, or a directory that was unpacked, on the disk. */
export interface DownloadedFile {
  /** Its path. */
  path: string;
  /** The file as the artifact has it. */
  file: ArtifactFile;
}

/**
 * Downloads the files of an artifact, under the names that it gives them. Each file is written as `FILE.part`, and renamed
 * when every byte is verified. Calling it again resumes; a file that is there is not fetched again. Directories that are
 * packed are unpacked when everything was fetched.
 *
 * Names come from outside. All of them are checked before the first byte is fetched: nothing is written outside the
 * directory or through a link in it, and nothing is replaced without `overwrite`.
 *
 * @returns the files, in the order of the artifact
 * @throws {NotFoundError} if it has no files, as a container image, or `only` matches none; or if a blob is missing
 * @throws {InvalidInputError} if it has several files, and the output is a file
 * @throws {MismatchError} if a name is unsafe, or bytes are corrupted
 * @throws {ConflictError} if two names are one on the disk, a file with other bytes exists, or another process downloads to
 *   one of the files
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { downloadArtifact, findArtifact } from "@layerstash/cli/artifacts";
 * import { setAlias, pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * const blobs = [];
 * for (const text of ["one", "two"]) blobs.push(await pushBlob(store, new Response(text).body!));
 * await setAlias(store, "numbers", { digests: blobs.map(({ digest }) => digest) });
 * const artifact = await findArtifact(store, "numbers");
 * const files = await downloadArtifact(store, artifact, { output: `${directory}/out`, only: ["*-2"] });
 * if (files.length !== 1 || await Deno.readTextFile(`${directory}/out/numbers-2`) !== "two") throw new Error("unexpected");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function downloadArtifact(
  store: BlobReader,
  artifact: Artifact,
  options: DownloadArtifactOptions,
): Promise<DownloadedFile[]> {
  checkTransfer(options);
  const wanted = await chooseFiles(artifact, options.only);
  const target = await destinationOf(artifact, withSafePaths(wanted), options.output);
  await prepareDestination(target, options);
  const places = target.files.map((file) => ({ path: fetchedPath(target, file), blob: file.blob, file }));
  const reader = target.files.reduce<BlobReader>((store, { blob }) => withEmbedded(store, blob), store);
  const { overwrite, jobs, stateDirectory, signal, onEvent = store.onEvent } = options;
  await fetchFiles(reader, places, { overwrite, jobs, stateDirectory, signal, onEvent });
  for (const { path, file } of places) {
    if (!file.packed) continue;
    await unpack(path, file, { directory: target.directory, overwrite, signal, onEvent }).catch(
      async (error) => {
        if (error instanceof MismatchError) await Deno.remove(path); // nothing makes it better
        throw error;
      },
    );
    await Deno.remove(path);
  }
  return target.files.map((file) => ({ path: join(target.directory, file.path), file }));
}

/** Where a blob is fetched to: the file itself, or the archive of a directory, which is removed when it is unpacked. */
function fetchedPath({ directory }: Destination, { path, blob, packed }: ArtifactFile): string {
  if (!packed) return join(directory, path);
  const id = encodedPart(digestOf(new TextEncoder().encode(`${blob.digest} ${path}`)));
  return join(directory, `.layerstash-${id.slice(0, 12)}`);
}
