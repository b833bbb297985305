/** An image that stands alone is for one platform, and for no other that somebody names. @module */
import assert from "node:assert/strict";
import { append, copyImage } from "../lib/exports/copy.ts";
import { findImage } from "../lib/exports/images.ts";
import { InvalidInputError, NotFoundError, openStore } from "../main.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { makeWorkspace, streamOf, type Workspace } from "./rigs/content.ts";
import { putImage } from "./rigs/images.ts";
import { tarOf } from "./rigs/tar.ts";

function openBox(work: Workspace) {
  return openStore({ registry: `oci:${work.path("box")}`, repository: "me/app" });
}

const LAYER = { bytes: tarOf([{ name: "motd", content: "hello" }]) };

Deno.test("an image alone is not taken for another platform: found, copied or built on", async () => {
  await using work = await makeWorkspace();
  using store = openBox(work);
  await putImage(store, "arm", [LAYER], {
    os: "linux",
    architecture: "arm64",
    variant: "v8",
    rootfs: { type: "layers", diff_ids: [digestOf(LAYER.bytes)] },
  });
  const from = { store, reference: "arm" };
  const to = { store, reference: "new" };
  const works: ((platform: string) => Promise<unknown>)[] = [
    (platform) => findImage(store, "arm", { platform }),
    (platform) => copyImage(from, to, { platforms: [platform] }),
    (platform) => append(from, { store, reference: "more" }, { platform, input: streamOf(tarOf([])) }),
  ];
  for (const work of works) {
    for (const platform of ["linux/amd64", "windows/arm64", "linux/arm64/v7"]) {
      await assert.rejects(work(platform), (error) => {
        assert.ok(error instanceof NotFoundError);
        assert.equal(error.message, `there is no image for ${platform}`);
        assert.equal(error.hint, "the only image is for linux/arm64/v8");
        return true;
      });
    }
    await assert.rejects(work("nonsense"), InvalidInputError);
    assert.equal(await store.resolve("new"), undefined);
  }
  for (const work of works) {
    for (const platform of ["linux/arm64", "linux/arm64/v8"]) await work(platform);
  }
});

Deno.test("what does not say what it is for is for any platform", async () => {
  await using work = await makeWorkspace();
  using store = openBox(work);
  await putImage(store, "any", [LAYER], {});
  assert.equal((await findImage(store, "any", { platform: "linux/s390x" })).layers.length, 1);
});

Deno.test("what says a part of what it is for is held to that part", async () => {
  await using work = await makeWorkspace();
  using store = openBox(work);
  await putImage(store, "amd64", [LAYER], { architecture: "amd64" });
  await putImage(store, "linux", [LAYER], { os: "linux" });
  for (
    const [tag, platform] of [["amd64", "linux/amd64"], ["amd64", "windows/amd64/v1"], [
      "linux",
      "linux/arm/v7",
    ]]
  ) {
    assert.equal((await findImage(store, tag, { platform })).layers.length, 1);
  }
  for (const [tag, platform] of [["amd64", "linux/arm64"], ["linux", "windows/amd64"]]) {
    await assert.rejects(findImage(store, tag, { platform }), NotFoundError);
  }
});
