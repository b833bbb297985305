/** Lets several programs do the same work in turn, and compares the medians. @module */
import { measure, median, type Taken } from "./measured_run.ts";

/** A program that takes part. */
export interface Contender {
  name: string;
  /** The command for a run; what it makes has to differ by the number. */
  command(run: number): string[] | Promise<string[]>;
  /** Tidies up behind a run. */
  after?(run: number): Promise<unknown>;
  /** How many equal things it does, where that is asked. */
  units?: number;
}

/** The same work for all. The first contender is the one that the others are compared with. */
export interface Load {
  name: string;
  /** The bytes that are moved; 0 where that says nothing. */
  bytes: number;
  /** How often it is run, where that is not for the user to say: slow links are even. */
  runs?: number;
  /** Whether each contender runs once before it counts; absent = yes. */
  warmUp?: boolean;
  contenders: Contender[];
}

/** How one contender did: medians. */
export interface Result extends Taken {
  load: string;
  contender: string;
  /** The first contender's time over this one's: below 1 it was the first one that was faster. */
  ratio: number;
  /** Seconds of the processor for each GiB; absent where no bytes are moved. */
  cpuPerGiB?: number;
  /** Milliseconds for each of the equal things; absent where there are none. */
  each?: number;
}

/** Runs a load: all contenders once to warm up, then in turn, so that what disturbs one disturbs all. */
export async function race(
  { name, bytes, contenders, warmUp = true }: Load,
  runs: number,
): Promise<Result[]> {
  const taken = contenders.map((): Taken[] => []);
  for (let run = warmUp ? 0 : 1; run <= runs; run++) {
    for (const [index, contender] of contenders.entries()) {
      const each = await measure(await contender.command(run));
      if (run > 0) taken[index]!.push(each);
      await contender.after?.(run);
    }
  }
  const of = (each: Taken[], figure: keyof Taken) => median(each.map((one) => one[figure]));
  const first = of(taken[0]!, "wall");
  return contenders.map(({ name: contender, units }, index) => {
    const each = taken[index]!;
    const [wall, cpu, memory] = [of(each, "wall"), of(each, "cpu"), of(each, "memory")];
    const perGiB = bytes > 0 ? { cpuPerGiB: cpu / (bytes / 1024 ** 3) } : {};
    const perUnit = units === undefined ? {} : { each: wall / units * 1000 };
    return { load: name, contender, wall, cpu, memory, ratio: first / wall, ...perGiB, ...perUnit };
  });
}

/** The results as a table. */
export function table(results: Result[]): string {
  const line = (cells: string[]) =>
    cells.map((cell, index) => index === 0 ? cell.padEnd(22) : cell.padStart(9)).join(" ");
  const head = line(["", "seconds", "CPU s", "CPU s/GiB", "MiB", "ms each", "ratio"]);
  const rows = results.map(({ contender, wall, cpu, cpuPerGiB, memory, each, ratio }) =>
    line([
      contender,
      wall.toFixed(2),
      cpu.toFixed(2),
      cpuPerGiB?.toFixed(2) ?? "-",
      memory.toFixed(0),
      each?.toFixed(2) ?? "-",
      ratio.toFixed(2),
    ])
  );
  return [head, ...rows].join("\n");
}
