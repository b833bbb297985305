/** A load: the same work for several programs. @module */
import type { Content } from "./content.ts";
import type { Programs } from "./programs.ts";
import type { Race } from "./race.ts";
import type { Packing } from "./work.ts";

/** Where a benchmark works, and how much it does. */
export interface Bench {
  /** A directory of its own, in memory where that can be had. */
  directory: string;
  programs: Programs;
  /** The size of a large file, in bytes. */
  large: number;
  /** How many entries an image has. */
  entries: number;
  /** How many chunks a file of many has. */
  chunks: readonly number[];
  /** How often each program runs, beside the run that does not count. */
  runs: number;
  /** An image with so many entries, which is made when it is first asked for. */
  image(packing: Packing): Promise<Content>;
}

/** A race that is set up. */
export interface ReadyRace extends Race, AsyncDisposable {
  /** The bytes that are moved; 0 where that says nothing. */
  bytes: number;
  /** The variables of all commands. */
  env: Record<string, string>;
  /** The processes of the servers. */
  servers: readonly number[];
  /** What stands in for what could not be had. */
  lacks?: string | undefined;
}

/** Some work. */
export interface Load {
  /** What chooses it. */
  name: string;
  /** What is done, and where, for this much work. */
  title(bench: Bench): string;
  /** What it is to show. */
  proves: string;
  /** The contender that shows what is done at least. */
  floor?: string;
  /** Sets it up. */
  prepare(bench: Bench): Promise<ReadyRace>;
}
