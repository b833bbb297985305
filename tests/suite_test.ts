/** How the tests themselves are run: deadlines, and what is skipped. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeWorkspace, type Workspace } from "./rigs/content.ts";
import { guard } from "./rigs/guard.ts";
import { bareEnvironment } from "./rigs/system.ts";

const rig = (name: string) => JSON.stringify(new URL(`./rigs/${name}.ts`, import.meta.url).href);
const RUN = join(import.meta.dirname!, "run.ts");

/** Deno loads its timers at the first one, and never again where a deadline interrupts that: so one comes before the tests. */
const HANGING = `
clearTimeout(setTimeout(() => {}));
Deno.test("waits", () => new Promise(() => setInterval(() => {}, 1000)));
Deno.test("loops", { ignore: false }, () => { for (;;); });
Deno.test({ name: "steps", fn: async (t) => void await t.step("one", () => new Promise(() => setInterval(() => {}, 9))) });
Deno.test(async function named() { await new Promise((resolve) => setTimeout(resolve, 9000)); });
Deno.test("takes its time", { timeout: 60_000 }, () => new Promise((resolve) => setTimeout(resolve, 1500)));
Deno.test("is quick", () => {});
`;

const SKIPPING = `
import { announce } from ${rig("run_notes")};
announce("cannot test against a printer here: there is no paper");
Deno.test("prints", { ignore: true }, () => {});
Deno.test("counts", () => {});
`;

Deno.test("a test that hangs fails at its deadline, is named with its place, and the others are run", async () => {
  await using work = await makeWorkspace();
  const preload = `import { withDeadline } from ${rig("deadline")};\n` +
    "Object.assign(Deno, { test: withDeadline(Deno.test, 1000) });\n";
  const [first, file] = [await work.write("first.ts", preload), await work.write("a_test.ts", HANGING)];
  const { code, output } = await deno(work, ["test", "-A", "--no-check", "--preload", first, file]);
  assert.equal(code, 1);
  const names = Array.from(
    output.matchAll(/^(.*) => .*a_test\.ts:(\d+):\d+\nerror: (.*)$/gm),
    (found) => found.slice(1),
  );
  const late = "Test timed out after 1000ms.";
  assert.deepEqual(names, [["waits", "3", late], ["loops", "4", late], ["steps", "5", late], [
    "named",
    "6",
    late,
  ]]);
  assert.match(output, /^FAILED \| 2 passed \| 4 failed /m);
});

for (const [option, expected] of [[[], 0], [["--no-skips"], 1]] as const) {
  Deno.test(`a run says what was skipped and why, and ends with ${expected} ${option.join()}`, async () => {
    await using work = await makeWorkspace();
    const files = await Promise.all(["a_test.ts", "b_test.ts"].map((name) => work.write(name, SKIPPING)));
    const { code, output } = await deno(work, ["run", "-A", "--no-check", RUN, ...option, ...files]);
    assert.equal(code, expected, output);
    assert.match(
      output,
      /\| 2 passed \| 0 failed \| 2 ignored .*\n\ncannot .* no paper\n2 tests were skipped\n$/,
    );
  });
}

Deno.test("what one file of tests has tried, no other file of its run tries again", async () => {
  await using work = await makeWorkspace();
  const tries = (outcome: string) => `
import { onceInRun } from ${rig("run_notes")};
const tried = await onceInRun("an install/of paper", () => {
  Deno.writeTextFileSync("tries", ".", { append: true });
  return Promise.resolve(${outcome});
});
Deno.test("prints", () => { if (tried !== ${outcome}) throw new Error(tried); });
`;
  for (const outcome of ["undefined", '"there is no paper"']) {
    const names = ["a_test.ts", "b_test.ts", "c_test.ts"];
    const files = await Promise.all(names.map((name) => work.write(name, tries(outcome))));
    const { code, output } = await deno(work, ["run", "-A", "--no-check", RUN, ...files]);
    assert.equal(code, 0, output);
  }
  assert.equal(await Deno.readTextFile(work.path("tries")), "..");
});

const FAILING = {
  "a_test.ts": 'Deno.test("fails", () => { throw new Error("it broke"); });',
  "a.ts": '/**\n * ```ts\n * throw new Error("it broke");\n * ```\n */\nexport const a = 1;\n',
};

for (const [name, text] of Object.entries(FAILING)) {
  Deno.test(`a run fails in which something fails in ${name}`, async () => {
    await using work = await makeWorkspace();
    const file = await work.write(name, text);
    const { code, output } = await deno(work, ["run", "-A", "--no-check", RUN, file]);
    assert.equal(code, 1);
    assert.match(output, /it broke[^]*\| 0 passed \| 1 failed [^]*\n0 tests were skipped\n$/);
  });
}

Deno.test("work that holds too much fails at once, and what it lets go of does not count", async () => {
  const MiB = 1024 ** 2;
  const takeTurns = async (hold: (bytes: Uint8Array) => unknown) => {
    for (let turn = 0; turn < 400; turn++) {
      hold(new Uint8Array(MiB));
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
  const [kept, ended]: Uint8Array[][] = [[], []];
  const late = takeTurns((bytes) => kept!.push(bytes));
  await assert.rejects(guard(() => late, 100 * MiB), /it holds \d+ bytes/);
  assert.ok(kept!.length < 300, "it was looked at only at its end");
  await late;
  const atOnce = () => Promise.resolve(void ended!.push(new Uint8Array(200 * MiB)));
  await assert.rejects(guard(atOnce, 100 * MiB), /it holds \d+ bytes/);
  await guard(() => takeTurns(() => {}), 150 * MiB);
});

/** Runs Deno in a directory of its own; gives what it printed without colours. */
async function deno(work: Workspace, args: string[]): Promise<{ code: number; output: string }> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: work.path("."),
    clearEnv: true,
    env: { ...bareEnvironment(work.path(".")), NO_COLOR: "1" },
    stderr: "null",
  }).output();
  return { code, output: new TextDecoder().decode(stdout) };
}
