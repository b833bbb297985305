/** The packs of a folder that was found on the disk, and what shows that the files of one have not changed. @module */
import { type Bytes, free } from "../content/bytes.ts";
import { DigestHash, encodedPart } from "../oci/digest.ts";
import { planPacks, rankOf } from "./plan.ts";
import { RowWriter } from "./row_bytes.ts";
import type { FoundFolder } from "./walk.ts";

/** What becomes one layer. */
export interface Pack {
  /** From 1. */
  number: number;
  /** How many files and links it has, and their bytes. */
  files: number;
  size: number;
  /** About what it takes up, in bytes. */
  weight: number;
  /** The rows of its entries, in order, many at once: see `readRows`. */
  rows(): Generator<Bytes>;
}

/** The most layers that a folder has, because engines take 127, and images may be built on it. */
const MOST_LAYERS = 100;
/** What an entry takes up beside its content: its header, and its row in the table of contents, in bytes. */
const OVERHEAD = 4096;

/** The packs of files, and the last with all directories. */
export function packsOf(found: FoundFolder, packSize: number): Pack[] {
  const { files, links, linksOf, directories } = found;
  const namesOf = (index: number) => 1 + (linksOf.get(index)?.length ?? 0);
  const ranks = new Uint32Array(files.length);
  const weights = new Float64Array(files.length);
  for (let index = 0; index < files.length; index++) {
    const { path, size } = files.at(index);
    ranks[index] = rankOf(path);
    weights[index] = size + OVERHEAD * namesOf(index);
  }
  const plan = planPacks({ ranks, weights }, { packSize, most: MOST_LAYERS - 1 });
  const copyNames = (index: number, rows: RowWriter) => {
    files.copyRow(index, rows);
    for (const link of linksOf.get(index) ?? []) links.copyRow(link, rows);
  };
  const packs = plan.map((indexes) => {
    const names = indexes.reduce((sum, index) => sum + namesOf(index), 0);
    const weight = indexes.reduce((sum, index) => sum + weights[index]!, 0);
    return { files: names, size: weight - OVERHEAD * names, weight, rows: () => rowsOf(indexes, copyNames) };
  });
  for (const each of [ranks, weights]) free(each);
  const last = {
    files: 0,
    size: 0,
    weight: OVERHEAD * directories.length,
    rows: () => rowsOf(Array(directories.length).keys(), (index, rows) => directories.copyRow(index, rows)),
  };
  return [...packs, last].map((pack, index) => ({ ...pack, number: index + 1 }));
}

/** How many bytes of rows are given at once: about a thousand rows. */
const AT_ONCE = 64 * 1024;

function* rowsOf(
  indexes: Iterable<number>,
  copy: (index: number, rows: RowWriter) => void,
): Generator<Bytes> {
  const rows = new RowWriter();
  for (const index of indexes) {
    copy(index, rows);
    if (rows.length > AT_ONCE) yield rows.take().slice();
  }
  if (rows.length > 0) yield rows.take().slice();
}

/** What makes layers of packs from before unknown: they were written in another way. */
const VERSION: Bytes = new TextEncoder().encode("layerstash folder 3");

/** A text that changes when anything changes that the layer of a pack depends on, as far as metadata show it. */
export function fingerprintOf(pack: Pack): string {
  const hash = new DigestHash().update(VERSION);
  for (const rows of pack.rows()) {
    hash.update(rows);
    free(rows);
  }
  return encodedPart(hash.digest());
}
