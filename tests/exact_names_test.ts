/** Files whose names have the characters of globs can be named exactly. @module */
import assert from "node:assert/strict";
import { openImage } from "../lib/exports/images.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { gzip, putImage } from "./rigs/images.ts";
import { type TarFile, tarOf } from "./rigs/tar.ts";

const FILES: TarFile[] = [
  { name: "p/", flag: "5" },
  { name: "p/[id].js", content: "route" },
  { name: "p/i.js", content: "other" },
  { name: "p/d.js", content: "third" },
  { name: "q/[slug]/", flag: "5" },
  { name: "q/[slug]/page", content: "page" },
  { name: "q/s/page", content: "no" },
  { name: "back\\slash", content: "back" },
  { name: "backslash", content: "no" },
  { name: "a*b", content: "star" },
  { name: "axb", content: "no" },
];

async function makePlace(): Promise<Workplace> {
  const place = await makeWorkplace();
  using image = openImage(`oci:${place.path("box")}:t`);
  await putImage(image.store, "t", [{ bytes: await gzip(tarOf(FILES)) }]);
  return place;
}

/** The paths that `peek` lists. */
async function peek(place: Workplace, ...args: string[]): Promise<string[]> {
  const { stdout } = await place.run(["peek", "--json", "oci:box:t", ...args]);
  const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  return events.filter(({ event }) => event === "entry").map(({ path }) => path);
}

Deno.test("a name that is there is meant before a glob that is spelled like it", async () => {
  await using place = await makePlace();
  const cases: [pattern: string, content: string, path: string][] = [
    ["p/[id].js", "route", "p/[id].js"],
    ["/p/\\[id\\].js", "route", "p/[id].js"],
    ["q/[slug]/page", "page", "q/[slug]/page"],
    ["back\\slash", "back", "back\\slash"],
    ["a*b", "star", "a*b"],
    ["a\\*b", "star", "a*b"],
  ];
  for (const [pattern, content, path] of cases) {
    const { code, stdout, stderr } = await place.run(["extract", "oci:box:t", pattern, "-o", "-"]);
    assert.deepEqual([code, stdout], [0, content], `${pattern}: ${stderr}`);
    assert.deepEqual(await peek(place, pattern), [path]);
    assert.deepEqual(await peek(place, pattern, "--layer", "1"), [path]);
  }
  const several = await place.run(["extract", "oci:box:t", "p/[id].js", "q/[slug]", "-o", "out"]);
  assert.equal(several.code, 0, several.stderr);
  const names = (path: string) => Array.from(Deno.readDirSync(place.path(path)), ({ name }) => name);
  assert.deepEqual([names("out/p"), names("out/q")], [["[id].js"], ["[slug]"]]);
});

Deno.test("a glob is a glob where nothing has its name", async () => {
  await using place = await makePlace();
  assert.deepEqual(await peek(place, "p/[di].js"), ["p/d.js", "p/i.js"]);
  assert.deepEqual(await peek(place, "p/[di].js", "--layer", "1"), ["p/i.js", "p/d.js"]);
  const several = await place.run(["extract", "oci:box:t", "p/[di].js", "-o", "-"]);
  assert.equal(several.code, 2);
  assert.match(several.stderr, /p\/\[di\]\.js may match several files/);
  assert.equal((await place.run(["extract", "oci:box:t", "p/\\[x\\].js", "-o", "-"])).code, 3);
});
