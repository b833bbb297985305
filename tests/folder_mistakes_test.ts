/** Folders and stored files do not get in each other's way, and what goes wrong with a folder is said as it is of a file. @module */
import assert from "node:assert/strict";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";

async function makeBoth(work: Workplace): Promise<void> {
  await Deno.mkdir(work.path("photos"));
  await work.write("photos/one.txt", "one");
  await work.write("plain", "plain");
}

Deno.test("a folder does not get the name of a stored file, nor a file that of a folder", async () => {
  await using work = await makeWorkplace();
  await makeBoth(work);
  for (
    const [first, second, kind, box] of [
      ["plain", "photos", "a stored file", "oci:./one"],
      ["photos", "plain", "a folder", "oci:./two"],
    ] as const
  ) {
    assert.equal((await work.run(["upload", first, `${box}:p`])).code, 0);
    for (const options of [[], ["--overwrite"]]) {
      const { code, stderr } = await work.run(["upload", second, `${box}:p`, ...options]);
      assert.deepEqual([code, stderr], [
        6,
        `layerstash: cannot store ${second} as p: ${kind} has the name p already\n` +
        `hint: use another name, or remove that first: layerstash remove ${box}:p\n`,
      ]);
    }
    assert.equal((await work.run(["upload", first, `${box}:p`])).code, 0, "the first is stored again");
    assert.equal((await work.run(["upload", second, `${box}:other`])).code, 0);
  }
});
