/** What is done with images at every server, in this order. @module */
import assert from "node:assert/strict";
import { makeSampleLayout, MOTD, motdLayer } from "./sample_images.ts";
import type { Operation, Trial } from "./trial.ts";

const raw = (trial: Trial, image: string) => trial.run(["inspect", "--raw", image]);

/** Copies an image, whose bytes have to be the same at the other end. */
async function copied(trial: Trial, from: string, to: string, ...options: string[]): Promise<void> {
  await trial.run(["copy", ...options, from, to]);
  assert.equal(await raw(trial, to), await raw(trial, from));
}

const there = (trial: Trial, tag: string) => `${trial.image("images")}:${tag}`;

/** How many referrers of an image a repository or a layout has, as `copy --referrers` brings them to a new layout. */
async function referrersOf(trial: Trial, image: string, name: string): Promise<number> {
  await trial.run(["copy", "--referrers", image, `oci:${name}:t`]);
  const index = JSON.parse(await Deno.readTextFile(trial.place.path(`${name}/index.json`)));
  return index.manifests.length - 1;
}

/** Copies images there and back. */
const COPY_OPERATIONS: Record<string, Operation> = {
  "copy an image there": async (trial) => {
    await makeSampleLayout(trial.place.path("images"));
    await copied(trial, "oci:images:one", there(trial, "one"));
  },
  "copy an index there": (trial) => copied(trial, "oci:images:many", there(trial, "many")),
  "copy an index of indexes there": (trial) => copied(trial, "oci:images:nested", there(trial, "nested")),
  "copy an image with zstd layers there": (trial) => copied(trial, "oci:images:zstd", there(trial, "zstd")),
  "copy an image back": (trial) => copied(trial, there(trial, "one"), "oci:returned:one"),
  "copy an index back": (trial) => copied(trial, there(trial, "many"), "oci:returned:many"),
  "copy an index of indexes back": (trial) => copied(trial, there(trial, "nested"), "oci:returned:nested"),
  "copy one platform": async (trial) => {
    await trial.run(["copy", "--platform", "linux/arm64", there(trial, "many"), "oci:returned:arm"]);
    assert.equal(await raw(trial, "oci:returned:arm"), await raw(trial, "oci:images:arm"));
  },
  "copy to another tag": (trial) => copied(trial, there(trial, "one"), there(trial, "again")),
  "copy to another repository": (trial) =>
    copied(trial, there(trial, "many"), `${trial.image("mirror")}:many`),
  "copy --referrers there": (trial) => copied(trial, "oci:images:one", there(trial, "one"), "--referrers"),
  "copy --referrers back": async (trial) => {
    assert.equal(await referrersOf(trial, there(trial, "one"), "signed"), 1);
  },
  "copy --referrers across": async (trial) => {
    const mirror = `${trial.image("mirror")}:one`;
    await trial.run(["copy", "--referrers", there(trial, "one"), mirror]);
    assert.equal(await referrersOf(trial, mirror, "signed2"), 1);
  },
};

/** Looks into images, and adds to them. */
const LOOK_OPERATIONS: Record<string, Operation> = {
  "inspect an image": async (trial) => {
    assert.match(await trial.run(["inspect", there(trial, "one")]), /amd64/);
  },
  "inspect an index": async (trial) => {
    assert.match(await trial.run(["inspect", there(trial, "many")]), /arm64/);
  },
  "layers": async (trial) => {
    assert.equal((await trial.run(["layers", there(trial, "one")])).match(/sha256:/g)?.length, 2);
  },
  "peek": async (trial) => assert.match(await trial.run(["peek", there(trial, "one")]), /etc\/motd/),
  "peek of zstd layers": async (trial) => {
    assert.match(await trial.run(["peek", there(trial, "zstd")]), /etc\/motd/);
  },
  "peek --layer all": async (trial) => {
    assert.match(await trial.run(["peek", there(trial, "one"), "--layer", "all"]), /bin\/tool/);
  },
  "extract to a directory": async (trial) => {
    await trial.run(["extract", there(trial, "one"), "/etc", "-o", "out"]);
    assert.equal(await Deno.readTextFile(trial.place.path("out/etc/motd")), MOTD);
  },
  "extract to standard output": async (trial) => {
    assert.equal(await trial.run(["extract", there(trial, "one"), "etc/motd", "-o", "-"]), MOTD);
  },
  "append to an image": async (trial) => {
    await trial.place.write("layer.tar", motdLayer("appended\n"));
    await trial.run([
      "append",
      "--from",
      there(trial, "one"),
      "--to",
      there(trial, "more"),
      "-i",
      "layer.tar",
    ]);
    assert.equal(await trial.run(["extract", there(trial, "more"), "etc/motd", "-o", "-"]), "appended\n");
  },
  "append to one platform of an index": async (trial) => {
    const args = ["--from", there(trial, "many"), "--to", there(trial, "more-arm"), "-i", "layer.tar"];
    await trial.run(["append", "--platform", "linux/arm64", ...args]);
    assert.match(await trial.run(["inspect", there(trial, "more-arm")]), /arm64/);
  },
  "save a layout": async (trial) => {
    await trial.run(["save", there(trial, "many"), "-o", "saved"]);
    assert.equal(await raw(trial, "oci:saved"), await raw(trial, "oci:images:many"));
  },
  "save layers": async (trial) => {
    await trial.run(["save", there(trial, "one"), "--layer", "all", "-o", "layers"]);
    assert.equal((await Array.fromAsync(Deno.readDir(trial.place.path("layers")))).length, 2);
  },
};

/** All of it. */
export const IMAGE_OPERATIONS: Record<string, Operation> = { ...COPY_OPERATIONS, ...LOOK_OPERATIONS };
