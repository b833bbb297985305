/** Tables of contents that list other files than their layers have, and what is said of them. @module */
import assert from "node:assert/strict";
import { openImage } from "../lib/exports/images.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { putImage } from "./rigs/images.ts";
import { estargzOf, zstdChunkedOf } from "./rigs/toc_layers.ts";

const LISTED = [{ name: "etc/", flag: "5" }, { name: "etc/innocent", content: someBytes(400_000) }];
const PACKED = [...LISTED, { name: "evil", content: "x" }];

for (const [format, make] of [["eStargz", estargzOf], ["zstd:chunked", zstdChunkedOf]] as const) {
  Deno.test(`what is known from a table of ${format} is not called verified: it may hide files`, async () => {
    await using place = await makeWorkplace();
    using image = openImage(`oci:${place.path("box")}:t`);
    await putImage(image.store, "t", [await make(LISTED, { packed: PACKED })]);
    const peek = await place.run(["peek", "oci:box:t"]);
    assert.doesNotMatch(peek.stdout, /evil/);
    assert.match(peek.stderr, /checked against the table of contents alone: --verify reads what container/);
    assert.doesNotMatch(peek.stderr, /verified/);
    const json = (await place.run(["peek", "--json", "oci:box:t"])).stdout.trim().split("\n");
    const { verified, byTable } = JSON.parse(json.at(-1)!);
    assert.deepEqual([verified, byTable], [false, true]);
    const file = await place.run(["extract", "oci:box:t", "etc/innocent", "-o", "out"]);
    assert.match(file.stderr, /checked against the table of contents alone/);
    const whole = await place.run(["peek", "--verify", "oci:box:t"]);
    assert.match(whole.stdout, /evil/);
    assert.match(whole.stderr, /; verified\n/);
  });
}

Deno.test("the files of the format eStargz are listed with the layer alone, and read by their names", async () => {
  await using place = await makeWorkplace();
  using image = openImage(`oci:${place.path("box")}:t`);
  await putImage(image.store, "t", [await estargzOf(LISTED)]);
  const names = async (...options: string[]) => {
    const { stdout } = await place.run(["peek", ...options, "oci:box:t"]);
    return stdout.trim().split("\n").map((line) => line.replace(/ +/g, " "));
  };
  const own = /stargz[.]index[.]json|prefetch[.]landmark/;
  for (const options of [[], ["--verify"], ["--hidden"]]) {
    assert.deepEqual((await names(...options)).filter((line) => own.test(line)), [], `${options}`);
  }
  assert.deepEqual(await names(), await names("--verify"));
  assert.equal((await names("--layer", "1")).filter((line) => own.test(line)).length, 1);
  const path = "stargz.index.json";
  const read = async (...options: string[]) =>
    (await place.run(["extract", ...options, "oci:box:t", path, "-o", "-"])).stdout;
  assert.equal(JSON.parse(await read()).entries.length, 2);
  assert.equal(await read(), await read("--verify"));
  await place.run(["extract", "oci:box:t", "/", "-o", "all"]);
  const there = await Array.fromAsync(Deno.readDir(place.path("all")), ({ name }) => name);
  assert.ok(there.length > 0 && !there.some((name) => own.test(name)), `${there}`);
});
