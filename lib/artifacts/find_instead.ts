/** Looks for an artifact where no stored file has the name. @module */
import { isDigest } from "../oci/digest.ts";
import { lookAtTag } from "../stash/chunk_image.ts";
import { chunkTag } from "../stash/chunk_tags.ts";
import type { StoreReader } from "../store/store.ts";
import type { Artifact } from "./artifact.ts";
import { findArtifact, type FindArtifactOptions } from "./find_artifact.ts";

/**
 * Finds what lies under a name in the place of a stored file. `undefined` = a stored file has the name, perhaps an incomplete
 * one, or nothing has it.
 *
 * @param name the name of a stored file, or the digest of a manifest
 * @throws {MismatchError} if a manifest is malformed
 *
 * @example
 * ```ts
 * import { openStore, upload } from "@layerstash/cli";
 * import { findInstead } from "@layerstash/cli/artifacts";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await upload(store, "note", { input: new Response("hello").body! });
 * if (await findInstead(store, "note") !== undefined) throw new Error("unexpected artifact");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function findInstead(
  store: StoreReader,
  name: string,
  options: FindArtifactOptions = {},
): Promise<Artifact | undefined> {
  if (!isDigest(name)) {
    const { kind } = await lookAtTag(store, chunkTag(name, 1), options);
    if (kind !== "absent" && kind !== "foreign") return undefined;
  }
  if (await store.resolve(name, options) === undefined) return undefined;
  return await findArtifact(store, name, options);
}
