/**
 * What eStargz adds to an ordinary layer:
 * https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md
 *
 * @module
 */
import type { Descriptor } from "../oci/descriptor.ts";

/** The annotation of a layer with the digest of its table of contents. */
export const STARGZ_TABLE_DIGEST = "containerd.io/snapshot/stargz/toc.digest";

/** The file with the table of contents. */
export const STARGZ_TABLE = "stargz.index.json";
/** The file that says that nothing is to be fetched before it is asked for. */
export const NO_PREFETCH = ".no.prefetch.landmark";

/** Paths at the top at which eStargz has files of its own. */
export const STARGZ_PATHS: readonly string[] = [NO_PREFETCH, ".prefetch.landmark", STARGZ_TABLE];

/** Whether a path of a layer is one of the format's own files, which nobody has put into the image. */
export function isOfStargz({ annotations }: Pick<Descriptor, "annotations">, path: string): boolean {
  return STARGZ_PATHS.includes(path) && annotations?.[STARGZ_TABLE_DIGEST] !== undefined;
}
