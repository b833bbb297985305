/** Stored files that cannot be brought back, as the server says it: incomplete, torn, damaged. @module */
import assert from "node:assert/strict";
import type { Digest } from "../lib/oci/digest.ts";
import { serveHandler } from "../lib/exports/serve.ts";
import { openStore, type Store, upload } from "../main.ts";
import { makeWorkspace, someBytes, type Workspace } from "./rigs/content.ts";
import { putImage } from "./rigs/images.ts";
import { tarOf } from "./rigs/tar.ts";

const LAYER = tarOf([{ name: "a", content: "a" }]);

/** A server of a repository with stored files of four chunks, to which something happens. */
async function withFiles(names: readonly string[]) {
  const directory = await makeWorkspace();
  const store = openStore({ registry: `oci:${directory.path("box")}`, repository: "me/files" });
  for (const [index, name] of names.entries()) await put(store, name, directory, { seed: index });
  const told: string[] = [];
  const handler = serveHandler({ "me/files": store }, {
    onEvent: (event) => void (event.type === "notice" && told.push(event.message)),
  });
  const ask = (path: string, accept = "*/*", method = "GET") =>
    handler(new Request(`http://localhost${path}`, { method, headers: { accept, depth: "1" } }));
  return {
    ask,
    directory,
    store,
    told,
    /** The names in the list of the repository, with what stands beside each. */
    async rows() {
      const page = await (await ask("/files/me/files/?rows")).text();
      return Array.from(page.matchAll(/class="name"[^>]*>([^<]*)<[^]*?class="note">([^]*?)<\/span>/g))
        .map(([, name, note]) => [name, note!.replaceAll(/<[^>]*>/g, "")]);
    },
    [Symbol.asyncDispose]: async () => (store.close(), await directory[Symbol.asyncDispose]()),
  };
}

async function put(
  store: Store,
  name: string,
  directory: Workspace,
  { seed, size = 350 }: { seed: number; size?: number },
): Promise<void> {
  const input = await directory.write(`${name}-${seed}`, someBytes(size, seed + 1));
  await upload(store, name, { input, chunkSize: 100 });
}

/** Gives a tag the image of another one, as an upload does that is interrupted soon after. */
async function move(store: Store, from: string, to: string): Promise<void> {
  await store.putManifest(to, (await store.manifest(from))!);
}

Deno.test("a torn file is called torn, and its page says what to type, also for the old file", async () => {
  await using made = await withFiles(["disk", "new"]);
  const { digest: old } = (await upload(made.store, "disk", {
    input: made.directory.path("disk-0"),
    chunkSize: 100,
  })) as { digest?: Digest };
  await move(made.store, "new-1", "disk-1");
  assert.deepEqual(await made.rows(), [["disk", "torn"], ["new", ""]]);
  const said = "disk is torn: disk-1 and disk-4 belong to different uploads; " +
    "to mend it: layerstash upload FILE localhost/me/files:disk --overwrite; " +
    `the old file: layerstash download localhost/me/files@${old}; ` +
    "to remove it: layerstash remove localhost/me/files:disk\n";
  for (const [path, method] of [["/files", "GET"], ["/dav", "GET"], ["/dav", "PROPFIND"]]) {
    const answer = await made.ask(`${path}/me/files/disk`, "*/*", method);
    assert.deepEqual([answer.status, await answer.text()], [409, said]);
  }
  assert.match(await (await made.ask("/files/me/files/", "text/html")).text(), /href="[^"]*\/disk\?view"/);
  const page = await made.ask("/files/me/files/disk?view", "text/html");
  assert.equal(page.status, 409);
  const text = await page.text();
  assert.match(text, /badge bad">torn<[^]*disk-1 and disk-4 belong to different uploads/);
  assert.match(text, /<code>layerstash upload FILE localhost\/me\/files:disk --overwrite</);
  assert.doesNotMatch(await (await made.ask("/dav/me/files/", "*/*", "PROPFIND")).text(), /disk/);
  assert.deepEqual(made.told, [], "the operator has nothing to do");
});

Deno.test("an incomplete file is called so, whichever of its chunks is missing", async () => {
  await using made = await withFiles(["first", "last"]);
  await made.store.removeManifest("first-1");
  await made.store.removeManifest("last-4");
  assert.deepEqual(await made.rows(), [["first", "incomplete"], ["last", "incomplete"]]);
  for (
    const [name, what] of [["first", "first-1 is missing"], ["last", "its last chunk, last-4, is missing"]]
  ) {
    const answer = await made.ask(`/files/me/files/${name}`);
    const text = await answer.text();
    assert.equal(answer.status, 404);
    assert.ok(text.startsWith(`${name} is incomplete: ${what}; to mend it: layerstash upload FILE `), text);
    const page = await made.ask(`/files/me/files/${name}?view`, "text/html");
    assert.match(await page.text(), /badge bad">incomplete<[^]*layerstash remove localhost\/me\/files:/);
  }
  assert.match(await (await made.ask("/files/me/files/none")).text(), /^there is nothing at/);
});

Deno.test("chunks that are left of a longer file do not fill the list", async () => {
  await using made = await withFiles(["disk"]);
  await put(made.store, "long", made.directory, { seed: 9, size: 950 });
  for (let number = 5; number <= 10; number++) await move(made.store, `long-${number}`, `disk-${number}`);
  await move(made.store, "long-7", "other-7");
  await move(made.store, "long-8", "other-8");
  assert.deepEqual(await made.rows(), [
    ["disk", "6 chunks of another upload left"],
    ["long", ""],
    ["other", "incomplete"],
  ]);
  assert.equal((await made.ask("/files/me/files/disk")).status, 200);
});

Deno.test("chunks without a tag are one thing in the list", async () => {
  await using made = await withFiles(["disk"]);
  for (let number = 1; number <= 4; number++) {
    const manifest = (await made.store.manifest(`disk-${number}`))!;
    await made.store.putManifest(manifest.digest, manifest);
    await made.store.removeManifest(`disk-${number}`, { asRegistry: true });
  }
  assert.deepEqual(await made.rows(), [["4 chunks without a tag", "incomplete"]]);
});

Deno.test("a name that nothing has takes a few looks, however many builds have tags like it", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/app" });
  for (let number = 2; number <= 40; number++) await putImage(store, `build-${number}`, [{ bytes: LAYER }]);
  let looks = 0;
  const counted = new Proxy(store, {
    get(target, name) {
      if (name === "manifest") looks++;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const answer = await serveHandler({ "me/app": counted })(
    new Request("http://localhost/files/me/app/build"),
  );
  assert.equal(answer.status, 404);
  assert.ok(looks < 20, `${looks} looks`);
});

Deno.test("clients do not learn where a damaged file lies, and the operator learns what is wrong", async () => {
  await using made = await withFiles(["gone", "bad"]);
  const blobs = made.directory.path("box/me/files/blobs/sha256");
  const configOf = async (tag: string) => {
    const manifest = (await made.store.manifest(tag))!;
    const { config } = JSON.parse(new TextDecoder().decode(manifest.bytes)) as { config: { digest: string } };
    return `${blobs}/${config.digest.slice("sha256:".length)}`;
  };
  await Deno.remove(await configOf("gone-4"));
  await Deno.writeTextFile(await configOf("bad-1"), "{}");
  assert.deepEqual(await made.rows(), [["bad", "damaged"], ["gone", "damaged"]]);
  for (const name of ["bad", "gone"]) {
    const answer = await made.ask(`/files/me/files/${name}`);
    assert.deepEqual([answer.status, await answer.text()], [500, "what is stored is damaged\n"]);
  }
  assert.match(made.told[0]!, /^GET \/files\/me\/files\/bad failed: .* is corrupted/);
  assert.match(made.told[1]!, /^GET \/files\/me\/files\/gone failed: .* has no blob/);
});
