/** Names that are not UTF-8 stay apart from each other, and are shown; none is written under another name. @module */
import assert from "node:assert/strict";
import { extract, openImage } from "../lib/exports/images.ts";
import { decodeName } from "../lib/layers/tar_field.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { concatenate, someBytes } from "./rigs/content.ts";
import { gzip, type MadeLayer, makeImage, putImage } from "./rigs/images.ts";
import { type TarFile, tarOf } from "./rigs/tar.ts";
import { estargzOf, zstdChunkedOf } from "./rigs/toc_layers.ts";

const latin = (name: string, more: Partial<TarFile> = {}): TarFile => ({ name, isLatin: true, ...more });

const E_ACUTE = latin("caf\xe9", { content: "one" });
const E_GRAVE = latin("caf\xe8", { content: "two" });

/** A name in each place where an archive may have it: a header, attributes of pax, a long name of GNU. */
function named(how: "header" | "pax" | "gnu", files: TarFile[]): TarFile[] {
  if (how === "header") return files;
  return files.flatMap((file) => {
    const bytes = Uint8Array.from(file.name, (each) => each.charCodeAt(0));
    const record = concatenate([
      Uint8Array.from(`${bytes.length + 9} path=`, (each) => each.charCodeAt(0)),
      bytes,
      new Uint8Array([10]),
    ]);
    assert.equal(record.length, bytes.length + 9);
    const extension = how === "pax"
      ? { name: "x", flag: "x", content: record }
      : { name: "././@LongLink", flag: "L", content: concatenate([bytes, new Uint8Array(1)]) };
    return [extension, { ...file, name: "short", isLatin: false }];
  });
}

async function makePlace(layers: MadeLayer[]): Promise<Workplace> {
  const place = await makeWorkplace();
  using image = openImage(`oci:${place.path("box")}:t`);
  await putImage(image.store, "t", layers);
  return place;
}

async function listed(place: Workplace): Promise<string[]> {
  const { code, stdout, stderr } = await place.run(["peek", "oci:box:t"]);
  assert.equal(code, 0, stderr);
  return stdout.trimEnd().split("\n").map((line) => line.split("[1] ")[1] ?? line);
}

for (const how of ["header", "pax", "gnu"] as const) {
  Deno.test(`names that are not UTF-8 are two, and shown with their bytes (${how})`, async () => {
    const files = named(how, [E_ACUTE, E_GRAVE]);
    await using place = await makePlace([{ bytes: tarOf(files) }]);
    assert.deepEqual(await listed(place), ["caf\\xe8", "caf\\xe9"]);
  });
}

Deno.test("what cannot be written is left out and named, the rest is extracted, and the exit code says so", async () => {
  const files = [
    E_ACUTE,
    E_GRAVE,
    latin("d\xe9/", { flag: "5" }),
    latin("d\xe9/inside", { content: "x" }),
    latin("link", { flag: "2", target: "caf\xe9" }),
    { name: "sound", content: "sound" },
    latin("hard", { flag: "1", target: "caf\xe9" }),
  ];
  await using place = await makePlace([{ bytes: await gzip(tarOf(files)) }]);
  const { code, stderr } = await place.run(["extract", "oci:box:t", "/", "-o", "out"]);
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /5 entries skipped, because this program writes only names that are UTF-8: caf\\xe8, caf\\xe9, d\\xe9, \.\.\./,
  );
  assert.match(stderr, /cannot extract .*: 5 entries could not be written\nhint: /);
  const names = Array.from(Deno.readDirSync(place.path("out")), ({ name }) => name).sort();
  assert.deepEqual(names, ["hard", "sound"]);
  assert.equal(await Deno.readTextFile(place.path("out/hard")), "one");
  const json = await place.run(["extract", "--json", "oci:box:t", "/", "-o", "other"]);
  const events = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual([json.code, events.at(-1).event, events.at(-1).unwritable.length], [1, "done", 5]);
  assert.equal((await place.run(["extract", "oci:box:t", "sound", "-o", "third"])).code, 0);
});

Deno.test("a library call gets the entries that could not be written", async () => {
  await using image = await makeImage([tarOf([E_ACUTE, E_GRAVE])]);
  const { entries, unwritable } = await extract(await image.files(), ["/"], {
    directory: image.work.path("out"),
  });
  assert.deepEqual([entries.length, unwritable.map(({ path }) => path)], [0, ["caf\udce8", "caf\udce9"]]);
  assert.equal(image.notices.length, 1);
});

Deno.test("whiteouts and links find the one name that they mean", async () => {
  const base = tarOf([E_ACUTE, E_GRAVE, latin("to", { flag: "1", target: "caf\xe9" })]);
  await using image = await makeImage([base, tarOf([latin(".wh.caf\xe8")])]);
  const tree = await (await image.files()).merged();
  assert.deepEqual(Array.from(tree.entries(), ({ path, size }) => [path, size]), [["caf\udce9", 3], [
    "to",
    3,
  ]]);
  assert.equal(tree.find("to")?.source?.path, "caf\udce9");
});

for (const [format, make] of [["eStargz", estargzOf], ["zstd:chunked", zstdChunkedOf]] as const) {
  Deno.test(`a table of contents of ${format}, which cannot have such names, is not used`, async () => {
    const packed = [E_ACUTE, E_GRAVE, { name: "large", content: someBytes(400_000) }];
    // Go writes the names into the table with U+FFFD, so that two become one.
    const table = packed.map((file) => ({ ...file, name: file.name.replace(/[^a-z]/, "\ufffd") }));
    await using image = await makeImage([await make(table, { packed })]);
    const tree = await (await image.files()).merged();
    const paths = Array.from(tree.entries(), ({ path }) => path);
    assert.deepEqual(paths.slice(0, 3), ["caf\udce8", "caf\udce9", "large"]);
    assert.match(image.notices.join(), /is not used: it has names that are not UTF-8/);
  });
}

Deno.test("every text of bytes is decoded without loss, and UTF-8 as it is", () => {
  const same = ["", "plain", "ümlaut – 日本 🎉", "\ufeffwith a mark", "\ufffd"];
  for (const text of same) assert.equal(decodeName(new TextEncoder().encode(text)), text);
  const texts = new Set<string>();
  const bytes = [0x41, 0x80, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0xf0, 0x9f, 0xff];
  const all = bytes.flatMap((a) => bytes.flatMap((b) => bytes.map((c) => new Uint8Array([a, b, c]))));
  for (const each of all) texts.add(decodeName(each));
  assert.equal(texts.size, all.length);
});
