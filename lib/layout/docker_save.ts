/** The file `manifest.json` that `docker save` writes beside the index of a layout, for `docker load`. @module */
import { join } from "node:path";
import { collectFile } from "../content/collect.ts";
import type { Digest } from "../oci/digest.ts";

/** The largest file that is read, in bytes. That of a thousand images has some megabytes. */
const MAX_SIZE = 64 * 1024 * 1024;

/**
 * The blobs that the file names; `undefined` = it cannot be read. It may name images that the index does not list, so
 * these blobs are needed, too.
 */
export async function blobsOfDockerSave(directory: string): Promise<Set<Digest> | undefined> {
  const path = join(directory, "manifest.json");
  try {
    const text = new TextDecoder().decode(await collectFile(path, MAX_SIZE));
    const found = text.matchAll(/[0-9a-f]{128}|[0-9a-f]{64}/g);
    return new Set(
      Array.from(found, ([hex]): Digest => hex.length === 64 ? `sha256:${hex}` : `sha512:${hex}`),
    );
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? new Set() : undefined;
  }
}
