/** The benchmark: a tiny one runs and says what it found, its page needs nothing else, and mistakes are named. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { renderPage } from "./bench/page.ts";
import { comparisons, type ContenderResult, type LoadResult, merge, type Report } from "./bench/results.ts";
import { startServer } from "./bench/servers.ts";
import { describeLoad } from "./bench/text_table.ts";
import { makeWorkspace, type Workspace } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { onLinux } from "./rigs/system.ts";

const needed = ["curl", "docker-registry", "openssl", "python3"];
const tools = await Promise.all(needed.map((tool) => ensureTool(tool, tool)));
const measured = { ignore: onLinux("the benchmark").ignore || tools.includes(false) };

Deno.test(
  "a tiny benchmark measures here and over a long line, and writes figures and a page",
  measured,
  async () => {
    await using work = await makeWorkspace();
    const out = work.path("tiny.json");
    const options = ["--size", "1", "--runs", "1", "--programs", "curl,docker-registry", "--out", out];
    const { code, output } = await bench(work, [...options, "download", "upload-1K"]);
    assert.equal(code, 0, output);
    assert.match(output, /^layerstash: \d+\.\d\d of curl, the fastest of all$/m);
    const report: Report = JSON.parse(await Deno.readTextFile(out));
    const [far, near] = report.loads;
    const timesOf = (load?: LoadResult) =>
      load?.contenders.map(({ name, runs }) => [name, runs.map(({ wall }) => wall)] as const);
    assert.deepEqual(timesOf(near)?.map(([name, walls]) => [name, walls.length]), [["layerstash", 1], [
      "curl",
      1,
    ]]);
    assert.deepEqual(timesOf(far)?.map(([name]) => name), ["layerstash", "curl", "curl --http1.1"]);
    // To connect, to agree on keys and to ask are three round trips of 50 ms.
    for (const [name, walls] of timesOf(far)!) assert.ok(walls[0]! > 0.15, `${name} took ${walls[0]} s`);
    assert.deepEqual(report.loads.flatMap(({ failures }) => failures), []);
    assert.equal(await Deno.readTextFile(work.path("tiny.html")), renderPage(report));
  },
);

Deno.test("what stands in for a long line delays everything by its round trips", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("here"),
  );
  await using line = await startServer("stand_in_line.ts", `127.0.0.1:${server.addr.port}`, "20", "1000");
  const began = performance.now();
  assert.equal(await (await fetch(`http://${line.host}/`)).text(), "here");
  assert.ok(performance.now() - began >= 80, "to connect and to ask are two round trips of 40 ms");
});

Deno.test("a load that is misspelt is answered with the one that was meant", async () => {
  await using work = await makeWorkspace();
  const { code, output } = await bench(work, ["dowload-tls"]);
  assert.equal(code, 1);
  assert.match(
    output,
    /^bench: there is no load dowload-tls: did you mean download-tls\? There are start, /m,
  );
});

const contender = (name: string, walls: number[], more: Partial<ContenderResult> = {}): ContenderResult => ({
  ...{ name, ours: false, verifies: true },
  runs: walls.map((wall) => ({ wall, cpu: wall / 2, serverCpu: 0.25, memory: 100 })),
  ...more,
});

const REPORT: Report = {
  machine: { processor: "2 × <fast>" },
  programs: { crane: "1.2.3" },
  missing: ["oras"],
  loads: [{
    ...{ name: "a", title: "Download of 1 GiB", proves: "It is fast.", date: "2026-01-02T03:04:05Z" },
    ...{ command: "deno task bench a", bytes: 2 ** 30, lacks: "no line" },
    contenders: [
      contender("layerstash", [3, 2, 9], { ours: true }),
      contender("crane", [4, 8, 6]),
      contender("curl", [2, 1, 2], { verifies: false }),
    ],
    failures: [{ name: "oras", ours: false, said: "it began\nit broke" }],
  }],
};

Deno.test("ours is compared with the fastest peer, and with the fastest that verifies, by medians", () => {
  const [load] = REPORT.loads;
  assert.deepEqual(comparisons(load!), [
    { ours: "layerstash", peer: "curl", ratio: 1.5, verifies: false },
    { ours: "layerstash", peer: "crane", ratio: 0.5, verifies: true },
  ]);
  assert.equal(
    describeLoad(load!),
    `Download of 1 GiB: medians of 3 in turn
            seconds    min-max  CPU s  CPU s/GiB  server CPU s  MiB  verifies
layerstash     3.00  2.00-9.00   1.50       1.50          0.25  100       yes
crane          6.00  4.00-8.00   3.00       3.00          0.25  100       yes
curl           2.00  1.00-2.00   1.00       1.00          0.25  100        no
layerstash: 1.50 of curl, the fastest of all
layerstash: 0.50 of crane, the fastest that verifies
not as it should be: no line
oras could not do it: it began it broke`,
  );
});

Deno.test("a load that is measured again takes the place of its earlier result", () => {
  const [load] = REPORT.loads;
  const [b, again] = [{ ...load!, name: "b" }, { ...load!, title: "again" }];
  const merged = merge({ ...REPORT, loads: [load!, b] }, { ...REPORT, loads: [again] });
  assert.deepEqual(merged.loads, [again, b]);
});

Deno.test("the page shows every figure, and needs nothing from outside", () => {
  const page = renderPage(REPORT);
  assert.match(page, /<h3>Download of 1 GiB<\/h3>/);
  assert.match(page, /0\.50 of crane, the fastest that verifies/);
  assert.match(page, /<th scope="row">crane<\/th><td>6\.00<\/td><td>4\.00-8\.00<\/td>/);
  assert.match(page, /2 × &lt;fast&gt;/);
  assert.match(page, /could not be had: oras/);
  assert.match(page, /oras could not do it: it began it broke/);
  // The longest time, 9 s, is the whole width.
  assert.match(
    page,
    /<rect class="ours" x="0" y="1" width="33\.33" height="8"\/><path class="spread" d="M22\.22 5H100\.00/,
  );
  assert.doesNotMatch(page, /<script|<link|<img|src=|url\(|@import|href="(?!#)/);
});

async function bench(work: Workspace, args: string[]): Promise<{ code: number; output: string }> {
  const main = join(import.meta.dirname!, "bench/main.ts");
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", main, ...args],
    cwd: work.path("."),
    stderr: "inherit",
  }).output();
  return { code, output: new TextDecoder().decode(stdout) };
}
