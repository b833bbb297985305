/** Plans the packs of a folder: which of its files share a layer. @module */

/** How packs are cut. */
export interface PlanOptions {
  /** The largest pack, in bytes. A file above that has a pack of its own. */
  packSize: number;
  /** The most packs. Where more would be needed, packs grow. */
  most: number;
}

/** Files in the order of their paths, as arrays: there may be a million. */
export interface PlannedFiles {
  /** A number for each that follows from its path alone: see {@link rankOf}. */
  ranks: Uint32Array;
  /** What each takes up in a pack, in bytes. */
  weights: Float64Array;
}

/** A run of files, by the places in a list that it begins at and ends before, and what it weighs. */
interface Segment {
  start: number;
  end: number;
  weight: number;
}

/**
 * Cuts a sorted list of files into packs, and gives the files of each by their indexes.
 *
 * A run of files that is too heavy is cut before the file of the highest rank, again and again. So where it is cut follows from
 * the paths, and whether it is cut from what the run weighs. A file that comes, goes or grows changes the runs that it is in,
 * and no other: at most a pack falls in two, or two become one.
 *
 * There may be too many runs that are too heavy. Then the heaviest are cut, and the others stay as they are: again a change of
 * one file tips one of them at most, and nothing moves everywhere at once.
 */
export function planPacks({ ranks, weights }: PlannedFiles, { packSize, most }: PlanOptions): Uint32Array[] {
  const isLarge = (index: number) => weights[index]! > packSize;
  const [small, large] = [partOf(weights, (index) => !isLarge(index)), partOf(weights, isLarge)];
  // Large files among the small would cut them into splinters: so they are a list of their own.
  const forLarge = Math.min(large.length, Math.floor(most / 2));
  return [
    ...cutRuns(small, { ranks, weights, limit: packSize, most: most - forLarge }),
    ...cutRuns(large, { ranks, weights, limit: 0, most: forLarge }),
  ];
}

function partOf(weights: Float64Array, belongs: (index: number) => boolean): Uint32Array {
  let length = 0;
  for (let index = 0; index < weights.length; index++) if (belongs(index)) length++;
  const chosen = new Uint32Array(length);
  for (let index = 0, place = 0; index < weights.length; index++) if (belongs(index)) chosen[place++] = index;
  return chosen;
}

function cutRuns(
  list: Uint32Array,
  { ranks, weights, limit, most }: PlannedFiles & { limit: number; most: number },
): Uint32Array[] {
  const segmentOf = (start: number, end: number): Segment => {
    let weight = 0;
    for (let at = start; at < end; at++) weight += weights[list[at]!]!;
    return { start, end, weight };
  };
  const segments = list.length > 0 ? [segmentOf(0, list.length)] : [];
  while (segments.length < most) {
    const heaviest = heaviestOf(segments, limit);
    if (heaviest < 0) break;
    const { start, end } = segments[heaviest]!;
    let border = start + 1;
    for (let at = border; at < end; at++) if (ranks[list[at]!]! > ranks[list[border]!]!) border = at;
    segments.splice(heaviest, 1, segmentOf(start, border), segmentOf(border, end));
  }
  return segments.map(({ start, end }) => list.subarray(start, end));
}

/** The place of the heaviest segment that is to be cut, and can be; -1 = there is none. */
function heaviestOf(segments: readonly Segment[], limit: number): number {
  let found = -1;
  for (const [place, { start, end, weight }] of segments.entries()) {
    const canBeCut = weight > limit && end - start > 1;
    if (canBeCut && (found < 0 || weight > segments[found]!.weight)) found = place;
  }
  return found;
}

/** The rank of a path: FNV-1a over its characters, mixed so that all bits count. */
export function rankOf(path: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < path.length; at++) hash = Math.imul(hash ^ path.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return (hash ^ hash >>> 16) >>> 0;
}
