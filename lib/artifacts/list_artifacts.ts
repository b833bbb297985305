/** Lists what lies in a repository beside its stored files. @module */
import { inParallel } from "../async/pool.ts";
import { LayerstashError } from "../errors.ts";
import { chunksAmong, type ListedStash } from "../stash/list_stashes.ts";
import { knownReferences } from "../store/known_references.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import type { Artifact } from "./artifact.ts";
import { findArtifact } from "./find_artifact.ts";

/** A tag that holds no chunk of a stored file. */
export interface ListedArtifact {
  /** The tag, or the digest of an image without one. */
  reference: string;
  /** What it holds; absent where that cannot be read, or was not looked at. */
  artifact?: Artifact | undefined;
  /** Why what it holds cannot be read. */
  problem?: string | undefined;
}

/** How many manifests are read at once. */
const LOOKS_AT_ONCE = 4;

/** Options for listing artifacts. */
export interface ListArtifactsOptions extends CallOptions {
  /** Up to how many tags are looked at; where there are more, each is listed as not looked at. Absent = all are. */
  most?: number | undefined;
  /** All tags of the repository, where they are known already; absent = they are asked for. */
  tags?: readonly string[] | undefined;
}

/**
 * Lists the tags of a repository that hold no chunks of these stored files, sorted, with what they hold. One manifest of each
 * is read, or two of an index, and the config of an image that may be a folder.
 *
 * @throws {NotFoundError} if there is no such repository
 *
 * @example
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { listArtifacts } from "@layerstash/cli/artifacts";
 * import { pushBlob } from "@layerstash/cli/blobs";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * await pushBlob(store, new Response("hello").body!, { alias: "greeting" });
 * const [listed] = await listArtifacts(store, []);
 * if (listed?.artifact?.kind !== "dxf alias") throw new Error("unexpected list");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function listArtifacts(
  store: StoreReader,
  stashes: readonly Pick<ListedStash, "baseTag" | "chunks">[],
  { most = Infinity, tags, ...options }: ListArtifactsOptions = {},
): Promise<ListedArtifact[]> {
  const isChunk = chunksAmong(stashes);
  const references = (await knownReferences(store, { ...options, tags })).filter((each) => !isChunk(each));
  if (references.length > most) return references.map((reference) => ({ reference }));
  const found = new Map<string, ListedArtifact>();
  const { signal } = options;
  await inParallel(references, { jobs: LOOKS_AT_ONCE, signal }, async (reference, signal) => {
    found.set(reference, await look(store, reference, { ...options, signal }));
  });
  return references.map((reference) => found.get(reference)!);
}

async function look(store: StoreReader, reference: string, options: CallOptions): Promise<ListedArtifact> {
  try {
    return { reference, artifact: await findArtifact(store, reference, { ...options, orFirst: true }) };
  } catch (error) {
    if (!(error instanceof LayerstashError) || !["not-found", "mismatch", "usage"].includes(error.kind)) {
      throw error;
    }
    return { reference, problem: error.message };
  }
}
