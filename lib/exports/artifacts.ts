/**
 * Downloads what other programs have stored: files of oras, Helm charts, models, Homebrew's bottles, and aliases.
 *
 * @example Bring back all files of an artifact
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { downloadArtifact, findArtifact } from "@layerstash/cli/artifacts";
 * import { pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * await pushBlob(store, new Response("hello").body!, { alias: "greeting" });
 *
 * const artifact = await findArtifact(store, "greeting");
 * await downloadArtifact(store, artifact, { output: `${directory}/greeting.txt` });
 * if (await Deno.readTextFile(`${directory}/greeting.txt`) !== "hello") throw new Error("not the same");
 * await Deno.remove(directory, { recursive: true });
 * ```
 *
 * @module
 */
export type { Artifact, ArtifactFile, ArtifactKind, Packing } from "../artifacts/artifact.ts";
export type { FolderFacts } from "../folders/folder.ts";
export { findArtifact, type FindArtifactOptions } from "../artifacts/find_artifact.ts";
export {
  downloadArtifact,
  type DownloadArtifactOptions,
  type DownloadedFile,
} from "../artifacts/download_artifact.ts";
export { findInstead } from "../artifacts/find_instead.ts";
export { streamArtifact, type StreamArtifactOptions } from "../artifacts/stream_artifact.ts";
export {
  listArtifacts,
  type ListArtifactsOptions,
  type ListedArtifact,
} from "../artifacts/list_artifacts.ts";
