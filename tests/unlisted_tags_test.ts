/** A registry that does not list tags, as to a role that may only push: stashes are stored, mended and removed all the same. @module */
import assert from "node:assert/strict";
import { info, listRepositories, openStore, remove, type TransferEvent, upload, verify } from "../main.ts";
import { copyStash } from "../lib/exports/copy.ts";
import { makeWorkspace, someBytes } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { USER } from "./rigs/user.ts";

const CHALLENGE = { "www-authenticate": 'Basic realm="files"' };

for (const status of [403, 405, 501]) {
  Deno.test(`where the list of tags is answered with ${status}, each tag is asked for`, async () => {
    await using work = await makeWorkspace();
    await using registry = await startFakeRegistry();
    registry.faults.failNext = [{ method: "GET", path: /tags\/list/, status, times: 1000 }];
    using store = openStore({ registry: registry.url, repository: "me/files" });
    const options = { input: await work.write("disk.img", someBytes(25)), chunkSize: 10 };
    const notices: string[] = [];
    const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
    for (let times = 0; times < 2; times++) await upload(store, "disk", { ...options, onEvent });
    assert.match(notices[0] ?? "", /does not list its tags: each tag of disk was asked for/);
    await copyStash({ store, baseTag: "disk" }, { store, baseTag: "copy" });
    assert.equal((await info(store, "copy")).faults, undefined);
    assert.deepEqual((await verify(store, "copy", { deep: true })).faults, []);
    assert.deepEqual((await remove(store, "disk")).removed, ["disk-3", "disk-2", "disk-1"]);
  });
}

Deno.test("a list is asked for again without a number of entries where the registry refuses the number", async () => {
  await using registry = await startFakeRegistry();
  await using work = await makeWorkspace();
  using store = openStore({ registry: registry.url, repository: "me/files" });
  const input = await work.write("disk.img", someBytes(25));
  const refuse = () => {
    const body = JSON.stringify({ errors: [{ code: "PAGINATION_NUMBER_INVALID" }] });
    registry.faults.failNext = [{ path: /tags\/list|_catalog/, status: 400, body, times: 1 }];
    registry.requests.length = 0;
  };
  refuse();
  await upload(store, "disk", { input, chunkSize: 10 });
  refuse();
  assert.deepEqual(await Array.fromAsync(store.tags()), ["disk-1", "disk-2", "disk-3"]);
  assert.deepEqual(registry.requests.map(({ search }) => search), ["?n=1000", ""]);
  refuse();
  assert.deepEqual(await Array.fromAsync(listRepositories({ registry: registry.url })), ["me/files"]);
});

for (const auth of ["basic", "bearer", "none"] as const) {
  Deno.test(`a registry that wants a sign-in is not taken for one without a list of tags: ${auth}`, async () => {
    await using work = await makeWorkspace();
    await using registry = await startFakeRegistry({ auth, tokens: { anonymousPull: false } });
    if (auth === "none") {
      registry.faults.failNext = [{ path: /tags\/list/, status: 401, headers: CHALLENGE, times: 2 }];
    }
    const input = await work.write("disk.img", someBytes(25));
    const notices: string[] = [];
    const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
    using store = openStore({ registry: registry.url, repository: "me/files" });
    const stored = upload(store, "disk", { input, chunkSize: 10, onEvent });
    await assert.rejects(stored, { kind: "not-allowed", needsSignIn: true, hint: /layerstash login / });
    assert.deepEqual(notices, []);
  });
}

Deno.test("where the list of tags is answered with 401 to credentials, each tag is asked for", async () => {
  await using work = await makeWorkspace();
  await using registry = await startFakeRegistry({ auth: "basic" });
  registry.faults.failNext = [{ path: /tags\/list/, status: 401, headers: CHALLENGE, times: 1000 }];
  const credentials = { kind: "password", ...USER } as const;
  using store = openStore({ registry: registry.url, repository: "me/files", credentials });
  const notices: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && notices.push(event.message));
  await upload(store, "disk", {
    input: await work.write("disk.img", someBytes(25)),
    chunkSize: 10,
    onEvent,
  });
  assert.match(notices[0] ?? "", /does not list its tags: each tag of disk was asked for/);
});
