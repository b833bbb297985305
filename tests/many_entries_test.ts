/** Images of many files are listed and extracted in little memory. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { V8_FLAGS } from "../lib/ship/bundle.ts";
import { commandWords } from "./rigs/command_line.ts";
import { makeWorkspace } from "./rigs/content.ts";
import { gzip, makeImage } from "./rigs/images.ts";
import { IS_LONG } from "./rigs/long_run.ts";
import { layerOfMany } from "./rigs/many_entries.ts";
import { onLinux } from "./rigs/system.ts";
import { tarOf } from "./rigs/tar.ts";

const MOST_MEMORY = 256 * 1024;
const [DENO = "deno"] = commandWords([]);
const CONFIG = join(import.meta.dirname!, "../deno.json");
const PROCESS = join(import.meta.dirname!, "rigs/measured_command.ts");

/** Runs a command, and gives the lines that it printed and its peak of resident memory, in KiB. */
async function measure(args: string[], flags: string[] = []): Promise<{ lines: number; peak: number }> {
  const { code, stdout, stderr } = await new Deno.Command(DENO, {
    args: ["run", ...flags, "--no-check", "--config", CONFIG, "-A", PROCESS, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stderr);
  assert.equal(code, 0, said);
  const peak = Number(/^peak (\d+)$/m.exec(said)?.[1]);
  assert.ok(peak > 0, said);
  return { lines: stdout.filter((byte) => byte === 0x0a).length, peak };
}

Deno.test("an image of 300,000 files is listed in less than 256 MiB", onLinux("/proc"), async () => {
  const files = 300_000;
  await using image = await makeImage([await layerOfMany(files)]);
  const { lines, peak } = await measure(["peek", image.name]);
  assert.equal(lines, files + files / 1000 + 3);
  assert.ok(peak < MOST_MEMORY, `${peak} KiB`);
});

Deno.test("an image of many files is extracted in less than 256 MiB", onLinux("/proc"), async () => {
  const files = IS_LONG ? 300_000 : 60_000;
  const below = await layerOfMany(files / 2);
  await using image = await makeImage([below, await layerOfMany(files)]);
  const out = image.work.path("out");
  const { peak } = await measure(["extract", image.name, "/", "-o", out]);
  const parts = Array.from(Deno.readDirSync(join(out, "usr/share/documents")), ({ name }) => name);
  assert.equal(parts.length, files / 1000);
  assert.equal([...Deno.readDirSync(join(out, "usr/share/documents/part-7"))].length, 1000);
  assert.ok(peak < MOST_MEMORY, `${peak} KiB`);
});

Deno.test("a directory of many files is extracted into one that exists", onLinux("/proc"), async () => {
  const files = 20_000; // with so little stack they are as many as 150,000 are else
  const names = Array.from({ length: files }, (_, index) => ({ name: `many/${index}` }));
  await using image = await makeImage([await gzip(tarOf(names))]);
  const out = image.work.path("out");
  await Deno.mkdir(`${out}/many`, { recursive: true });
  await measure(["extract", image.name, "/", "-o", out], ["--v8-flags=--stack-size=120"]);
  assert.equal([...Deno.readDirSync(`${out}/many`)].length, files);
});

Deno.test(
  "a directory of many small files is stored, and brought back, in less than 256 MiB",
  onLinux("/proc"),
  async () => {
    const files = IS_LONG ? 1_000_000 : 30_000;
    await using work = await makeWorkspace();
    for (let index = 0; index < files; index++) {
      const directory = work.path(`in/part-${index % 100}`);
      if (index < 100) Deno.mkdirSync(directory, { recursive: true });
      Deno.writeTextFileSync(`${directory}/file-number-${index}`, "small ".repeat(index % 17));
    }
    const box = `oci:${work.path("box")}:many`;
    const { peak } = await measure(["upload", work.path("in"), box], [V8_FLAGS]); // those of a built program
    assert.ok(peak < MOST_MEMORY, `${peak} KiB`);
    await Deno.remove(work.path("in"), { recursive: true });
    const back = await measure(["download", box, work.path("out")], [V8_FLAGS]);
    assert.equal([...Deno.readDirSync(work.path("out/part-7"))].length, files / 100);
    assert.ok(back.peak < MOST_MEMORY, `${back.peak} KiB`);
  },
);
