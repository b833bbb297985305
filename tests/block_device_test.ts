/** A disk is stored from its device, as a file is. @module */
import assert from "node:assert/strict";
import { download, openStore, upload, verify } from "../main.ts";
import { pushBlob } from "../lib/exports/blobs.ts";
import { attachBlockDevice, withBlockDevice } from "./rigs/block_device.ts";
import { makeWorkspace, someBytes } from "./rigs/content.ts";

const BYTES = someBytes(20 * 1024 * 1024);

Deno.test("a block device is stored, compared and resumed as a file is", withBlockDevice, async () => {
  await using work = await makeWorkspace();
  const image = await work.write("disk.img", BYTES);
  await using device = await attachBlockDevice(image);
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  const options = { input: device.path, chunkSize: 3_000_000, stateDirectory: work.path("state"), jobs: 1 };
  let stored = 0;
  const interrupted = upload(store, "disk", {
    ...options,
    onEvent: ({ type }) => {
      if (type === "blob" && ++stored === 3) throw new Error("stop");
    },
  });
  await assert.rejects(interrupted, /stop/);
  const states: string[] = [];
  const stash = await upload(store, "disk", {
    ...options,
    onEvent: (event) => void (event.type === "blob" && states.push(event.state)),
  });
  assert.deepEqual([stash.size, stash.chunks.length], [BYTES.length, 7]);
  assert.ok(states.filter((state) => state === "present").length >= 2, `${states}`);
  assert.deepEqual((await verify(store, "disk", { file: device.path })).faults, []);
  await download(store, "disk", { output: work.path("copy") });
  assert.deepEqual(await Deno.readFile(work.path("copy")), BYTES);
  const again: string[] = [];
  await upload(store, "disk", {
    ...options,
    onEvent: (event) => void (event.type === "blob" && again.push(event.state)),
  });
  assert.deepEqual(new Set(again), new Set(["present"]));
  const { size } = await pushBlob(store, device.path);
  assert.equal(size, BYTES.length);
});

Deno.test(
  "a device that was written to is stored as it is now, and not as a journal remembers it",
  withBlockDevice,
  async () => {
    await using work = await makeWorkspace();
    const image = await work.write("disk.img", BYTES);
    await using device = await attachBlockDevice(image);
    using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
    const options = { input: device.path, stateDirectory: work.path("state") };
    await upload(store, "disk", options);
    {
      using file = await Deno.open(device.path, { write: true });
      await file.write(new TextEncoder().encode("changed"));
    }
    assert.equal((await verify(store, "disk", { file: device.path })).faults.length, 1);
    await assert.rejects(upload(store, "disk", options), /already exists|something else/);
    await upload(store, "disk", { ...options, overwrite: true });
    assert.deepEqual((await verify(store, "disk", { file: device.path })).faults, []);
  },
);

Deno.test(
  "a device whose size the system does not tell is refused, not stored as empty",
  withBlockDevice,
  async () => {
    await using work = await makeWorkspace();
    await using device = await attachBlockDevice(await work.write("disk.img", BYTES));
    using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
    const { seek } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.seek = async function (offset, whence) { // as lseek does on macOS
      return await seek.call(this, whence === Deno.SeekMode.End ? 0 : offset, Deno.SeekMode.Start);
    };
    try {
      const stored = upload(store, "disk", { input: device.path });
      await assert.rejects(stored, /is not empty, but its size is given as 0 bytes/);
    } finally {
      Deno.FsFile.prototype.seek = seek;
    }
  },
);
