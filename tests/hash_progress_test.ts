/** What is hashed before it is sent has a progress of its own: it may take as long as sending it. @module */
import assert from "node:assert/strict";
import { digestOf } from "../lib/oci/digest.ts";
import { pushBlob } from "../lib/exports/blobs.ts";
import { append } from "../lib/exports/copy.ts";
import { type TransferEvent, upload } from "../main.ts";
import { makeWorkspace, someBytes } from "./rigs/content.ts";
import { putImage } from "./rigs/images.ts";
import { testOnEachStore } from "./rigs/stores.ts";
import { tarOf } from "./rigs/tar.ts";

const SIZE = 300_000;

type Progress = Extract<TransferEvent, { type: "progress" }>;
const isProgress = (event: TransferEvent): event is Progress => event.type === "progress";
const bytesOf = (events: Progress[]) => events.reduce((sum, { bytes }) => sum + bytes, 0);

testOnEachStore(
  "a replacement, a blob and a layer are seen to be hashed before they are sent",
  async (place) => {
    await using work = await makeWorkspace();
    const archive = tarOf([{ name: "file", content: someBytes(SIZE, 3) }]);
    const [file, blob, layer] = [
      await work.write("file", someBytes(SIZE - 1, 1)),
      await work.write("blob", someBytes(SIZE, 2)),
      await work.write("layer.tar", archive),
    ];
    let events: TransferEvent[] = [];
    using store = place.open({ onEvent: (event) => void events.push(event) });
    await upload(store, "disk", { input: blob, chunkSize: 100_000 });
    const rootfs = { type: "layers", "diff_ids": [digestOf(tarOf([]))] };
    await putImage(store, "base", [{ bytes: tarOf([]) }], { os: "linux", architecture: "amd64", rootfs });
    const works: [work: () => Promise<unknown>, size: number][] = [
      [() => upload(store, "disk", { input: file, chunkSize: 100_000, overwrite: true }), SIZE - 1],
      [() => pushBlob(store, blob), SIZE],
      [
        () => append({ store, reference: "base" }, { store, reference: "new" }, { input: layer }),
        archive.length,
      ],
    ];
    for (const [work, size] of works) {
      events = [];
      await work();
      const progress = events.filter(isProgress).filter(({ bytes }) => bytes > 0);
      const hashed = progress.filter(({ phase }) => phase === "hash" || phase === "check");
      assert.ok(bytesOf(hashed) >= size, `${bytesOf(hashed)} of ${size}`);
      const sent = progress.findIndex(({ phase, bytes }) => phase === "send" && bytes > 1000);
      assert.ok(sent < 0 || progress.indexOf(hashed[0]!) < sent, "it is hashed first");
    }
  },
);
