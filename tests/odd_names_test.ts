/** Files whose names are as long as a disk takes them, or not UTF-8. @module */
import assert from "node:assert/strict";
import { download, openStore, upload } from "../main.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { onLinux } from "./rigs/system.ts";

const BYTES = someBytes(25);

for (
  const [what, letter, most] of [["of one byte each", "a", 255], ["of several bytes each", "ß", 127]] as const
) {
  Deno.test(`a download goes to a file with the longest name, of letters ${what}, and resumes`, async () => {
    await using work = await makeWorkspace();
    using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
    await upload(store, "disk", { input: streamOf(BYTES), chunkSize: 10 });
    for (let length = most - 5; length <= most; length++) {
      const output = work.path(letter.repeat(length));
      const onEvent = ({ type }: { type: string }) => {
        if (type === "blob") throw new Error("stop");
      };
      await assert.rejects(download(store, "disk", { output, jobs: 1, onEvent }), /stop/);
      const names = await Array.fromAsync(Deno.readDir(work.path(".")), ({ name }) => name);
      const partial = names.filter((name) => name.endsWith(".part"));
      assert.equal(partial.length, 1, `${length}`);
      await download(store, "disk", { output });
      assert.deepEqual(await Deno.readFile(output), BYTES);
      await assert.rejects(Deno.stat(work.path(partial[0]!)), Deno.errors.NotFound);
    }
  });
}

Deno.test(
  "a file whose name is not UTF-8 is not just missing: it can be piped",
  onLinux("names of any bytes"),
  async () => {
    await using work = await makeWorkplace();
    const { code, stderr } = await work.run(
      ["upload", "--registry", "oci:box", "-r", "me/files", "-t", "x"],
      {
        under: ["bash", "-c", `n=$(printf 'caf\\xe9'); echo hello > "$n"; exec "$@" -i "$n"`, "bash"],
      },
    );
    assert.equal(code, 3);
    assert.match(
      stderr,
      /: there is no file caf\ufffd\nhint: if its name is not UTF-8, pipe it, as in: -i - < FILE\n$/,
    );
  },
);
