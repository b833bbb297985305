/** Tests of encrypted files in the hands of somebody who can change what is stored, and has no key. @module */
import assert from "node:assert/strict";
import { download, info, MismatchError, upload, verify } from "../main.ts";
import { serveHandler } from "../lib/exports/serve.ts";
import type { Digest } from "../lib/oci/digest.ts";
import { sink, someBytes } from "./rigs/content.ts";
import { encrypted, failure, fetched, FILE, requireRefused, setScene } from "./rigs/encrypted_scene.ts";
import { ageFileOf, blobOf, flipped, giveInstead, noteOf, replaceChunks } from "./rigs/encryption.ts";

const KiB = 1024;

/** What a registry can make of two stashes of one key, both of equal chunks. */
const HOSTILE: Record<string, (own: Digest[], others: Digest[]) => Digest[]> = {
  "two chunks are swapped": ([a, b, ...rest]) => [b!, a!, ...rest],
  "a chunk in the middle is dropped": ([a, _, ...rest]) => [a!, ...rest],
  "the last chunk is dropped": (own) => own.slice(0, -1),
  "a chunk stands twice": ([a, b, ...rest]) => [a!, b!, b!, ...rest],
  "a chunk is repeated in the place of another": ([a, _, ...rest]) => [a!, a!, ...rest],
  "a chunk is of another stash": ([a, _, ...rest], [, b]) => [a!, b!, ...rest],
  "all chunks are of another stash": (_, others) => others,
};

for (const [what, make] of Object.entries(HOSTILE)) {
  Deno.test(`a stash in which ${what} is refused`, async () => {
    await using scene = await setScene(someBytes(3 * 192 * KiB + 5));
    const own = await upload(scene.store, "disk", encrypted(scene));
    await scene.work.write("secret.img", someBytes(3 * 192 * KiB + 5, 7));
    const others = await upload(scene.store, "other", encrypted(scene));
    const digests = ({ chunks }: typeof own) => chunks.map(({ digest }) => digest);
    replaceChunks(scene.fake, "disk", { chunks: make(digests(own), digests(others)) });
    await requireRefused(scene, "disk");
    const checked = await verify(scene.store, "disk", { identities: scene.key.identities }).catch((error) =>
      error
    );
    assert.ok(checked instanceof MismatchError);
  });
}

Deno.test("a file that age has encrypted is the one of its digest, although others are for the same key", async () => {
  await using scene = await setScene();
  const { encryptTo } = scene.key;
  const [mine, forged] = [await ageFileOf(FILE, encryptTo), await ageFileOf(flipped(FILE, 5), encryptTo)];
  const input = await scene.work.write("secret.age", mine);
  const { digest, chunks } = await upload(scene.store, "aged", { input, chunkSize: 300 * KiB });
  assert.deepEqual(await fetched(scene.store, digest!, scene.key.identities), FILE);
  for (const { digest, at, size } of chunks) {
    giveInstead(scene.fake, digest, forged.slice(at, at + size));
  }
  await requireRefused(scene, digest!);
});

Deno.test("a chunk of an encrypted file that is missing, though the stash lists it, is named", async () => {
  await using scene = await setScene();
  const { chunks } = await upload(scene.store, "disk", encrypted(scene));
  scene.fake.storage.blobs.delete(chunks[1]!.digest);
  const error = await failure(fetched(scene.store, "disk", scene.key.identities));
  assert.equal(error.message, `chunk 2 is missing in ${scene.store.name}`);
});

Deno.test("chunks whose registry denies that they are encrypted are refused, whichever it gives", async () => {
  await using scene = await setScene();
  const { chunks } = await upload(scene.store, "disk", encrypted(scene));
  const before = noteOf(scene.fake, "disk-4").encryption.details!;
  const all = chunks.map(({ digest }) => digest);
  const details = scene.fake.storage.addBlob("me/files", Uint8Array.fromBase64(before));
  const [one, two, three, four] = all as [Digest, Digest, Digest, Digest];
  const lists = { all, swapped: [two, one, three, four], cut: [one, two], one: [two], details: [details] };
  for (const [what, chunks] of Object.entries(lists)) {
    await upload(scene.store, what, encrypted(scene));
    replaceChunks(scene.fake, what, { chunks, note: { encryption: undefined } as never });
    await requireRefused(scene, what, what);
  }
});

Deno.test("a registry that gives the bytes of one chunk for those of another is noticed at the first record", async () => {
  await using scene = await setScene(someBytes(2 * 192 * KiB));
  const { chunks: [one, two] } = await upload(scene.store, "disk", encrypted(scene));
  giveInstead(scene.fake, one!.digest, blobOf(scene.fake, two!.digest));
  const { stream, bytes } = sink();
  const given = download(scene.store, "disk", { output: stream, identities: scene.key.identities });
  assert.ok(await failure(given) instanceof MismatchError);
  assert.equal(bytes().length, 0);
});

Deno.test("records that are swapped, dropped or repeated within a chunk are refused", async () => {
  await using scene = await setScene(someBytes(3 * 64 * KiB));
  const { chunks: [chunk] } = await upload(scene.store, "disk", { ...encrypted(scene), chunkSize: 10 ** 6 });
  const bytes = blobOf(scene.fake, chunk!.digest);
  const record = 64 * KiB + 16;
  const start = bytes.length - 3 * record;
  const [header, ...records] = [0, start, start + record, start + 2 * record, bytes.length]
    .flatMap((from, index, all) => index === all.length - 1 ? [] : [bytes.slice(from, all[index + 1])]);
  const [a, b, c] = records as [Uint8Array, Uint8Array, Uint8Array];
  const orders = {
    swapped: [b, a, c],
    dropped: [a, c],
    "cut off": [a, b],
    repeated: [a, a, c],
    longer: [a, b, c, c],
  };
  for (const [what, order] of Object.entries(orders)) {
    const blob = new Uint8Array(
      await new Blob([header!, ...order as Uint8Array<ArrayBuffer>[]]).arrayBuffer(),
    );
    giveInstead(scene.fake, chunk!.digest, blob);
    await requireRefused(scene, "disk", what);
    await Deno.remove(scene.work.path("back.img.part")).catch(() => {});
  }
});

Deno.test("every byte of a small stash is guarded: no flip of one gives another file", async () => {
  await using scene = await setScene(new TextEncoder().encode("a secret"));
  const { chunks: [chunk] } = await upload(scene.store, "disk", encrypted(scene));
  const bytes = blobOf(scene.fake, chunk!.digest);
  for (let at = 0; at < bytes.length; at++) {
    giveInstead(scene.fake, chunk!.digest, flipped(bytes, at));
    await requireRefused(scene, "disk", `byte ${at} of ${bytes.length}`);
    await Deno.remove(scene.work.path("back.img.part")).catch(() => {});
  }
  giveInstead(scene.fake, chunk!.digest, bytes);
  const { encryption: { details } } = noteOf(scene.fake, "disk-1");
  const file = Uint8Array.fromBase64(details!);
  for (let at = 0; at < file.length; at++) {
    const changed = { format: "age", details: flipped(file, at).toBase64() };
    replaceChunks(scene.fake, "disk", { chunks: [chunk!.digest], note: { encryption: changed } });
    await requireRefused(scene, "disk", `byte ${at} of the details, of ${file.length}`);
  }
});

Deno.test("a stash that says it is encrypted in an unknown way asks for a newer program", async () => {
  await using scene = await setScene();
  const { chunks } = await upload(scene.store, "disk", encrypted(scene));
  const encryption = { format: "rot13" } as { details?: string };
  replaceChunks(scene.fake, "disk", { chunks: chunks.map(({ digest }) => digest), note: { encryption } });
  const error = await failure(info(scene.store, "disk"));
  assert.match(error.message, /newer layerstash/);
});

Deno.test("a server with the key lists a file whose description was damaged, and what is beside it", async () => {
  await using scene = await setScene();
  const { chunks } = await upload(scene.store, "disk", encrypted(scene));
  await upload(scene.store, "plain", { input: scene.input });
  const { details = "" } = noteOf(scene.fake, "disk-4").encryption;
  const damaged = flipped(Uint8Array.fromBase64(details), details.length / 2).toBase64();
  const note = { encryption: { format: "age", details: damaged } };
  replaceChunks(scene.fake, "disk", { chunks: chunks.map(({ digest }) => digest), note });
  const handler = serveHandler({ "me/files": scene.store }, { identities: scene.key.identities });
  const headers = { accept: "text/html", depth: "1" };
  const list = await handler(new Request("http://localhost/files/me/files/", { headers }));
  const page = await list.text();
  assert.equal(list.status, 200, page);
  assert.match(page, /badge bad">encrypted, damaged[^]*Download plain/);
  assert.doesNotMatch(page, /Download disk/);
  const mounted = await handler(
    new Request("http://localhost/dav/me/files/", { method: "PROPFIND", headers }),
  );
  const names = await mounted.text();
  assert.deepEqual([mounted.status, /plain/.test(names), /disk/.test(names)], [207, true, false]);
});
