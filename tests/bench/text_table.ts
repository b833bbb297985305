/** Results as text. @module */
import { describeSeconds } from "./figures.ts";
import { comparisons, type ContenderResult, type LoadResult, spread, typical } from "./results.ts";

/** A column of a table of results. */
interface Column {
  title: string;
  cell(result: ContenderResult): string;
}

/** The columns that say something about a load. */
export function columnsOf(load: LoadResult): Column[] {
  const { bytes, contenders, floor } = load;
  const columns: Column[] = [
    { title: "seconds", cell: (result) => describeSeconds(typical(result)) },
    { title: "min-max", cell: (result) => spread(result).map(describeSeconds).join("-") },
    { title: `above ${floor}`, cell: (result) => aboveFloor(result, load) },
    {
      title: "ms each",
      cell: (result) => result.units ? (typical(result) / result.units * 1000).toFixed(2) : "",
    },
    { title: "CPU s", cell: (result) => typical(result, "cpu").toFixed(2) },
    { title: "CPU s/GiB", cell: (result) => bytes < 2 ** 24 ? "" : perGiB(typical(result, "cpu"), bytes) },
    { title: "server CPU s", cell: (result) => typical(result, "serverCpu").toFixed(2) },
    { title: "MiB", cell: (result) => typical(result, "memory").toFixed(0) },
    { title: "verifies", cell: ({ verifies }) => verifies ? "yes" : "no" },
  ];
  return columns.filter(({ cell }) => contenders.some((each) => cell(each) !== ""));
}

function aboveFloor(result: ContenderResult, { floor, contenders }: LoadResult): string {
  const lowest = contenders.find(({ name }) => name === floor);
  if (lowest === undefined || lowest === result) return "";
  return `${((typical(result) - typical(lowest)) * 1000).toFixed(0)} ms`;
}

function perGiB(figure: number, bytes: number): string {
  return (figure / bytes * 1024 ** 3).toFixed(2);
}

/** How ours compare with the fastest peers, in words. */
export function describeComparisons(load: LoadResult): string[] {
  if (load.floor !== undefined) return [];
  return comparisons(load).map(({ ours, peer, ratio, verifies }) =>
    `${ours}: ${ratio.toFixed(2)} of ${peer}, the fastest ${verifies ? "that verifies" : "of all"}`
  );
}

/** How often each contender ran, beside the run that does not count. */
export function runsOf({ contenders }: LoadResult): number {
  return Math.max(0, ...contenders.map(({ runs }) => runs.length));
}

/** A load with its table, its ratios, and what was amiss. */
export function describeLoad(load: LoadResult): string {
  const columns = columnsOf(load);
  const rows = [
    ["", ...columns.map(({ title }) => title)],
    ...load.contenders.map((each) => [each.name, ...columns.map(({ cell }) => cell(each))]),
  ];
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const table = rows.map((row) =>
    row.map((cell, at) => at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)).join("  ")
      .trimEnd()
  );
  return [
    `${load.title}: medians of ${runsOf(load)} in turn`,
    ...table,
    ...describeComparisons(load),
    ...describeTroubles(load),
  ].join("\n");
}

/** What was lacking, and who failed. */
export function describeTroubles({ lacks, failures }: LoadResult): string[] {
  return [
    ...(lacks === undefined ? [] : [`not as it should be: ${lacks}`]),
    ...failures.map(({ name, said }) => `${name} could not do it: ${said.split("\n").slice(-2).join(" ")}`),
  ];
}
