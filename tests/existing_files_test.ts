/** What downloads do with files that have the names which they need. @module */
import assert from "node:assert/strict";
import { ConflictError, download, openStore, upload } from "../main.ts";
import { pullBlobs, pushBlob } from "../lib/exports/blobs.ts";
import { saveLayers } from "../lib/exports/copy.ts";
import { findImage } from "../lib/exports/images.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { asRoot, onPosix } from "./rigs/system.ts";

const BYTES = someBytes(25);
const GIVEN_AWAY = asRoot("files that are given away");
const PRECIOUS = new TextEncoder().encode("precious");
const REPLACE = "choose another name, or replace it with --overwrite";

/** A directory with a stash, of which chunk 1 is a blob and an image of one layer as well. */
async function makeScene() {
  const work = await makeWorkspace();
  const store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await upload(store, "disk", { input: streamOf(BYTES) });
  const { digest } = await pushBlob(store, streamOf(BYTES));
  const { layers } = await findImage(store, "disk-1");
  const saved = `1-${digest.slice("sha256:".length).slice(0, 12)}.bin`;
  return {
    work,
    /** For each way to write a file: which file, and how. */
    ways: {
      download: {
        file: "out",
        run: (more = {}) => download(store, "disk", { output: work.path("out"), ...more }),
      },
      "blob pull": {
        file: "out",
        run: (more = {}) => pullBlobs(store, [digest], { output: work.path("out"), ...more }),
      },
      "save --layer": {
        file: saved,
        run: (more = {}) => saveLayers(store, layers, { directory: work.path("."), ...more }),
      },
    },
    async [Symbol.asyncDispose]() {
      store[Symbol.dispose]();
      await work[Symbol.asyncDispose]();
    },
  };
}

for (const way of ["download", "blob pull", "save --layer"] as const) {
  Deno.test(`${way} replaces another file only if it is told to`, async () => {
    await using scene = await makeScene();
    const { file, run } = scene.ways[way];
    const output = await scene.work.write(file, PRECIOUS);
    await assert.rejects(run(), (error) => {
      assert.ok(error instanceof ConflictError, Deno.inspect(error));
      assert.match(error.message, new RegExp(`/${file} already exists, with other bytes$`));
      assert.equal(error.hint, REPLACE);
      return true;
    });
    assert.deepEqual(await Deno.readFile(output), PRECIOUS);
    assert.ok(!await scene.work.has(`${file}.part`));
    await run({ overwrite: true });
    assert.deepEqual(await Deno.readFile(output), BYTES);
  });

  Deno.test(`${way} leaves a file with these bytes as it is, and replaces an empty one`, async () => {
    await using scene = await makeScene();
    const { file, run } = scene.ways[way];
    const output = await scene.work.write(file, new Uint8Array());
    await run();
    assert.deepEqual(await Deno.readFile(output), BYTES);
    const before = await Deno.stat(output);
    await run();
    assert.equal((await Deno.stat(output)).ino, before.ino);
  });

  Deno.test(`${way} does not replace a file that came while it ran`, async () => {
    await using scene = await makeScene();
    const { file, run } = scene.ways[way];
    const late = () => Deno.writeFileSync(scene.work.path(file), PRECIOUS);
    const onEvent = ({ type }: { type: string }) => type === "blob" && late();
    await assert.rejects(run({ onEvent }), ConflictError);
    assert.deepEqual(await Deno.readFile(scene.work.path(file)), PRECIOUS);
    assert.deepEqual(await Deno.readFile(scene.work.path(`${file}.part`)), BYTES);
  });

  Deno.test(`${way} leaves alone a partial file that has a second name`, onPosix("hard links"), async () => {
    await using scene = await makeScene();
    const { file, run } = scene.ways[way];
    const other = await scene.work.write("other", PRECIOUS);
    await Deno.link(other, scene.work.path(`${file}.part`));
    await assert.rejects(run(), (error) => {
      assert.ok(error instanceof ConflictError, Deno.inspect(error));
      assert.match(error.message, new RegExp(`/${file}\\.part has a second name \\(a hard link\\)$`));
      assert.match(error.hint!, /^remove it, or write to another name/);
      return true;
    });
    assert.deepEqual(await Deno.readFile(other), PRECIOUS);
    assert.ok(!await scene.work.has(file));
  });

  Deno.test(`${way} leaves alone a partial file of somebody else`, GIVEN_AWAY, async () => {
    await using scene = await makeScene();
    const { file, run } = scene.ways[way];
    const partial = await scene.work.write(`${file}.part`, new Uint8Array());
    await Deno.chmod(partial, 0o666);
    await Deno.chown(partial, 65534, 65534);
    await assert.rejects(run(), (error) => {
      assert.ok(error instanceof ConflictError, Deno.inspect(error));
      assert.match(error.message, new RegExp(`/${file}\\.part belongs to another user$`));
      return true;
    });
    assert.equal((await Deno.stat(partial)).size, 0);
    assert.ok(!await scene.work.has(file));
  });
}

const FOREIGN = /\/out\.part already exists, and is not the beginning of this download$/;
const ANEW = "remove it, choose another name, or begin it anew with --overwrite";

for (const way of ["download", "blob pull", "save --layer"] as const) {
  Deno.test(`${way} leaves alone a partial file that it has not begun`, async () => {
    await using scene = await makeScene();
    const { work, ways } = scene;
    const { file, run } = ways[way];
    const partial = work.path(`${file}.part`);
    const kept = [PRECIOUS, someBytes(25, 9), someBytes(100, 9), new Uint8Array(10), new Uint8Array(26)];
    for (const content of [...kept, BYTES.with(9, 0)]) {
      await Deno.writeFile(partial, content);
      for (const stateDirectory of [undefined, work.path("state"), work.path("state")]) {
        await assert.rejects(run({ stateDirectory }), (error) => {
          assert.ok(error instanceof ConflictError, Deno.inspect(error));
          assert.match(error.message, /\.part already exists, and is not the beginning of this download$/);
          assert.equal(error.hint, ANEW);
          return true;
        });
      }
      assert.deepEqual(await Deno.readFile(partial), content);
      assert.ok(!await work.has(file));
    }
    if (await work.has("state")) {
      assert.deepEqual(await Array.fromAsync(Deno.readDir(work.path("state"))), []);
    }
    await run({ overwrite: true });
    assert.deepEqual(await Deno.readFile(work.path(file)), BYTES);
    assert.ok(!await work.has(`${file}.part`));
  });

  Deno.test(`${way} goes on with the beginning that another program fetched`, async () => {
    for (const bytes of [BYTES.subarray(0, 1), BYTES.subarray(0, 24), BYTES, new Uint8Array([...BYTES, 7])]) {
      await using scene = await makeScene();
      const { file, run } = scene.ways[way];
      await scene.work.write(`${file}.part`, bytes);
      await run();
      assert.deepEqual(await Deno.readFile(scene.work.path(file)), BYTES);
    }
  });

  Deno.test(`${way} goes on with what a killed run without a journal has left`, async () => {
    for (const written of [0, 1, 24]) {
      await using scene = await makeScene();
      const { file, run } = scene.ways[way];
      const left = new Uint8Array(BYTES.length);
      left.set(BYTES.subarray(0, written));
      await scene.work.write(`${file}.part`, left);
      await run();
      assert.deepEqual(await Deno.readFile(scene.work.path(file)), BYTES);
    }
  });
}

Deno.test("a refused download of one file says nothing for the next one to the same name", async () => {
  await using scene = await makeScene();
  const { work, ways } = scene;
  await work.write("out.part", PRECIOUS);
  const stateDirectory = work.path("state");
  await assert.rejects(ways.download.run({ stateDirectory }), FOREIGN);
  await assert.rejects(ways["blob pull"].run({ stateDirectory, range: { start: 3 } }), FOREIGN);
  await assert.rejects(ways["blob pull"].run({ stateDirectory }), FOREIGN);
  assert.deepEqual(await Deno.readFile(work.path("out.part")), PRECIOUS);
});

Deno.test("a range goes on over its own beginning, and leaves alone other partial files", async () => {
  await using scene = await makeScene();
  const { work, ways } = scene;
  for (const part of [PRECIOUS, BYTES.subarray(0, 5)]) {
    await work.write("out.part", part);
    await assert.rejects(ways["blob pull"].run({ range: { start: 3 } }), FOREIGN);
    assert.deepEqual(await Deno.readFile(work.path("out.part")), part);
  }
  await work.write("out.part", BYTES.subarray(3, 9));
  await ways["blob pull"].run({ range: { start: 3 } });
  assert.deepEqual(await Deno.readFile(work.path("out")), BYTES.subarray(3));
  await work.write("out.part", PRECIOUS);
  await ways["blob pull"].run({ range: { start: 4 }, overwrite: true });
  assert.deepEqual(await Deno.readFile(work.path("out")), BYTES.subarray(4));
});

Deno.test("a command ends with exit code 6 over a partial file of somebody else", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", BYTES);
  await work.write("new.img.part", PRECIOUS);
  const disk = ["--registry", "oci:box", "-r", "me/files", "-t", "disk"];
  await work.run(["upload", ...disk, "-i", "disk.img"]);
  const refused = await work.run(["download", ...disk, "-o", "new.img"]);
  assert.equal(refused.code, 6, refused.stderr);
  assert.match(refused.stderr, /new\.img\.part already exists, and is not the beginning of this download\n/);
  assert.ok(refused.stderr.endsWith(`hint: ${ANEW}\n`), refused.stderr);
  assert.deepEqual(await Deno.readFile(work.path("new.img.part")), PRECIOUS);
  assert.equal((await work.run(["download", ...disk, "-o", "new.img", "--overwrite"])).code, 0);
  assert.deepEqual(await Deno.readFile(work.path("new.img")), BYTES);
});

Deno.test("the owner of the directory may have begun the partial file", GIVEN_AWAY, async () => {
  await using scene = await makeScene();
  const partial = await scene.work.write("out.part", BYTES.subarray(0, 10));
  for (const path of [partial, scene.work.path(".")]) await Deno.chown(path, 65534, 65534);
  await scene.ways.download.run();
  assert.deepEqual(await Deno.readFile(scene.work.path("out")), BYTES);
});

Deno.test("a range of a blob is no reason to replace a file", async () => {
  await using scene = await makeScene();
  const output = await scene.work.write("out", PRECIOUS);
  await assert.rejects(scene.ways["blob pull"].run({ range: { start: 3 } }), ConflictError);
  assert.deepEqual(await Deno.readFile(output), PRECIOUS);
  await scene.ways["blob pull"].run({ range: { start: 3 }, overwrite: true });
  assert.deepEqual(await Deno.readFile(output), BYTES.subarray(3));
});

Deno.test("the commands end with exit code 6 over another file, and --overwrite replaces it", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", BYTES);
  const where = ["--registry", "oci:box", "-r", "me/files"];
  await work.run(["upload", ...where, "-t", "disk", "-i", "disk.img"]);
  const digest = digestOf(BYTES);
  const saved = "layers/disk.img"; // a layer has the name of its file
  await Deno.mkdir(work.path("layers"));
  for (
    const [file, args] of [
      ["out", ["download", ...where, "-t", "disk", "-o", "out"]],
      ["pulled", ["blob", "pull", ...where, digest, "-o", "pulled"]],
      [saved, ["save", "oci:box/me/files:disk-1", "--layer", "1", "-o", "layers"]],
    ] as const
  ) {
    await work.write(file, PRECIOUS);
    const refused = await work.run([...args]);
    assert.equal(refused.code, 6, refused.stderr);
    assert.match(
      refused.stderr,
      new RegExp(`: ${file} already exists, with other bytes\nhint: ${REPLACE}\n$`),
    );
    assert.deepEqual(await Deno.readFile(work.path(file)), PRECIOUS);
    const replaced = await work.run([...args, "--overwrite"]);
    assert.equal(replaced.code, 0, replaced.stderr);
    assert.deepEqual(await Deno.readFile(work.path(file)), BYTES);
  }
});
