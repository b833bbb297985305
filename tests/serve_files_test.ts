/** Files over HTTP: what is stored, by ranges and under conditions, and pages of it. @module */
import assert from "node:assert/strict";
import { LayerstashError, NotFoundError } from "../lib/errors.ts";
import type { TransferEvent } from "../lib/events.ts";
import { pushBlob } from "../lib/exports/blobs.ts";
import { generateKey, Identities, Recipients } from "../lib/exports/encryption.ts";
import { uploadFolder } from "../lib/exports/folders.ts";
import { openServed, serveHandler } from "../lib/exports/serve.ts";
import { openStore, remove, type Store, upload } from "../main.ts";
import { withCalls } from "../lib/store/replaced_calls.ts";
import { concatenate, makeWorkspace, someBytes, streamOf, type Workspace } from "./rigs/content.ts";

const CHUNK = 50_000;
const BYTES = someBytes(3 * CHUNK - 7);

/** A server of one repository, without a network. */
function serving(store: Store) {
  const handler = serveHandler({ "me/files": store });
  return async (path: string, headers: Record<string, string> = {}, method = "GET") =>
    await handler(new Request(`http://localhost${path}`, { headers, method }));
}

/** A repository in a directory with a stored file of three chunks, `disk`. */
async function withDisk() {
  const directory = await makeWorkspace();
  const store = openStore({ registry: `oci:${directory.path("box")}`, repository: "me/files" });
  const stash = await upload(store, "disk", {
    input: await directory.write("disk image.iso", BYTES),
    chunkSize: CHUNK,
  });
  return {
    directory,
    store,
    stash,
    ask: serving(store),
    [Symbol.asyncDispose]: () => closed(store, directory),
  };
}

async function closed(store: Store, directory: Workspace): Promise<void> {
  store.close();
  await directory[Symbol.asyncDispose]();
}

Deno.test("a stored file of several chunks is one file, with its length, type, name and date", async () => {
  await using made = await withDisk();
  const answer = await made.ask("/files/me/files/disk");
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.bytes(), BYTES);
  const { headers } = answer;
  assert.equal(headers.get("content-length"), String(BYTES.length));
  assert.equal(headers.get("content-type"), "application/x-iso9660-image");
  assert.equal(headers.get("content-disposition"), 'inline; filename="disk image.iso"');
  assert.equal(headers.get("etag"), `"${made.stash.digest}"`);
  assert.equal(headers.get("last-modified"), "Sat, 03 Feb 2024 04:05:06 GMT");
  assert.equal(headers.get("layerstash-verified"), "yes");
  const head = await made.ask("/files/me/files/disk", {}, "HEAD");
  assert.deepEqual([head.status, head.headers.get("content-length"), head.body], [
    200,
    String(BYTES.length),
    null,
  ]);
});

Deno.test("a range is answered with its bytes and no others", async () => {
  await using made = await withDisk();
  const size = BYTES.length;
  const cases: [range: string, start: number, end: number][] = [
    ["bytes=0-0", 0, 1],
    ["bytes=49990-50009", 49_990, 50_010],
    ["bytes=100000-", 100_000, size],
    ["bytes=-5", size - 5, size],
    [`bytes=-${size + 9}`, 0, size],
    [`bytes=10-${size + 9}`, 10, size],
  ];
  for (const [range, start, end] of cases) {
    const answer = await made.ask("/files/me/files/disk", { range });
    assert.equal(answer.status, 206, range);
    assert.equal(answer.headers.get("content-range"), `bytes ${start}-${end - 1}/${size}`);
    assert.equal(answer.headers.get("content-length"), String(end - start));
    assert.deepEqual(await answer.bytes(), BYTES.subarray(start, end), range);
  }
  const whole = await made.ask("/files/me/files/disk", { range: `bytes=${CHUNK}-${2 * CHUNK - 1}` });
  assert.equal(whole.headers.get("layerstash-verified"), "yes", "a whole chunk is verified");
  await whole.body!.cancel();
  const part = await made.ask("/files/me/files/disk", { range: "bytes=1-9" });
  assert.equal(part.headers.get("layerstash-verified"), "no");
  await part.body!.cancel();
  for (const range of [`bytes=${size}-`, "bytes=-0"]) {
    const answer = await made.ask("/files/me/files/disk", { range });
    assert.deepEqual([answer.status, answer.headers.get("content-range")], [416, `bytes */${size}`], range);
  }
  for (const range of ["bytes=9-1", "bytes=a-b", "lines=1-2", "bytes=", "bytes=0-,0-,0-"]) {
    const answer = await made.ask("/files/me/files/disk", { range });
    assert.equal(answer.status, 200, range);
    await answer.body!.cancel();
  }
  const head = await made.ask("/files/me/files/disk", { range: "bytes=0-0" }, "HEAD");
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, String(size)]);
});

Deno.test("blobs of the registry have the same ranges, and an empty file has none", async () => {
  await using made = await withDisk();
  const path = `/v2/me/files/blobs/${made.stash.chunks[0]!.digest}`;
  const cases: [headers: Record<string, string>, status: number, length: number][] = [
    [{ range: "bytes=2-5" }, 206, 4],
    [{ range: "bytes=-4" }, 206, 4],
    [{ range: "bytes=9-99999999999999999999" }, 206, CHUNK - 9],
    [{ range: "bytes=2-5, 8-9" }, 200, CHUNK],
    [{ range: "bytes=2-5", "if-range": '"other"' }, 200, CHUNK],
    [{ range: "bytes=2-5", "if-range": `"${made.stash.chunks[0]!.digest}"` }, 206, 4],
    [{ "if-none-match": `W/"${made.stash.chunks[0]!.digest}"` }, 304, 0],
    [{ "if-none-match": "*" }, 304, 0],
    [{ "if-match": '"other"', range: "bytes=2-5" }, 412, 0],
  ];
  for (const [headers, status, length] of cases) {
    const answer = await made.ask(path, headers);
    assert.deepEqual(
      [answer.status, (await answer.bytes()).length],
      [status, length],
      JSON.stringify(headers),
    );
  }
  const beyond = await made.ask(path, { range: `bytes=${CHUNK}-` });
  assert.deepEqual([beyond.status, beyond.headers.get("content-range")], [416, `bytes */${CHUNK}`]);
  await beyond.body!.cancel();
  await upload(made.store, "nothing", { input: await made.directory.write("nothing", new Uint8Array()) });
  for (const range of ["bytes=0-", "bytes=-5", "bytes=0-0"]) {
    const answer = await made.ask("/files/me/files/nothing", { range });
    assert.deepEqual([answer.status, (await answer.bytes()).length], [200, 0], range);
  }
});

Deno.test("several ranges are several parts, of the length that is announced", async () => {
  await using made = await withDisk();
  const answer = await made.ask("/files/me/files/disk", { range: "bytes=3-5, 49999-50000,-2" });
  assert.equal(answer.status, 206);
  const [, boundary] = /^multipart\/byteranges; boundary=(\S+)$/.exec(answer.headers.get("content-type")!)!;
  const body = await answer.bytes();
  assert.equal(answer.headers.get("content-length"), String(body.length));
  const size = BYTES.length;
  const part = (start: number, end: number) => [
    new TextEncoder().encode(
      `\r\n--${boundary}\r\ncontent-type: application/x-iso9660-image\r\ncontent-range: bytes ${start}-${
        end - 1
      }/${size}\r\n\r\n`,
    ),
    BYTES.subarray(start, end),
  ];
  const expected = [...part(3, 6), ...part(49_999, 50_001), ...part(size - 2, size)];
  assert.deepEqual(body, concatenate([...expected, new TextEncoder().encode(`\r\n--${boundary}--\r\n`)]));
});

Deno.test("conditions are kept: what the client has is not sent again, and no part of another version", async () => {
  await using made = await withDisk();
  const etag = `"${made.stash.digest}"`;
  const date = "Sat, 03 Feb 2024 04:05:06 GMT";
  const cases: [headers: Record<string, string>, status: number][] = [
    [{ "if-none-match": etag }, 304],
    [{ "if-none-match": `"other", W/${etag}` }, 304],
    [{ "if-none-match": '"other"' }, 200],
    [{ "if-modified-since": date }, 304],
    [{ "if-modified-since": "Sat, 03 Feb 2024 04:05:05 GMT" }, 200],
    [{ "if-modified-since": date, "if-none-match": '"other"' }, 200],
    [{ "if-match": '"other"' }, 412],
    [{ "if-match": etag, range: "bytes=0-1" }, 206],
    [{ "if-range": etag, range: "bytes=0-1" }, 206],
    [{ "if-range": date, range: "bytes=0-1" }, 206],
    [{ "if-range": '"other"', range: "bytes=0-1" }, 200],
    [{ "if-range": `W/${etag}`, range: "bytes=0-1" }, 200],
    [{ "if-unmodified-since": date }, 200],
    [{ "if-unmodified-since": "Sat, 03 Feb 2024 04:05:05 GMT", range: "bytes=0-1" }, 412],
    [{ "if-unmodified-since": "Sat, 03 Feb 2024 04:05:05 GMT", "if-match": etag }, 200],
    [{ "if-unmodified-since": "yesterday" }, 200],
  ];
  for (const [headers, status] of cases) {
    const answer = await made.ask("/files/me/files/disk", headers);
    assert.equal(answer.status, status, JSON.stringify(headers));
    await answer.body?.cancel();
  }
});

Deno.test("a damaged chunk breaks the answer off, and is never whole", async () => {
  await using made = await withDisk();
  assert.deepEqual(await (await made.ask("/files/me/files/disk")).bytes(), BYTES, "it was right before");
  const [, hex] = made.stash.chunks[1]!.digest.split(":");
  await Deno.writeFile(made.directory.path(`box/me/files/blobs/sha256/${hex}`), BYTES.subarray(0, CHUNK));
  const answer = await made.ask("/files/me/files/disk");
  await assert.rejects(answer.bytes(), /corrupted/);
});

Deno.test("clients do not learn where the files of the server are, and its operator does", async () => {
  await using made = await withDisk();
  const store = withCalls(made.store, {
    resolve: () => Promise.reject(new LayerstashError("/srv/box/index.json cannot be read")),
    tags: () => {
      throw new NotFoundError("there is no directory /srv/box");
    },
  });
  const told: string[] = [];
  const onEvent = (event: TransferEvent) => void (event.type === "notice" && told.push(event.message));
  const handler = serveHandler({ "me/files": store }, { onEvent });
  const cases: [path: string, status: number][] = [
    ["/files/me/files/disk", 500],
    ["/dav/me/files/disk", 500],
    ["/files/me/files/", 404],
    ["/", 200],
  ];
  for (const [path, status] of cases) {
    const answer = await handler(
      new Request(`http://localhost${path}`, { headers: { accept: "text/html" } }),
    );
    assert.equal(answer.status, status);
    assert.doesNotMatch(await answer.text(), /srv/);
  }
  const failed = "failed: /srv/box/index.json cannot be read";
  assert.deepEqual(told, [`GET /files/me/files/disk ${failed}`, `GET /dav/me/files/disk ${failed}`]);
});

Deno.test("a server without keys does not give what another one in the same program has decrypted", async () => {
  await using directory = await makeWorkspace();
  const key = await generateKey();
  const address = `oci:${directory.path("box")}`;
  {
    using store = openStore({ registry: address, repository: "me/files" });
    const input = await directory.write("disk", BYTES);
    await upload(store, "disk", { input, encryptTo: await Recipients.of([key.recipient]) });
  }
  using repositories = openServed([address]);
  const identities = await Identities.inFiles([
    await directory.write("key.txt", new TextEncoder().encode(key.identity)),
  ]);
  const [withKey, withoutKey] = [serveHandler(repositories, { identities }), serveHandler(repositories)];
  const ask = () => new Request("http://localhost/files/me/files/disk");
  assert.deepEqual(await (await withKey(ask())).bytes(), BYTES);
  const refused = await withoutKey(ask());
  assert.equal(refused.status, 403);
  assert.match(await refused.text(), /^disk is encrypted, .*: layerstash download .* --identity KEYFILE/);
});

Deno.test("manifests are read once, however often the file is read", async () => {
  await using made = await withDisk();
  let manifests = 0;
  const store = withCalls(made.store, { manifest: (...call) => (manifests++, made.store.manifest(...call)) });
  const ask = serving(store);
  for (const range of ["bytes=0-9", "bytes=60000-60009", "bytes=-9"]) {
    assert.equal((await (await ask("/files/me/files/disk", { range })).bytes()).length > 0, true);
  }
  assert.equal(manifests, 2, "of the first and the last chunk");
});

Deno.test("files of folders and artifacts are served, whatever their names are", async () => {
  await using directory = await makeWorkspace();
  using store = openStore({ registry: `oci:${directory.path("box")}`, repository: "me/files" });
  const odd = 'a "b" <c> é %2e.txt';
  await Deno.mkdir(directory.path("site/sub"), { recursive: true });
  await Deno.writeTextFile(directory.path(`site/sub/${odd}`), "odd");
  const film = someBytes(9_000_000, 3); // of several pieces
  await Deno.writeFile(directory.path("site/film.mp4"), film);
  await Deno.symlink("film.mp4", directory.path("site/link"));
  await uploadFolder(store, "site", { directory: directory.path("site") });
  await pushBlob(store, new Response("hello").body!, { alias: "greeting" });
  const ask = serving(store);
  const answer = await ask(`/files/me/files/site/sub/${encodeURIComponent(odd)}`);
  assert.equal(await answer.text(), "odd");
  assert.equal(
    answer.headers.get("content-disposition"),
    `inline; filename="a _b_ <c> _ _2e.txt"; filename*=UTF-8''a%20%22b%22%20%3Cc%3E%20%C3%A9%20%252e.txt`,
  );
  for (const [start, end] of [[0, 9], [4_194_300, 4_194_310], [8_999_990, 9_000_000]] as const) {
    const part = await ask("/files/me/files/site/film.mp4", { range: `bytes=${start}-${end - 1}` });
    assert.deepEqual(await part.bytes(), film.subarray(start, end));
    assert.equal(part.headers.get("layerstash-verified"), "yes", "by the table of contents");
  }
  assert.deepEqual(await (await ask("/files/me/files/site/link")).bytes(), film);
  assert.equal(await (await ask("/files/me/files/greeting/greeting")).text(), "hello");
});

Deno.test("what does not exist is not found, and paths lead nowhere else", async () => {
  await using made = await withDisk();
  const paths = [
    "/files/me/files/none",
    "/files/me/none/",
    "/files/me/files/disk/x",
    "/files/me/files/%00",
    "/files/me/files/%zz",
    "/files/me/files/%2e%2e%2fx",
    `/files/me/files/${"n".repeat(9000)}`,
  ];
  for (const path of paths) {
    const answer = await made.ask(path);
    assert.equal(answer.status, 404, path);
    await answer.body?.cancel();
  }
  for (const method of ["POST", "PUT", "DELETE"]) {
    assert.equal((await made.ask("/files/me/files/disk", {}, method)).status, 405);
  }
  const moved = await made.ask("/files/me/files");
  assert.deepEqual([moved.status, moved.headers.get("location")], [308, "/files/me/files/"]);
});

Deno.test("no repository is looked for by a name that is too long for one", async () => {
  let asked = 0;
  const none = () => Promise.resolve(undefined);
  const find = () => (asked++, none());
  const handler = serveHandler({ async *names() {}, find, create: none });
  const answer = await handler(new Request(`http://localhost/files/${"a/".repeat(15_000)}`));
  assert.deepEqual([answer.status, asked], [404, 128]);
  await answer.body!.cancel();
});

Deno.test("what does not exist is looked for on its path alone, however much is stored elsewhere", async () => {
  await using directory = await makeWorkspace();
  for (const repository of ["me/files", "me/more", "others/a", "others/b/c"]) {
    using store = openStore({ registry: `oci:${directory.path("box")}`, repository });
    await upload(store, "disk", { input: streamOf(someBytes(10)) });
  }
  using repositories = openServed([`oci:${directory.path("box")}`]);
  const handler = serveHandler(repositories);
  const cases: [path: string, status: number, read: string[]][] = [
    ["/files/none/at/all/", 404, [""]],
    ["/files/me/none/", 404, ["", "/me"]],
    ["/files/me/files/none", 404, ["", "/me", "/me/files"]],
    ["/files/me/files/blobs/sha256/", 404, ["", "/me", "/me/files"]],
    ["/files/me/", 200, ["", "/me", "/me/files", "/me/more"]],
  ];
  for (const [path, status, read] of cases) {
    using reads = directoryReads();
    const answer = await handler(new Request(`http://localhost${path}`));
    assert.equal(answer.status, status, path);
    assert.deepEqual(reads.paths.map((each) => each.slice(directory.path("box").length)), read, path);
    await answer.body!.cancel();
  }
});

/** Notes which directories are read. */
function directoryReads() {
  const { readDir } = Deno;
  const paths: string[] = [];
  Deno.readDir = (path) => (paths.push(String(path)), readDir(path));
  return { paths, [Symbol.dispose]: () => void (Deno.readDir = readDir) };
}

Deno.test("a file that was replaced is another one after a while", async () => {
  await using made = await withDisk();
  using time = later();
  assert.equal((await made.ask("/files/me/files/disk", {}, "HEAD")).status, 200);
  await remove(made.store, "disk");
  await upload(made.store, "disk", { input: streamOf(BYTES.slice(0, 10)), chunkSize: CHUNK });
  time.pass(6_000);
  const answer = await made.ask("/files/me/files/disk");
  assert.deepEqual(await answer.bytes(), BYTES.subarray(0, 10));
});

Deno.test("what moves while it is looked at is another one after a while", async () => {
  await using made = await withDisk();
  using time = later();
  const { store } = made;
  const input = made.directory.path("disk image.iso");
  await upload(store, "same", { input, chunkSize: CHUNK }); // so that the blobs of the old one stay
  await pushBlob(store, streamOf(someBytes(100)), { alias: "greeting" });
  const cases: [path: string, reads: number, move: () => Promise<unknown>][] = [
    [
      "greeting/greeting",
      1,
      () => pushBlob(store, streamOf(someBytes(200)), { alias: "greeting", overwrite: true }),
    ],
    ["disk", 2, async () => {
      await remove(store, "disk");
      await upload(store, "disk", { input: streamOf(someBytes(200)), chunkSize: CHUNK });
    }],
  ];
  for (const [path, reads, move] of cases) {
    let read = 0;
    const ask = serving(withCalls(store, {
      manifest: async (...call) => {
        const manifest = await store.manifest(...call);
        if (++read === reads) await move();
        return manifest;
      },
    }));
    const head = () => ask(`/files/me/files/${path}`, {}, "HEAD");
    const before = await head();
    assert.equal(before.status, 200, path);
    assert.notEqual(before.headers.get("content-length"), "200", "the old one was found");
    time.pass(6_000);
    assert.equal((await head()).headers.get("content-length"), "200", path);
  }
});

Deno.test("a tag that leads elsewhere is listed anew after a while, where looking at it counts", async () => {
  await using made = await withDisk();
  using time = later();
  const { store, directory } = made;
  await pushBlob(store, streamOf(someBytes(100)), { alias: "thing" });
  const ask = serving(withCalls(store, { manifestReadsCount: true }));
  const page = async () => await (await ask("/files/me/files/")).text();
  assert.doesNotMatch(await page(), /folder/);
  await store.removeManifest("thing");
  await Deno.mkdir(directory.path("site"));
  await uploadFolder(store, "thing", { directory: directory.path("site") });
  time.pass(6_000);
  await page(); // the same tags: it need not be looked at
  time.pass(11 * 60_000);
  assert.match(await page(), /folder/);
});

/** A clock that can be put forward. */
function later() {
  const { now } = Date;
  let ahead = 0;
  Date.now = () => now() + ahead;
  return {
    pass: (milliseconds: number) => void (ahead += milliseconds),
    [Symbol.dispose]: () => void (Date.now = now),
  };
}

Deno.test("the pages list, search and show, and no name in them is HTML", async () => {
  await using directory = await makeWorkspace();
  using store = openStore({ registry: `oci:${directory.path("box")}`, repository: "me/files" });
  const evil = "<img src=x onerror=alert(1)>.txt";
  await Deno.mkdir(directory.path("site/deep/er"), { recursive: true });
  await Deno.writeTextFile(directory.path(`site/deep/er/${evil}`), "<script>alert(2)</script>");
  await Deno.writeTextFile(directory.path("site/-o"), "an option");
  await Deno.mkdir(directory.path("site/deep/-o"));
  const site = await uploadFolder(store, "site", { directory: directory.path("site") });
  await upload(store, "disk", { input: streamOf(BYTES), chunkSize: CHUNK });
  const ask = serving(store);
  const pages: [path: string, expected: RegExp][] = [
    ["/", /<a class="name" href="\/files\/me\/files\/disk\?view">disk<\/a>[^]*150 KB/],
    ["/files/me/files/", /href="\/files\/me\/files\/site\/"/],
    ["/files/me/files/site/", /href="\/files\/me\/files\/site\/deep\/"/],
    ["/files/me/files/site/?q=ONERROR", /1 found[^]*href="\/files\/me\/files\/site\/deep\/er\/%3Cimg/],
    ["/files/me/files/site/?layer=1", /What layer 1 does[^]*\d added/],
    ["/files/me/files/disk?view", /complete[^]*3 chunks/],
    [
      `/files/me/files/${site.digest}/deep/-o/`,
      /layerstash extract localhost\/me\/files@sha256:\w{64} deep\/-o -o/,
    ],
    [
      `/files/me/files/site/-o?view`,
      /curl -C - -o .\/-o http[^]*extract localhost\/me\/files:site .\/-o -o /,
    ],
    [`/files/me/files/site/deep/er/${encodeURIComponent(evil)}?view`, /&lt;script&gt;alert\(2\)/],
  ];
  for (const [path, expected] of pages) {
    const answer = await ask(path);
    const page = await answer.text();
    assert.match(page, expected, path);
    assert.doesNotMatch(page, /<img src=x|<script>|<script (?!src="\/page\/)/, path);
    assert.match(answer.headers.get("content-security-policy")!, /^default-src 'none'; script-src 'self'/);
  }
});
