/** WebDAV: what is stored, as file managers and rclone read it. @module */
import assert from "node:assert/strict";
import { DOMParser } from "@xmldom/xmldom";
import { uploadFolder } from "../lib/exports/folders.ts";
import { serveHandler } from "../lib/exports/serve.ts";
import { openStore, upload } from "../main.ts";
import { putImage } from "./rigs/images.ts";
import { layerOfMany } from "./rigs/many_entries.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";

async function withFolder() {
  const directory = await makeWorkspace();
  const store = openStore({ registry: `oci:${directory.path("box")}`, repository: "me/files" });
  await upload(store, "disk.iso", { input: streamOf(someBytes(3000)), chunkSize: 1000 });
  await Deno.mkdir(directory.path("site/sub"), { recursive: true });
  await Deno.writeTextFile(directory.path("site/a&b <c> \x01.txt"), "odd");
  await Deno.symlink("a&b <c> \x01.txt", directory.path("site/link"));
  await Deno.symlink("nowhere", directory.path("site/broken"));
  await uploadFolder(store, "site", { directory: directory.path("site") });
  const handler = serveHandler({ "me/files": store });
  const ask = (method: string, path: string, { depth, body }: { depth?: string; body?: string } = {}) =>
    handler(
      new Request(`http://localhost${path}`, {
        method,
        headers: { ...(depth !== undefined && { depth }) },
        ...(body !== undefined && { body }),
      }),
    );
  return { ask, [Symbol.asyncDispose]: async () => (store.close(), await directory[Symbol.asyncDispose]()) };
}

/** The paths, and the sizes of files, in an answer that is well-formed XML. */
async function listed(answer: Response): Promise<[path: string, size: string | undefined][]> {
  assert.equal(answer.status, 207);
  const text = await answer.text();
  const page = new DOMParser({ onError: (_level, message) => assert.fail(message) }).parseFromString(
    text,
    "text/xml",
  );
  return Array.from(page.getElementsByTagNameNS("DAV:", "response"), (each) => [
    each.getElementsByTagNameNS("DAV:", "href")[0]!.textContent!,
    each.getElementsByTagNameNS("DAV:", "getcontentlength")[0]?.textContent ?? undefined,
  ]);
}

Deno.test("the server says that it is read-only WebDAV of class 1, at the top too", async () => {
  await using made = await withFolder();
  for (const path of ["/", "/dav/", "/dav/me/files/disk.iso"]) {
    const answer = await made.ask("OPTIONS", path);
    assert.deepEqual([answer.status, answer.headers.get("dav")], [200, "1"], path);
    assert.equal(answer.headers.get("allow"), "OPTIONS, GET, HEAD, PROPFIND");
  }
  for (const method of ["PUT", "DELETE", "MKCOL", "MOVE", "PROPPATCH", "LOCK"]) {
    for (const path of ["/dav/me/files/disk.iso", "/dav/me/files/new", "/dav/none/at/all", "/dav/new/"]) {
      const answer = await made.ask(method, path);
      assert.equal(answer.status, 405, `${method} ${path}`);
      assert.equal(answer.headers.get("allow"), "OPTIONS, GET, HEAD, PROPFIND");
    }
  }
});

Deno.test("directories list what is in them, to the depth that is asked for", async () => {
  await using made = await withFolder();
  const at = (path: string, depth: string) => made.ask("PROPFIND", path, { depth });
  assert.deepEqual(await listed(await at("/dav/", "1")), [["/dav/", undefined], ["/dav/me/", undefined]]);
  assert.deepEqual(await listed(await at("/dav/me/files/", "1")), [
    ["/dav/me/files/", undefined],
    ["/dav/me/files/disk.iso", "3000"],
    ["/dav/me/files/site/", undefined],
  ]);
  assert.deepEqual(await listed(await at("/dav/me/files", "0")), [["/dav/me/files/", undefined]]);
  assert.deepEqual(await listed(await at("/dav/me/files/site/", "1")), [
    ["/dav/me/files/site/", undefined],
    ["/dav/me/files/site/a%26b%20%3Cc%3E%20%01.txt", "3"],
    ["/dav/me/files/site/link", "3"],
    ["/dav/me/files/site/sub/", undefined],
  ], "a link is what it leads to, and a broken one is left out");
  assert.deepEqual(await listed(await at("/dav/me/files/disk.iso", "1")), [[
    "/dav/me/files/disk.iso",
    "3000",
  ]]);
  assert.equal((await at("/dav/none", "0")).status, 404);
});

Deno.test("a file that is older than 1970 has its time, and one without a time has none", async () => {
  await using directory = await makeWorkspace();
  const store = openStore({ registry: `oci:${directory.path("box")}`, repository: "me/files" });
  const times = { old: "1955-11-05T06:15:00Z", none: "1970-01-01T00:00:00Z" };
  await Deno.mkdir(directory.path("old/times"), { recursive: true });
  for (const [name, time] of Object.entries(times)) {
    await Deno.writeTextFile(directory.path(`old/times/${name}`), name);
    await Deno.utime(directory.path(`old/times/${name}`), new Date(time), new Date(time));
  }
  const input = await directory.write("disk", someBytes(10));
  await Deno.utime(input, new Date(times.old), new Date(times.old));
  await upload(store, "disk", { input });
  await uploadFolder(store, "old", { directory: directory.path("old") });
  const handler = serveHandler({ "me/files": store });
  const ask = async (path: string, init: RequestInit = {}) =>
    await handler(new Request(`http://localhost${path}`, init));
  const date = "Sat, 05 Nov 1955 06:15:00 GMT";
  for (const path of ["/files/me/files/old/times/old", "/files/me/files/disk", "/dav/me/files/disk"]) {
    const answer = await ask(path);
    assert.equal(answer.headers.get("last-modified"), date, path);
    await answer.body?.cancel();
    assert.equal((await ask(path, { headers: { "if-modified-since": date } })).status, 304);
  }
  const listing = { method: "PROPFIND", headers: { depth: "1" } };
  const mounted = await (await ask("/dav/me/files/old/times/", listing)).text();
  assert.deepEqual(mounted.match(/(?<=<D:getlastmodified>)[^<]*/g), [date]);
  assert.match(await (await ask("/files/me/files/old/times/?rows")).text(), />1955-11-05 06:15</);
  store.close();
});

Deno.test("a large directory is listed in pieces, as fast as the client takes them", async () => {
  await using directory = await makeWorkspace();
  using store = openStore({ registry: `oci:${directory.path("box")}`, repository: "me/files" });
  await putImage(store, "many", [{ bytes: await layerOfMany(1000) }]);
  const handler = serveHandler({ "me/files": store });
  const path = "/dav/me/files/many/usr/share/documents/part-0/";
  const ask = () =>
    handler(new Request(`http://localhost${path}`, { method: "PROPFIND", headers: { depth: "1" } }));
  const pieces = await Array.fromAsync((await ask()).body!.pipeThrough(new TextDecoderStream()));
  assert.ok(pieces.length > 3, `${pieces.length} pieces`);
  const found = await listed(new Response(pieces.join(""), { status: 207 }));
  assert.equal(found.length, 1001);
  assert.deepEqual([found[0], found[1]], [[path, undefined], [
    `${path}a%20file%20of%20an%20image%200.html`,
    "0",
  ]]);
});

Deno.test("a listing without end is refused", async () => {
  await using made = await withFolder();
  for (const depth of ["infinity", "Infinity", undefined]) {
    const answer = await made.ask("PROPFIND", "/dav/", depth === undefined ? {} : { depth });
    assert.equal(answer.status, 403);
    assert.match(await answer.text(), /<D:propfind-finite-depth *\/>/);
  }
  for (const depth of ["2", "1,noroot", "-1", "all"]) {
    assert.equal((await made.ask("PROPFIND", "/dav/", { depth })).status, 400, depth);
  }
});

Deno.test("all properties, their names, and one without a namespace are told apart, whatever stands beside them", async () => {
  await using made = await withFolder();
  const answerTo = async (asked: string) => {
    const body = `<p:propfind xmlns:p="DAV:" xmlns:x="urn:x">${asked}</p:propfind>`;
    const answer = await made.ask("PROPFIND", "/dav/me/files/disk.iso", { depth: "0", body });
    return { status: answer.status, text: (await answer.text()).replaceAll(/>\s+/g, ">") };
  };
  for (const asked of ["<p:allprop/>", "<x:prop/><p:allprop/><p:include><p:owner/></p:include>"]) {
    assert.match((await answerTo(asked)).text, /<D:getcontentlength>3000</, asked);
  }
  const { text: names } = await answerTo("<x:more/><p:propname/>");
  assert.match(names, /<D:getcontentlength *\/>|<D:getcontentlength><\/D:getcontentlength>/);
  assert.doesNotMatch(names, /3000/);
  const { text } = await answerTo('<p:prop><color xmlns=""/><p:getetag/></p:prop>');
  const page = new DOMParser({ onError: (_level, message) => assert.fail(message) })
    .parseFromString(text, "text/xml");
  assert.equal(page.getElementsByTagName("color")[0]?.namespaceURI || "", "");
  for (const asked of ["", "<x:prop/>", "<prop/>"]) assert.equal((await answerTo(asked)).status, 400, asked);
});

Deno.test("the properties that are asked for are given, and others are said to be missing", async () => {
  await using made = await withFolder();
  const body =
    '<?xml version="1.0"?><a:propfind xmlns:a="DAV:"><a:prop><a:getcontentlength/><b:color xmlns:b="urn:x&amp;y"/></a:prop></a:propfind>';
  const answer = await made.ask("PROPFIND", "/dav/me/files/disk.iso", { depth: "0", body });
  const text = await answer.text();
  assert.match(
    text,
    /<D:getcontentlength>3000<\/D:getcontentlength>\s*<\/D:prop>\s*<D:status>HTTP\/1.1 200 OK/,
  );
  assert.match(text, /<x:color xmlns:x="urn:x&amp;y" *\/>\s*<\/D:prop>\s*<D:status>HTTP\/1.1 404 Not Found/);
  assert.doesNotMatch(text, /getetag/);
  const hostile = [
    "<a",
    '<!DOCTYPE x [<!ENTITY e "e">]><a:propfind xmlns:a="DAV:"/>',
    "<propfind/>",
    "x".repeat(100_000),
  ];
  for (const body of hostile) {
    assert.equal((await made.ask("PROPFIND", "/dav/", { depth: "0", body })).status, 400, body.slice(0, 20));
  }
});

Deno.test("files are read with ranges, and directories lead to their pages", async () => {
  await using made = await withFolder();
  const answer = await made.ask("GET", "/dav/me/files/disk.iso");
  assert.deepEqual(await answer.bytes(), someBytes(3000));
  const page = await made.ask("GET", "/dav/me/files/");
  assert.deepEqual([page.status, page.headers.get("location")], [302, "/files/me/files/"]);
});
