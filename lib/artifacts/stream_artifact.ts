/** Writes the only file of an artifact to a stream. @module */
import { pullFound } from "../blobs/pull_blobs.ts";
import { letGoOnFailure } from "../content/byte_stream.ts";
import { InvalidInputError } from "../errors.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import type { Artifact, ArtifactFile } from "./artifact.ts";
import { chooseFiles } from "./choose_files.ts";

/** Options of {@link streamArtifact}. */
export interface StreamArtifactOptions extends CallOptions {
  /** Receives the bytes, and is then closed. */
  output: WritableStream<Uint8Array>;
  /** Globs of the files that are wanted, as `.gitignore` has them; absent = all. */
  only?: readonly string[] | undefined;
}

/**
 * Writes the only file of an artifact, or the only one that is wanted, to a stream.
 *
 * @returns the file
 * @throws {InvalidInputError} if there are several, or it is a directory
 * @throws {NotFoundError} if it has no files, as a container image, or `only` matches none; or if a blob is missing
 * @throws {MismatchError} if bytes are corrupted: the stream has got bad bytes
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { findArtifact, streamArtifact } from "@layerstash/cli/artifacts";
 * import { pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await pushBlob(store, new Response("hello").body!, { alias: "greeting" });
 * const { readable, writable: output } = new TransformStream<Uint8Array, Uint8Array>();
 * const text = new Response(readable).text();
 * await streamArtifact(store, await findArtifact(store, "greeting"), { output });
 * if (await text !== "hello") throw new Error("unexpected bytes");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function streamArtifact(
  store: StoreReader,
  artifact: Artifact,
  { output, only, signal, onEvent }: StreamArtifactOptions,
): Promise<ArtifactFile> {
  return await letGoOnFailure(output, async () => {
    const [file, ...more] = await chooseFiles(artifact, only);
    if (!file || more.length > 0 || file.packed) {
      throw new InvalidInputError(
        `${artifact.reference} is ${file?.packed ? "a directory" : "several files"}`,
        {
          hint: "name a directory with -o, or one file with --only",
        },
      );
    }
    await pullFound(store, [file.blob], { output, signal, onEvent });
    return file;
  });
}
