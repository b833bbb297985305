/** The names of files that layers are saved as. @module */
import type { Bytes } from "../content/bytes.ts";
import type { Layer } from "../images/image.ts";
import { isWindowsPath } from "../images/windows_names.ts";
import { compressionOf } from "../layers/compression.ts";
import { baseName, normalPath } from "../layers/entry.ts";
import { LayerBlob } from "../layers/layer_blob.ts";
import { BLOCK, decodeHeader, isZeroBlock } from "../layers/tar_header.ts";
import { titleOf } from "../oci/descriptor.ts";
import { type Digest, encodedPart } from "../oci/digest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";

/** The names that layers have by their titles, if these are safe, and each is that of one layer only. */
export function titleNames(layers: readonly Layer[]): Map<Digest, string> {
  const named = layers.flatMap((layer) => {
    const name = baseName(normalPath(titleOf(layer) ?? ""));
    return isSafe(name) ? [{ digest: layer.digest, name }] : [];
  });
  const groups = Map.groupBy(named, ({ name }) => name.normalize("NFKD").toUpperCase());
  const unique = [...groups.values()].filter(({ length }) => length === 1).flat();
  return new Map(unique.map(({ digest, name }) => [digest, name]));
}

/** Whether a title from outside may be the name of a file on any system. A name with a dot at its beginning would be hidden. */
function isSafe(name: string): boolean {
  const { length } = new TextEncoder().encode(name);
  return /^[^.-]/.test(name) && length <= LONGEST_NAME && name.isWellFormed() && isWindowsPath(name) &&
    !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name) && !OWN_NAME.test(name);
}

/** Names that layerstash itself gives: to a file that is not complete yet, and to a layer without a title. */
const OWN_NAME = /\.part$|^\d+-[0-9a-f]{12}\./i;

/** The longest title that becomes a file's name, in bytes: disks take 255, with `.part` after it. */
const LONGEST_NAME = 240;

/** The name of a layer without a title: its number, its digest, and an ending for what its bytes are. */
export async function layerFileName(store: StoreReader, layer: Layer, options: CallOptions): Promise<string> {
  const head = await new LayerBlob(store, layer, options).slice(0, Math.min(BLOCK, layer.size));
  return `${layer.number}-${encodedPart(layer.digest).slice(0, 12)}${endingOf(head)}`;
}

const ENDINGS = { gzip: ".tar.gz", zstd: ".tar.zst" };

/** The ending for a layer's first bytes: `.bin` for what is neither compressed nor an archive, as chunks of stashes. */
function endingOf(head: Bytes): string {
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
