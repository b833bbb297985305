/** Blobs that are read as their plain bytes: over connections that break, and by readers who go away. @module */
import assert from "node:assert/strict";
import type { Bytes } from "../lib/content/bytes.ts";
import { AgeHeader, encryptedSize, newNonce, Recipients } from "../lib/exports/encryption.ts";
import { digestOf } from "../lib/oci/digest.ts";
import type { BlobReader } from "../lib/store/store.ts";
import { plainBlob } from "../lib/transfer/plain_blobs.ts";
import { openStore, upload } from "../main.ts";
import { testClock } from "./rigs/clock.ts";
import { encrypted, fetched, FILE, setScene } from "./rigs/encrypted_scene.ts";

Deno.test("an encrypted file comes over connections that each give little more than a record", async () => {
  await using scene = await setScene();
  const { fake, key } = scene;
  const { chunks } = await upload(scene.store, "disk", encrypted(scene));
  const digest = chunks.map(({ digest }) => digest);
  const breakDownload = { digest, after: 70_000, times: 8, how: "cut" as const };
  fake.faults.breakDownload = breakDownload;
  using store = openStore({ registry: fake.url, repository: "me/files", clock: testClock() });
  assert.deepEqual(await fetched(store, "disk", key.identities), FILE);
  assert.equal(breakDownload.times, 0);
});

Deno.test("a reader who goes away before the first plain byte lets go of the connection", async () => {
  const header = await AgeHeader.make(Recipients.withPassphrase("correct horse", 1));
  const gone: unknown[] = [];
  const body = new ReadableStream<Bytes>({ cancel: (reason) => void gone.push(reason) });
  const store = { readUnverified: () => Promise.resolve(body) } as unknown as BlobReader;
  const stored = { digest: digestOf(header.bytes), size: encryptedSize(header, 100) };
  const blob = plainBlob(store, stored, { header, nonce: newNonce(), size: 100 });
  const bytes = await blob.open({ start: 0, end: 100 }, {});
  await bytes.cancel("enough");
  assert.deepEqual(gone, ["enough"]);
});
