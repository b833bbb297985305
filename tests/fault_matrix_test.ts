/** Every fault at several offsets, up and down: identical bytes, or a clear error with nothing half-visible. @module */
import assert from "node:assert/strict";
import { BREAK_FAULTS } from "./rigs/break_faults.ts";
import { COMMIT_FAULTS } from "./rigs/commit_faults.ts";
import { type Cost, type Direction, type Outcome, runCell } from "./rigs/fault_cells.ts";
import { type Fault, FAULTS } from "./rigs/fault_list.ts";

interface Row extends Cost {
  fault: string;
  offset: number | undefined;
  direction: Direction;
  outcome: Outcome;
}

const ALL: readonly Fault[] = [...FAULTS, ...BREAK_FAULTS, ...COMMIT_FAULTS];
const rows: Row[] = [];

function cellsOf({ directions, offsets }: Fault): { direction: Direction; offset: number | undefined }[] {
  return directions.flatMap((direction) => (offsets ?? [undefined]).map((offset) => ({ direction, offset })));
}

/** By fault, direction and offset. */
function compare(a: Row, b: Row): number {
  const byName = (one: string, other: string) => one < other ? -1 : one > other ? 1 : 0;
  return byName(a.fault, b.fault) || byName(a.direction, b.direction) || (a.offset ?? 0) - (b.offset ?? 0);
}

for (const fault of ALL) {
  const { name, directions, make, expected, most } = fault;
  Deno.test(`${name}, ${directions.join(" and ")}: ${expected}`, async () => {
    for (const { direction, offset } of cellsOf(fault)) {
      const cost = await runCell(direction, make(offset ?? 0), expected).catch((error) => {
        throw new Error(`${direction} at ${offset ?? "any byte"}`, { cause: error });
      });
      assert.ok(cost.requests <= most, `${direction} at ${offset}: ${cost.requests} requests`);
      rows.push({ fault: name, offset, direction, outcome: expected, ...cost });
    }
  });
}

Deno.test("the matrix is this", () => {
  const line = (cells: (string | number)[]) =>
    [38, 18, 9, 11, 8, 8, 6].map((width, column) => String(cells[column]).padEnd(width)).join(" ").trimEnd();
  const table = rows.toSorted(compare).map((
    { fault, direction, offset = "-", outcome, requests, attempts, ratio },
  ) => line([fault, direction, offset, outcome, requests, attempts, ratio.toFixed(2)]));
  // deno-lint-ignore no-console -- the table belongs in the test's output
  console.log(
    [line(["fault", "direction", "at byte", "outcome", "requests", "attempts", "bytes"]), ...table].join(
      "\n",
    ),
  );
  assert.equal(rows.length, ALL.flatMap(cellsOf).length);
});
