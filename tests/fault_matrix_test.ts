/** Every fault at several offsets, up and down: identical bytes, or a clear error with nothing half-visible. @module */
import assert from "node:assert/strict";
import { type Cost, type Direction, type Outcome, runCell } from "./rigs/fault_cells.ts";
import { type Fault, FAULTS } from "./rigs/fault_list.ts";

interface Row extends Cost {
  fault: string;
  offset: number | undefined;
  direction: Direction;
  outcome: Outcome;
}

const rows: Row[] = [];

function cellsOf({ directions, offsets }: Fault): { direction: Direction; offset: number | undefined }[] {
  return directions.flatMap((direction) => (offsets ?? [undefined]).map((offset) => ({ direction, offset })));
}

for (const fault of FAULTS) {
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
  const table = rows.map(({ fault, direction, offset = "-", outcome, requests, attempts, ratio }) =>
    line([fault, direction, offset, outcome, requests, attempts, ratio.toFixed(2)])
  );
  // deno-lint-ignore no-console -- the table belongs in the test's output
  console.log(
    [line(["fault", "direction", "at byte", "outcome", "requests", "attempts", "bytes"]), ...table].join(
      "\n",
    ),
  );
  assert.equal(rows.length, FAULTS.flatMap(cellsOf).length);
});
