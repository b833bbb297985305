/** What a benchmark found, as it is kept in JSON, and what is worked out from that. @module */
import type { Taken } from "./measured_run.ts";

/** A whole benchmark. */
export interface Report {
  /** What it ran on: cores, memory, kernel. */
  machine: Record<string, string>;
  /** The programs that took part, with their versions. */
  programs: Record<string, string>;
  /** The programs that could not be had. */
  missing: string[];
  loads: LoadResult[];
}

/** What one load showed. */
export interface LoadResult {
  /** The name that chooses it. */
  name: string;
  /** What is done, and where. */
  title: string;
  /** What it is to show. */
  proves: string;
  /** When it was measured, such as `2026-11-28T01:02:03Z`. */
  date: string;
  /** The command that repeats it. */
  command: string;
  /** The bytes that are moved; 0 where that says nothing. */
  bytes: number;
  /** What stood in for what could not be had; absent = nothing. */
  lacks?: string;
  /** What is done at least, by a contender of this name: the others are shown above it. */
  floor?: string;
  contenders: ContenderResult[];
  /** Who could not do it, and what they said. */
  failures: { name: string; ours: boolean; said: string }[];
}

/** How one contender did. */
export interface ContenderResult {
  name: string;
  /** Whether it is layerstash. */
  ours: boolean;
  /** Whether it verifies digests. */
  verifies: boolean;
  /** How many equal things it does, where that counts. */
  units?: number;
  runs: Taken[];
}

/** The middle of some figures. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

/** The median of one figure of a contender. */
export function typical({ runs }: ContenderResult, figure: keyof Taken = "wall"): number {
  return median(runs.map((each) => each[figure]));
}

/** The shortest and the longest time of a contender. */
export function spread({ runs }: ContenderResult): [shortest: number, longest: number] {
  const walls = runs.map(({ wall }) => wall);
  return [Math.min(...walls), Math.max(...walls)];
}

/** The time of one of ours over that of a peer: below 1, ours is faster. */
export interface Comparison {
  ours: string;
  peer: string;
  ratio: number;
  /** Whether the peer verifies. */
  verifies: boolean;
}

/** Compares each of ours with the fastest peer, and with the fastest that verifies, where that is another one. */
export function comparisons({ contenders }: Pick<LoadResult, "contenders">): Comparison[] {
  const peers = contenders.filter(({ ours }) => !ours).toSorted((a, b) => typical(a) - typical(b));
  const fastest = new Set([peers[0], peers.find(({ verifies }) => verifies)]);
  return contenders.filter(({ ours }) => ours).flatMap((each) =>
    [...fastest].flatMap((peer) =>
      peer === undefined ? [] : [{
        ours: each.name,
        peer: peer.name,
        ratio: typical(each) / typical(peer),
        verifies: peer.verifies,
      }]
    )
  );
}

/** Puts new results into those of an earlier benchmark: a load that was run again has only its new result. */
export function merge(earlier: Report, later: Report): Report {
  const again = new Map(later.loads.map((load) => [load.name, load]));
  const kept = earlier.loads.map((load) => {
    const newer = again.get(load.name) ?? load;
    again.delete(load.name);
    return newer;
  });
  return {
    ...later,
    programs: { ...earlier.programs, ...later.programs },
    loads: [...kept, ...again.values()],
  };
}
