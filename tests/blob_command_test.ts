/** The commands of the blob store as people use them: what goes where, and what it ends with. @module */
import assert from "node:assert/strict";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_INDEX } from "../lib/oci/media_types.ts";
import { type Digest, digestOf, encodedPart } from "../lib/oci/digest.ts";
import { bytesSource } from "../lib/exports/store.ts";
import { openStore } from "../main.ts";
import { setAlias } from "../lib/exports/blobs.ts";
import { makeWorkplace, timeless, type Workplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { USER } from "./rigs/user.ts";

const BOX = { LAYERSTASH_REGISTRY: "oci:./box", LAYERSTASH_REPOSITORY: "me/files" };
const ABSENT = `sha256:${"0".repeat(64)}`;

/** Runs a command in the box; it has to end with the code. */
async function box(
  work: Workplace,
  words: string,
  { code = 0, stdin, env = {} }: { code?: number; stdin?: string; env?: Record<string, string> } = {},
): Promise<{ stdout: string; stderr: string }> {
  const bytes = stdin === undefined ? undefined : new TextEncoder().encode(stdin);
  const ended = await work.run(words.split(" "), { env: { ...BOX, ...env }, stdin: bytes });
  assert.equal(ended.code, code, ended.stderr);
  return ended;
}

async function push(work: Workplace, text: string, alias?: string): Promise<Digest> {
  const words = `blob push${alias ? ` --alias ${alias}` : ""}`;
  return (await box(work, words, { stdin: text })).stdout.trim() as Digest;
}

async function corrupt(work: Workplace, digest: Digest): Promise<void> {
  const path = work.path(`box/me/files/blobs/sha256/${encodedPart(digest)}`);
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.with(0, bytes[0]! ^ 1));
}

Deno.test("standard input becomes a blob, and comes back to standard output", async () => {
  await using work = await makeWorkplace();
  const bytes = someBytes(3_000_000);
  const up = await work.run(["blob", "push"], { env: BOX, stdin: bytes });
  const said = "layerstash: stored 1 blob in oci:box/me/files: 3 MB, TIME\n" +
    `layerstash: get it back: layerstash blob pull oci:box/me/files@${digestOf(bytes)} -o FILE\n`;
  assert.deepEqual([up.code, up.stdout, timeless(up.stderr)], [0, `${digestOf(bytes)}\n`, said]);
  const args = ["blob", "pull", "--registry", "oci:./box", "-r", "me/files", digestOf(bytes)];
  const down = await work.runForBytes(args);
  assert.equal(down.code, 0);
  assert.deepEqual(new Uint8Array(down.stdout), bytes);
});

Deno.test("a file is written verified, and told", async () => {
  await using work = await makeWorkplace();
  await push(work, "some text", "note");
  const { stdout, stderr } = await box(work, "blob pull @note -o copy");
  const said = "layerstash: wrote copy: 9 B, verified, TIME\n";
  assert.deepEqual([stdout, timeless(stderr)], ["", said]);
  assert.equal(await Deno.readTextFile(work.path("copy")), "some text");
  const part = await box(work, "blob pull @note -o part --range 5-");
  assert.match(part.stderr, /a part of sha256:\w+ is not verified.*\n.*wrote part: a part, /);
  assert.equal(await Deno.readTextFile(work.path("part")), "text");
});

Deno.test("a corrupted blob never reaches its file; on standard output the exit code is 5", async () => {
  await using work = await makeWorkplace();
  const digest = await push(work, "some text", "note");
  await corrupt(work, digest);
  const file = await box(work, "blob pull @note -o copy", { code: 5 });
  assert.match(file.stderr, /cannot fetch to copy: the blob sha256:\w+ is corrupted/);
  await assert.rejects(Deno.stat(work.path("copy")), Deno.errors.NotFound);
  const stream = await box(work, "blob pull @note", { code: 5 });
  assert.match(stream.stderr, /the blob sha256:\w+ is corrupted: bytes that were already written are bad/);
});

Deno.test("an alias that is removed says what it pointed to, and its siblings stay", async () => {
  await using work = await makeWorkplace();
  const digest = await push(work, "some text", "one");
  await box(work, `alias set two ${digest}`);
  assert.equal((await box(work, "alias remove one")).stdout, `${digest}\n`);
  assert.equal((await box(work, "alias list")).stdout, "two\n");
  assert.equal((await box(work, "alias remove two")).stdout, `${digest}\n`);
  assert.equal((await box(work, `blob pull ${digest}`)).stdout, "some text");
});

Deno.test("errors say what, why and what to do, with the exit codes of all commands", async () => {
  await using work = await makeWorkplace();
  const digest = await push(work, "some text", "note");
  const failures: [string, number, RegExp][] = [
    ["blob pull @none", 3, /there is no none in oci:box\/me\/files/],
    [`blob pull ${ABSENT}`, 3, /there is no blob sha256:0+ in/],
    [`blob size ${ABSENT}`, 3, /there is no blob/],
    [`blob remove ${ABSENT}`, 3, /cannot remove sha256:0+: there is no blob/],
    [`alias set new ${ABSENT}`, 3, /there is no blob .*\nhint: store it first with layerstash blob push/],
    ["alias set new ./none.txt", 3, /there is no file \.\/none\.txt/],
    ["alias set new sha256:abc", 2, /"sha256:abc" is not a digest\nhint: a digest is sha256: followed by 64/],
    ["alias get none", 3, /there is no none/],
    ["alias remove none", 3, /cannot remove the alias none/],
    ["digest none", 3, /there is no none/],
    ["manifest none", 3, /there is no none/],
    [`blob mount ${ABSENT} --from me/other`, 3, /does not mount the blob/],
    ["blob push -i none.img", 3, /there is no file none\.img/],
    ["blob push -i box", 2, /box is a directory/],
    ["blob pull none", 2, /^layerstash: "none" is neither a digest nor an alias: did you mean @none\?\n/],
    ["blob pull @.bad", 2, /is not a tag/],
    ["alias get -r me/files ../../_catalog", 2, /is not a tag/],
    ["alias get ../../_catalog", 2, /is not an address/],
    ["manifest @note", 2, /is not a tag/],
    ["blob pull @../note", 2, /is not a tag/],
    [
      "blob pull",
      2,
      /cannot fetch to standard output: no blob is named\nhint: name blobs, or give a manifest/,
    ],
    ["alias get", 2, /cannot read aliases: no alias is named\nhint: name an alias, or give a manifest/],
    ["digest", 2, /cannot find the digest: no alias is named/],
    [
      "url",
      2,
      /cannot print URLs: neither blobs nor a stored file are named\nhint: name blobs, as in @ALIAS/,
    ],
    ["url @note -t disk", 2, /blobs and -t cannot be combined/],
    ["blob pull @note --manifest -", 2, /cannot be combined/],
    ["blob pull @note --range 3-1", 2, /use FIRST-LAST/],
    ["blob pull @note --range 9-", 2, /there is no byte 9: the size is 9 bytes/],
    ["blob pull @note --json", 2, /both need standard output/],
    ["blob pull @note -o copy --with-info", 2, /--with-info is for standard output/],
    [`alias set .bad ${digest}`, 2, /is not a tag/],
    ["blob mount abc --from me/other", 2, /"abc" is not a digest/],
    ["alias get note --platform linux", 2, /is not a platform/],
    ["blob", 2, /Usage: layerstash blob/],
    ["blob nonsense", 2, /unknown command/],
    ["token fly", 2, /^layerstash: "fly" is not an action: use pull, push, delete or \*\n/],
    ["repos --registry oci:./none", 3, /there is no directory/],
  ];
  for (const [words, code, said] of failures) {
    const { stdout, stderr } = await box(work, words, { code });
    assert.match(stderr, said, words);
    assert.equal(stdout, "", words);
    assert.ok(!/\n\s+at /.test(stderr), stderr);
  }
});

Deno.test("--json gives documents for reports, and events for transfers", async () => {
  await using work = await makeWorkplace();
  const done = (stdout: string) => JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  const pushed = done((await box(work, "blob push --json --alias note", { stdin: "some text" })).stdout);
  const { digest, seconds, ...told } = pushed;
  const place = { registry: "oci:box/me/files", repository: "" };
  const moved = { bytesSent: 9, bytesFetched: 0, bytesSaved: 0 };
  assert.deepEqual(told, { event: "done", size: 9, alias: "note", ...place, ...moved });
  assert.ok(seconds >= 0 && seconds < 60, `${seconds}`);
  const pulled = done((await box(work, "blob pull --json @note -o copy")).stdout);
  assert.deepEqual([pulled.event, pulled.outfile, pulled.blobs], ["done", "copy", [{ digest, size: 9 }]]);
  assert.deepEqual([pulled.bytesSent, pulled.bytesFetched, pulled.bytesSaved], [0, 9, 0]);
  const json = async (words: string) => JSON.parse((await box(work, `${words} --json`)).stdout);
  assert.deepEqual(await json("blob size @note"), [9]);
  assert.deepEqual(await json("alias get note note"), [[digest], [digest]]);
  assert.deepEqual(await json("digest note"), [digestOf(new TextEncoder().encode("{}"))]);
  assert.deepEqual(await json(`alias set more ${digest}`), {
    alias: "more",
    manifest: digestOf(new TextEncoder().encode((await json("manifest more"))[0])),
    digests: [digest],
  });
  assert.deepEqual(await json("alias list"), ["more", "note"]);
  assert.deepEqual(await json("repos"), ["me/files"]);
  assert.deepEqual(await json("token"), { token: null });
  assert.deepEqual(await json("alias remove more"), [{ alias: "more", digests: [digest] }]);
  assert.deepEqual(await json("blob remove @note"), { removed: [digest], kept: [] });
});

Deno.test("of several platforms nothing is fetched before one is named", async () => {
  await using work = await makeWorkplace();
  const manifests = [];
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  for (const architecture of ["amd64", "arm64"]) {
    await push(work, architecture, architecture);
    const { mediaType, digest, bytes } = (await store.manifest(architecture))!;
    manifests.push({ mediaType, digest, size: bytes.length, platform: { os: "linux", architecture } });
  }
  const index = { schemaVersion: 2, mediaType: IMAGE_INDEX.oci, manifests };
  await store.putManifest("both", encodeManifest(index));
  const list = await box(work, "blob pull @both");
  assert.deepEqual(Object.keys(JSON.parse(list.stdout)), ["linux/amd64", "linux/arm64"]);
  assert.match(list.stderr, /listed, but not fetched/);
  const refused = await box(work, "blob pull @both -o copy", { code: 2 });
  assert.match(refused.stderr, /hint: choose one with --platform: linux\/amd64, linux\/arm64/);
  assert.equal((await box(work, "blob pull @both --platform linux/arm64")).stdout, "arm64");
  const env = { LAYERSTASH_PLATFORM: "linux/amd64" };
  assert.equal((await box(work, "blob pull @both", { env })).stdout, "amd64");
  assert.equal(
    (await box(work, "blob pull @both", { code: 3, env: { LAYERSTASH_PLATFORM: "a/b" } })).stdout,
    "",
  );
  const removed = await box(work, "blob remove @both");
  assert.equal(removed.stdout.trim().split("\n").length, 2);
});

Deno.test("a manifest on standard input need not say what it is", async () => {
  await using work = await makeWorkplace();
  const digest = await push(work, "some text");
  const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size: 9 };
  const stdin = JSON.stringify({ schemaVersion: 2, config: layer, layers: [layer] }, null, 2).replaceAll(
    "\n",
    "\r\n",
  );
  assert.equal((await box(work, "alias get --manifest -", { stdin })).stdout, `${digest}\n`);
  assert.equal((await box(work, "digest --manifest -", { stdin })).stdout, `${digest}\n`);
  assert.equal((await box(work, "blob size --manifest -", { stdin })).stdout, "9\n");
  assert.equal((await box(work, "blob pull --manifest -", { stdin })).stdout, "some text");
  for (
    const [bad, said] of [["<html>", /is not JSON/], ["{}", /is malformed/], ["[]", /is malformed/]] as const
  ) {
    assert.match((await box(work, "blob pull --manifest -", { stdin: bad, code: 5 })).stderr, said);
  }
  const huge = " ".repeat(4 * 1024 * 1024 + 1);
  assert.match(
    (await box(work, "alias get --manifest -", { stdin: huge, code: 2 })).stderr,
    /this is not a manifest/,
  );
  assert.equal((await box(work, "blob remove --manifest -", { stdin })).stdout, `${digest}\n`);
});

Deno.test("tokens are for the actions asked, and --auth-host says who gives them", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry({ auth: "bearer", tokens: { anonymousPull: false } });
  const env = {
    LAYERSTASH_REGISTRY: registry.url,
    LAYERSTASH_REPOSITORY: "me/files",
    LAYERSTASH_USERNAME: USER.username,
    LAYERSTASH_TOKEN: USER.password,
  };
  const token = (await work.run(["token", "pull", "push"], { env })).stdout.trim();
  const { requests } = registry.tokens!;
  assert.deepEqual(requests.map(({ query }) => query.get("scope")), ["repository:me/files:pull,push"]);
  const url = `${registry.url}/v2/me/files/blobs/uploads/`;
  const open = await fetch(url, { method: "POST", headers: { authorization: `Bearer ${token}` } });
  await open.body?.cancel();
  assert.equal(open.status, 202);
  await using elsewhere = await startFakeRegistry({ auth: "bearer" });
  const host = new URL(elsewhere.tokens!.realm).host;
  const { code } = await work.run(["token", "pull"], { env: { ...env, LAYERSTASH_AUTH_HOST: host } });
  assert.deepEqual([code, elsewhere.tokens!.requests.length, requests.length], [0, 1, 1]);
  for (const noHost of ["exa mple.com", "a@b", "host/path", "host?x"]) {
    const { code } = await work.run(["token", "pull", "--auth-host", noHost], { env });
    assert.equal(code, 2, noHost);
  }
  assert.equal(requests.length, 1, "a token was asked for where it should not be");
  const wrong = await work.run(["token", "pull"], { env: { ...env, LAYERSTASH_TOKEN: "wrong" } });
  assert.deepEqual([wrong.code, wrong.stdout], [4, ""]);
});

Deno.test("a header that is given is shown as it is, and not told to anybody", async () => {
  await using work = await makeWorkplace();
  const pair = btoa(`${USER.username}:${USER.password}`);
  for (const auth of ["basic", "bearer"] as const) {
    await using registry = await startFakeRegistry({ auth, tokens: { anonymousPull: false } });
    const env = { LAYERSTASH_REGISTRY: registry.url, LAYERSTASH_AUTHORIZATION: `Basic ${pair}` };
    const push = await box(work, "blob push --log-level trace", { env, stdin: "text" });
    assert.ok(!push.stderr.includes(pair), push.stderr);
    const wrong = { ...env, LAYERSTASH_AUTHORIZATION: "Basic d3Jvbmc6d3Jvbmc=" };
    const refused = await box(work, "blob push --log-level trace", { env: wrong, stdin: "other", code: 4 });
    assert.ok(!refused.stderr.includes("d3Jvbmc6d3Jvbmc"), refused.stderr);
    const none = { ...env, LAYERSTASH_AUTHORIZATION: "Basic a\nb" };
    const malformed = await box(work, "blob push", { env: none, stdin: "other", code: 4 });
    assert.match(malformed.stderr, /the authorization contains characters that are not allowed in a header/);
  }
  const typed = await box(work, "alias list --authorization secret", { code: 3 });
  assert.match(typed.stderr, /--authorization shows the token to everybody/);
});

Deno.test("repositories come page by page, with a token for the catalog", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry({ auth: "bearer", faults: { tagPageSize: 2 } });
  for (const name of ["a", "b/c", "d", "e", "f"]) registry.storage.repository(name);
  const env = {
    LAYERSTASH_REGISTRY: registry.url,
    LAYERSTASH_USERNAME: USER.username,
    LAYERSTASH_TOKEN: USER.password,
  };
  const { code, stdout, stderr } = await work.run(["repos"], { env });
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "a\nb/c\nd\ne\nf\n");
  const pages = registry.requests.filter(({ path, status }) => path === "/v2/_catalog" && status === 200);
  assert.equal(pages.length, 3);
  assert.equal(registry.tokens!.requests[0]?.query.get("scope"), "registry:catalog:*");
  registry.faults.failNext = [{ status: 404, path: /_catalog/, times: 1 }];
  const none = await work.run(["repos"], { env });
  assert.equal(none.code, 3);
  assert.match(
    none.stderr,
    /has no list of repositories\nhint: many registries do not list their repositories/,
  );
});

Deno.test("a list is printed page by page, as it comes", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry({ faults: { tagPageSize: 2 } });
  using store = openStore({ registry: registry.url, repository: "me/files" });
  const { digest } = await store.write(bytesSource(new Uint8Array([1])));
  for (const alias of ["a", "b", "c"]) await setAlias(store, alias, { digests: [digest] });
  for (const words of [["alias", "list"], ["repos"]]) {
    const secondPage = Promise.withResolvers<void>();
    registry.faults.onRequest = async ({ search }) => {
      if (search.includes("last=")) await secondPage.promise;
    };
    if (words[0] === "repos") {
      for (const name of ["me/other", "me/third"]) registry.storage.repository(name);
    }
    const env = { LAYERSTASH_REGISTRY: registry.url, LAYERSTASH_REPOSITORY: "me/files" };
    const child = work.start(words, { env });
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let printed = "";
    while (printed.split("\n").length < 3) printed += (await reader.read()).value;
    assert.equal(printed, words[0] === "repos" ? "me/files\nme/other\n" : "a\nb\n");
    secondPage.resolve();
    for (let next = await reader.read(); !next.done; next = await reader.read()) printed += next.value;
    assert.equal(printed, words[0] === "repos" ? "me/files\nme/other\nme/third\n" : "a\nb\nc\n");
    await child.stderr.cancel();
    assert.equal((await child.status).code, 0);
  }
});

Deno.test("a registry that deletes nothing is said to, and nothing is changed", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry({ faults: { refuseDeletes: 405 } });
  const env = { LAYERSTASH_REGISTRY: registry.url };
  const digest = (await box(work, "blob push --alias one", { env, stdin: "text" })).stdout.trim();
  await box(work, `alias set two ${digest}`, { env });
  const alias = await box(work, "alias remove one", { env, code: 4 });
  assert.match(alias.stderr, /cannot remove the alias one: .* deletes nothing/);
  assert.equal((await box(work, "alias get one two", { env })).stdout, `${digest}\n${digest}\n`);
  registry.faults.onRequest = ({ method, path }) => {
    if (method === "DELETE" && path.includes("/blobs/")) {
      registry.faults.failNext = [{ status: 405, method: "DELETE", times: 1 }];
    }
  };
  const blob = await box(work, "blob remove @one", { env, code: 4 });
  assert.match(
    blob.stderr,
    /does not remove blobs: the registry answers 405\nhint: registries delete blobs themselves/,
  );
  assert.equal((await box(work, "blob pull @one", { env })).stdout, "text");
});

Deno.test("a push that was interrupted goes on where it was, and so does a pull", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry();
  const env = { LAYERSTASH_REGISTRY: registry.url, LAYERSTASH_REPOSITORY: "me/files" };
  const bytes = someBytes(130 * 1024 * 1024);
  await work.write("disk.img", bytes);
  const received = () => registry.requests.reduce((sum, { received }) => sum + received, 0);
  const stuck = Promise.withResolvers<void>();
  let parts = 0;
  registry.faults.onRequest = ({ method }) => {
    if (method === "PATCH" && ++parts === 2) stuck.resolve();
  };
  const child = work.start(["blob", "push", "-i", "disk.img"], { env });
  await stuck.promise;
  child.kill("SIGKILL");
  await child.output();
  const before = received();
  const events = await work.run(["blob", "push", "-i", "disk.img", "--json"], { env });
  assert.equal(events.code, 0, events.stderr);
  const resumed = events.stdout.split("\n").find((line) => line.includes('"resume"'));
  assert.match(resumed ?? "", /"phase":"send","bytes":\d{8}/);
  assert.ok(received() - before < bytes.length - 50_000_000, `${received() - before} bytes were sent again`);

  const digest = digestOf(bytes);
  let gets = 0;
  const stuckToo = Promise.withResolvers<void>();
  registry.faults.onRequest = ({ method, path }) => {
    if (method === "GET" && path.includes("/blobs/") && ++gets === 4) stuckToo.resolve();
  };
  const pull = work.start(["blob", "pull", digest, "-o", "copy", "--jobs", "1"], { env });
  await stuckToo.promise;
  pull.kill("SIGKILL");
  await pull.output();
  const again = await work.run(["blob", "pull", digest, "-o", "copy", "--json"], { env });
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /"event":"resume","phase":"fetch","bytes":\d{8}/);
  assert.equal(digestOf(await Deno.readFile(work.path("copy"))), digest);
});

Deno.test("a blob that is gone is named, and the registry is asked for nothing that belongs to a stored file", async () => {
  await using work = await makeWorkplace();
  await using fake = await startFakeRegistry();
  const there = fake.storage.addBlob("me/files", someBytes(300));
  const gone = fake.storage.addBlob("me/files", someBytes(500));
  using store = openStore({ registry: fake.url, repository: "me/files" });
  await setAlias(store, "pair", { digests: [there, gone] });
  fake.storage.blobs.delete(gone);
  for (const output of [["-o", "copy"], ["-o", "piece", "--range", "200-400"], []]) {
    const before = fake.requests.length;
    const words = ["blob", "pull", "--registry", fake.url, "-r", "me/files", "@pair", ...output];
    const { code, stderr } = await work.run(words);
    assert.equal(code, 3, stderr);
    assert.match(
      stderr,
      new RegExp(`cannot fetch .*: .*${gone}.*\nhint: the blob was removed.*layerstash blob push\n$`),
    );
    assert.ok(!/chunk|a stash|the stash/.test(stderr), stderr);
    const asked = fake.requests.slice(before).map(({ path }) => path);
    assert.ok(asked.some((path) => path.endsWith(gone)));
    const manifests = asked.filter((path) => /manifests|tags/.test(path));
    assert.deepEqual(manifests, ["/v2/me/files/manifests/pair"]);
  }
  for (const name of ["copy", "piece"]) {
    await assert.rejects(Deno.stat(work.path(name)), Deno.errors.NotFound);
  }
});
