/** Lets several programs do the same work in turn. @module */
import { measure, type MeasureOptions, type Taken } from "./measured_run.ts";
import type { ContenderResult, LoadResult } from "./results.ts";

/** A program that takes part. */
export interface Contender {
  name: string;
  /** Whether it is layerstash. */
  ours: boolean;
  /** Whether it verifies digests. */
  verifies: boolean;
  /** How many equal things it does, where that counts. */
  units?: number | undefined;
  /** The command for a run; what it stores has to differ by the number. */
  command(run: number): readonly string[] | Promise<readonly string[]>;
}

/** The same work for all. */
export interface Race {
  contenders: readonly Contender[];
  /** How often each runs. */
  runs: number;
  /** Whether what comes first counts, too; else one more run comes before all that count. */
  isWarm?: boolean;
  /** Makes everything as it was before a run. */
  after(): Promise<void>;
}

/** Runs all contenders in turn, so that what disturbs one disturbs all. Who fails takes no further part. */
export async function race(
  { contenders, runs, isWarm = false, after }: Race,
  options: MeasureOptions,
): Promise<Pick<LoadResult, "contenders" | "failures">> {
  const taken = new Map<Contender, Taken[]>(contenders.map((each) => [each, []]));
  const failures: LoadResult["failures"] = [];
  for (let run = isWarm ? 1 : 0; run <= runs; run++) {
    for (const [contender, figures] of taken) {
      try {
        const each = await measure(await contender.command(run), options);
        if (run > 0) figures.push(each);
      } catch (error) {
        options.signal.throwIfAborted();
        taken.delete(contender);
        failures.push({ name: contender.name, ours: contender.ours, said: (error as Error).message });
      } finally {
        await after();
      }
    }
  }
  const results = Array.from(taken, ([contender, figures]) => resultOf(contender, figures));
  return { contenders: results, failures };
}

function resultOf({ name, ours, verifies, units }: Contender, runs: Taken[]): ContenderResult {
  return { name, ours, verifies, runs, ...(units !== undefined && { units }) };
}
