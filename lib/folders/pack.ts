/** The packs of a folder that was found on the disk, and what shows that the files of one have not changed. @module */
import { sha256 } from "../oci/digest.ts";
import type { FoundEntry } from "./entry_list.ts";
import { planPacks, rankOf } from "./plan.ts";
import type { FoundFolder } from "./walk.ts";

/** What becomes one layer. */
export interface Pack {
  /** From 1. */
  number: number;
  /** Its entries, in order. They are made anew each time, because those of all packs would take up much memory. */
  entries(): Generator<FoundEntry>;
}

/** The most layers that a folder has, because engines take 127, and images may be built on it. */
const MOST_LAYERS = 100;
/** What an entry takes up beside its content: its header, and its row in the table of contents, in bytes. */
const OVERHEAD = 4096;

/** The packs of files, and the last with all directories. */
export function packsOf(found: FoundFolder, packSize: number): Pack[] {
  const { files, links, directories } = found;
  const ranks = new Uint32Array(files.length);
  const weights = new Float64Array(files.length);
  for (let index = 0; index < files.length; index++) {
    const { path, size } = files.at(index);
    ranks[index] = rankOf(path);
    weights[index] = size + OVERHEAD * (1 + (links.get(index)?.length ?? 0));
  }
  const plan = planPacks({ ranks, weights }, { packSize, most: MOST_LAYERS - 1 });
  const packs: Omit<Pack, "number">[] = plan.map((indexes) => ({
    *entries() {
      for (const index of indexes) {
        yield files.at(index);
        yield* links.get(index) ?? [];
      }
    },
  }));
  packs.push({
    *entries() {
      for (let index = 0; index < directories.length; index++) yield directories.at(index);
    },
  });
  return packs.map((pack, index) => ({ ...pack, number: index + 1 }));
}

/** How many entries are hashed at once. */
const BATCH = 500;

/** A text that changes when anything changes that the layer of a pack depends on, as far as metadata show it. */
export function fingerprintOf(pack: Pack): string {
  const hash = sha256().update("layerstash folder 2\n");
  let lines: string[] = [];
  for (
    const { path, type, mode, size, seconds, nanoseconds, changed, inode, target, attributes } of pack
      .entries()
  ) {
    // Directories change with each file in them, but what is stored of one is its mode and its time.
    const state = type === "directory" ? "" : `${changed} ${inode}`;
    for (const [name, value] of Object.entries(attributes ?? {})) lines.push(`${name}=${value.toHex()}`);
    lines.push(`${path}\0${target ?? ""}\0${type} ${mode} ${size} ${seconds} ${nanoseconds} ${state}`);
    if (lines.length < BATCH) continue;
    hash.update(`${lines.join("\0")}\0`);
    lines = [];
  }
  return hash.update(lines.join("\0")).digest("hex");
}
