/** Proves the parts that the other tests run against. @module */
import { blocksOf, examplesOf, helpExamples, isShown } from "./rigs/examples.ts";
import assert from "node:assert/strict";
import { digestOf } from "../lib/oci/digest.ts";
import { IMAGE_CONFIG, IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { makeServerCertificate } from "./rigs/certificates.ts";
import { ensureTool, pythonPeer } from "./rigs/debian.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { holdRequests } from "./rigs/gate.ts";
import { startRegistry } from "./rigs/real_registry.ts";
import { basicAuthorization, USER } from "./rigs/user.ts";
import { type as typeCommand } from "./rigs/bash.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { bareEnvironment } from "./rigs/system.ts";

const HELLO = new TextEncoder().encode("hello, registry");
const withRegistry = { ignore: !await ensureTool("docker-registry", "docker-registry") };
const withTmux = { ignore: !await ensureTool("tmux", "tmux") };
const withOpenssl = { ignore: !await ensureTool("openssl", "openssl") };
const withSkopeo = { ignore: !await ensureTool("skopeo", "skopeo") };
const withPython = { ignore: await pythonPeer("layerstash==1.0.0") === undefined };

// Deno's fetch makes a request again, on its own, when a connection that it had used before ends without an
// answer: bodies in memory included. A new connection for each request shows what the rigs really do.
const newConnections = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });

/** Fetches, and reads the answer to its end. */
async function ask(url: string | URL, init: RequestInit & { client?: Deno.HttpClient } = {}) {
  const response = await fetch(url, { redirect: "manual", client: newConnections, ...init });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes, text: new TextDecoder().decode(bytes) };
}

/** Opens an upload and gives its location. */
async function open(url: string, headers: HeadersInit = {}): Promise<URL> {
  const answer = await ask(`${url}/v2/me/files/blobs/uploads/`, { method: "POST", headers });
  assert.equal(answer.status, 202);
  return locationOf(answer, url);
}

function locationOf(answer: { headers: Headers }, base: string): URL {
  return new URL(answer.headers.get("location")!, base);
}

/** A location with the digest that ends the upload. */
function ending(location: URL, bytes: Uint8Array): URL {
  location.searchParams.set("digest", digestOf(bytes));
  return location;
}

/** Uploads a blob with one PUT. */
async function push(url: string, bytes: Uint8Array<ArrayBuffer>, headers: HeadersInit = {}): Promise<number> {
  const location = ending(await open(url, headers), bytes);
  return (await ask(location, { method: "PUT", body: bytes, headers })).status;
}

function blobUrl(registry: { url: string }, bytes: Uint8Array): string {
  return `${registry.url}/v2/me/files/blobs/${digestOf(bytes)}`;
}

/** An image whose config and only layer are one and the same blob. */
function manifestOf(blob: Uint8Array): string {
  const entry = { digest: digestOf(blob), size: blob.length };
  const config = { mediaType: IMAGE_CONFIG.docker, ...entry };
  const layer = { mediaType: "application/vnd.docker.image.rootfs.diff.tar", ...entry };
  return JSON.stringify({ schemaVersion: 2, mediaType: IMAGE_MANIFEST.docker, config, layers: [layer] });
}

function putManifest(registry: { url: string }, tag: string, manifest: string) {
  const headers = { "content-type": IMAGE_MANIFEST.docker };
  return ask(`${registry.url}/v2/me/files/manifests/${tag}`, { method: "PUT", headers, body: manifest });
}

Deno.test("the Python layerstash runs", withPython, async () => {
  const bin = await pythonPeer("layerstash==1.0.0");
  const { success } = await new Deno.Command(`${bin}/layerstash`, { args: ["--help"], stdout: "null" })
    .output();
  assert.ok(success);
});

for (const command of ["layerstash list", "layerstash login ghcr"]) {
  Deno.test(
    `what is typed as "${command}" sees no variable of whoever runs the tests`,
    withTmux,
    async () => {
      await using work = await makeWorkplace();
      const spy =
        '#!/bin/sh\n[ $1 = login ] && { echo Password or token for ghcr:; read line; }\necho "it has $DOCKER_CONFIG$TMPDIR."\n';
      await work.write("layerstash", spy);
      await Deno.chmod(work.path("layerstash"), 0o755);
      const bare = bareEnvironment(work.directory);
      const place = { directory: work.directory, env: { ...bare, PATH: `${work.directory}:${bare.PATH}` } };
      using _mine = setVariables({ DOCKER_CONFIG: "mine", TMPDIR: Deno.env.get("TMPDIR") ?? "/tmp" });
      const { output } = await typeCommand(command, place);
      assert.match(output, /^it has \.$/m);
    },
  );
}

/** Sets variables of this process, and puts the old ones back at the end of the block. */
function setVariables(variables: Record<string, string>): Disposable {
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  return {
    [Symbol.dispose]() {
      for (const [name, value] of before) {
        value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
      }
    },
  };
}

Deno.test("the real registry stores blobs, logs requests and shows its files", withRegistry, async () => {
  await using registry = await startRegistry();
  assert.equal(await push(registry.url, HELLO), 201);
  assert.equal((await ask(blobUrl(registry, HELLO))).text, "hello, registry");
  assert.deepEqual(await Deno.readFile(registry.blobPath(digestOf(HELLO))), HELLO);
  const requests = await registry.requests();
  assert.deepEqual(requests.map(({ method, status }) => `${method} ${status}`), [
    "POST 202",
    "PUT 201",
    "GET 200",
  ]);
  assert.equal((await ask(blobUrl(registry, HELLO), { method: "DELETE" })).status, 202);
});

Deno.test("the real registry refuses to delete where it is told to", withRegistry, async () => {
  await using registry = await startRegistry({ deletes: false });
  await push(registry.url, HELLO);
  assert.equal((await ask(blobUrl(registry, HELLO), { method: "DELETE" })).status, 405);
});

Deno.test("the real registry goes on where it stopped", withRegistry, async () => {
  await using first = await startRegistry();
  const location = await open(first.url);
  await first.stop();
  await using second = await startRegistry({ port: first.port, storage: first.storage });
  assert.equal(second.url, first.url);
  assert.equal((await ask(ending(location, HELLO), { method: "PUT", body: HELLO })).status, 201);
});

Deno.test("the real registry asks for a password", withRegistry, async () => {
  await using registry = await startRegistry({ auth: "htpasswd" });
  const answer = await ask(`${registry.url}/v2/`);
  assert.equal(answer.status, 401);
  assert.match(answer.headers.get("www-authenticate")!, /^Basic /);
  assert.equal(await push(registry.url, HELLO, { authorization: basicAuthorization() }), 201);
});

Deno.test("the real registry takes the tokens of the token server", {
  ignore: withRegistry.ignore || withOpenssl.ignore,
}, async () => {
  await using registry = await startRegistry({ auth: "token" });
  const challenge = (await ask(`${registry.url}/v2/`)).headers.get("www-authenticate")!;
  const realm = /realm="([^"]+)",service="layerstash-tests"/.exec(challenge)![1]!;
  const query = new URLSearchParams({ service: "layerstash-tests", scope: "repository:me/files:pull,push" });
  const signedIn = await ask(`${realm}?${query}&offline_token=true`, {
    headers: { authorization: basicAuthorization() },
  });
  const { token, refresh_token } = JSON.parse(signedIn.text);
  assert.equal(await push(registry.url, HELLO, { authorization: `Bearer ${token}` }), 201);

  const anonymous = JSON.parse((await ask(`${realm}?${query}`)).text).token;
  const reader = { authorization: `Bearer ${anonymous}` };
  assert.equal((await ask(blobUrl(registry, HELLO), { headers: reader })).status, 200);
  const refused = await ask(`${registry.url}/v2/me/files/blobs/uploads/`, {
    method: "POST",
    headers: reader,
  });
  assert.match(refused.headers.get("www-authenticate")!, /insufficient_scope/);

  const form = new URLSearchParams({
    grant_type: "refresh_token",
    refresh_token,
    ...Object.fromEntries(query),
  });
  const renewed = JSON.parse((await ask(realm, { method: "POST", body: form })).text).access_token;
  assert.equal(await push(registry.url, HELLO, { authorization: `Bearer ${renewed}` }), 201);
  assert.deepEqual(registry.tokens!.requests.map(({ method, status }) => [method, status]), [
    ["GET", 200],
    ["GET", 200],
    ["POST", 200],
  ]);
  assert.equal(registry.tokens!.requests[2]!.form.get("grant_type"), "refresh_token");
});

Deno.test("a token that is no longer valid is refused by the real registry", {
  ignore: withRegistry.ignore || withOpenssl.ignore,
}, async () => {
  await using registry = await startRegistry({ auth: "token", tokens: { validFor: -3600 } });
  const { token } = JSON.parse((await ask(`${registry.tokens!.realm}?scope=repository:me/files:pull`)).text);
  const answer = await ask(blobUrl(registry, HELLO), { headers: { authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 401);
});

Deno.test("the token server refuses what it is told to refuse", async () => {
  await using registry = await startFakeRegistry({
    auth: "bearer",
    tokens: { refusePost: 404, refuseGet: 503 },
  });
  const { realm, settings } = registry.tokens!;
  assert.equal((await ask(realm, { method: "POST", body: "grant_type=password" })).status, 404);
  assert.equal((await ask(realm)).status, 503);
  delete settings.refuseGet;
  assert.equal((await ask(realm, { headers: { authorization: "Basic d3Jvbmc6cGFzc3dvcmQ=" } })).status, 401);
});

Deno.test("the real registry with TLS is trusted by its authority only", {
  ignore: withRegistry.ignore || withOpenssl.ignore,
}, async () => {
  await using registry = await startRegistry({ tls: true, auth: "token" });
  await assert.rejects(ask(`${registry.url}/v2/`), TypeError);
  using client = Deno.createHttpClient({ caCerts: [registry.certificate!.caPem] });
  assert.equal((await ask(`${registry.url}/v2/`, { client })).status, 401);
  assert.equal((await ask(registry.tokens!.realm, { client })).status, 200);
  assert.deepEqual((await registry.requests()).map(({ path }) => path), ["/v2/"]);
});

Deno.test("the fake takes a blob in every push mode", async () => {
  await using registry = await startFakeRegistry();
  assert.equal(await push(registry.url, HELLO), 201, "one PUT");

  let location = await open(registry.url);
  let answer = await ask(location, { method: "PATCH", body: new Blob([HELLO]).stream() });
  assert.deepEqual([answer.status, answer.headers.get("range")], [202, "0-14"], "streamed");
  assert.equal((await ask(ending(locationOf(answer, registry.url), HELLO), { method: "PUT" })).status, 201);

  location = await open(registry.url);
  for (const [start, end] of [[0, 4], [5, 14]] as const) {
    const headers = { "content-range": `${start}-${end}` };
    answer = await ask(location, { method: "PATCH", headers, body: HELLO.subarray(start, end + 1) });
    assert.deepEqual([answer.status, answer.headers.get("range")], [202, `0-${end}`], "in parts");
    location = locationOf(answer, registry.url);
  }
  assert.equal((await ask(ending(location, HELLO), { method: "PUT" })).status, 201);
  assert.equal((await ask(blobUrl(registry, HELLO))).text, "hello, registry");
  assert.equal(registry.storage.sessions.size, 0);

  const post = `${registry.url}/v2/one/post/blobs/uploads/?digest=${digestOf(HELLO)}`;
  assert.equal(
    (await ask(post, { method: "POST", body: HELLO })).status,
    202,
    "distribution ignores the digest",
  );
  registry.faults.singlePost = true;
  answer = await ask(post, { method: "POST", body: HELLO });
  assert.deepEqual([answer.status, registry.storage.blob("one/post", digestOf(HELLO))?.size], [201, 15]);
  const wrong = `${registry.url}/v2/one/post/blobs/uploads/?digest=${digestOf(new Uint8Array(1))}`;
  assert.equal((await ask(wrong, { method: "POST", body: HELLO })).status, 400);
});

Deno.test("the fake tells the state of an upload and refuses what does not go on from there", async () => {
  await using registry = await startFakeRegistry();
  const location = await open(registry.url);
  await ask(location, { method: "PATCH", body: HELLO });
  assert.equal((await ask(location, { method: "PATCH", body: HELLO })).status, 416, "an old location");
  const status = await ask(location.href.replace(/\?.*/, ""));
  assert.deepEqual([status.status, status.headers.get("range")], [204, "0-14"]);
  const newest = locationOf(status, registry.url);
  const headers = { "content-range": "3-17" };
  assert.equal((await ask(newest, { method: "PATCH", headers, body: HELLO })).status, 416, "a wrong range");
  const last = ending(newest, HELLO);
  assert.equal(
    (await ask(last, { method: "PUT", headers, body: HELLO })).status,
    416,
    "a wrong range at the end",
  );
  const wrong = ending(newest, new TextEncoder().encode("else"));
  assert.equal((await ask(wrong, { method: "PUT" })).status, 400, "a wrong digest");
  assert.equal((await ask(wrong)).status, 404);
  assert.equal((await ask(await open(registry.url), { method: "DELETE" })).status, 204);
});

Deno.test("the fake serves ranges", async () => {
  await using registry = await startFakeRegistry();
  registry.storage.addBlob("me/files", HELLO.subarray(0, 6), HELLO.subarray(6));
  const url = blobUrl(registry, HELLO);
  for (const [range, text] of [["bytes=3-8", "lo, re"], ["bytes=7-", "registry"], ["bytes=-4", "stry"]]) {
    const answer = await ask(url, { headers: { range: range! } });
    assert.deepEqual([answer.status, answer.text], [206, text]);
  }
  assert.equal((await ask(url, { headers: { range: "bytes=15-" } })).status, 416);
  assert.equal((await ask(url, { method: "HEAD" })).headers.get("content-length"), "15");

  registry.faults.ranges = "ignored";
  assert.equal((await ask(url, { headers: { range: "bytes=3-8" } })).status, 200);
  registry.faults.ranges = "wrong";
  const wrong = await ask(url, { headers: { range: "bytes=3-8" } });
  assert.deepEqual([wrong.text, wrong.headers.get("content-range")], ["hello,", "bytes 0-5/15"]);
});

Deno.test("the fake keeps manifests by tag and digest, and only those whose blobs it has", async () => {
  await using registry = await startFakeRegistry({ faults: { manifestLag: 1 } });
  const manifest = manifestOf(HELLO);
  const early = await putManifest(registry, "a-1", manifest);
  assert.deepEqual([early.status, JSON.parse(early.text).errors[0].code], [400, "MANIFEST_BLOB_UNKNOWN"]);
  await push(registry.url, HELLO);
  assert.equal((await putManifest(registry, "a-1", manifest)).status, 400, "the lag");
  assert.equal((await putManifest(registry, "a-1", manifest)).status, 201);
  await putManifest(registry, "a-2", manifest);
  const digest = digestOf(new TextEncoder().encode(manifest));
  for (const reference of ["a-1", digest]) {
    const answer = await ask(`${registry.url}/v2/me/files/manifests/${reference}`);
    assert.deepEqual([answer.text, answer.headers.get("docker-content-digest")], [manifest, digest]);
  }
  const remove = (reference: string) =>
    ask(`${registry.url}/v2/me/files/manifests/${reference}`, { method: "DELETE" });
  registry.faults.refuseTagDeletes = 405;
  assert.equal((await remove("a-1")).status, 405);
  delete registry.faults.refuseTagDeletes;
  assert.equal((await remove("a-1")).status, 202);
  assert.deepEqual([...registry.storage.repository("me/files").tags.keys()], ["a-2"]);
  assert.equal((await remove(digest)).status, 202);
  assert.equal((await ask(`${registry.url}/v2/me/files/manifests/a-2`)).status, 404);
});

Deno.test("the fake pages tags", async () => {
  for (const opaqueLinks of [false, true]) {
    await using registry = await startFakeRegistry({ faults: { opaqueLinks, tagPageSize: 2 } });
    const manifest = { mediaType: IMAGE_MANIFEST.docker, bytes: HELLO };
    for (const tag of ["c", "a", "b", "B", "d"]) registry.storage.addManifest("me/files", manifest, tag);
    const pages: string[][] = [];
    let next: string | undefined = "/v2/me/files/tags/list?n=1000";
    while (next) {
      const answer = await ask(registry.url + next);
      pages.push(JSON.parse(answer.text).tags);
      next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get("link") ?? "")?.[1];
    }
    assert.deepEqual(pages, [["B", "a"], ["b", "c"], ["d"]]);
  }
});

Deno.test("the fake mounts a blob from another repository, or opens an upload", async () => {
  await using registry = await startFakeRegistry();
  const digest = registry.storage.addBlob("you/files", HELLO);
  const mount = () =>
    ask(`${registry.url}/v2/me/files/blobs/uploads/?mount=${digest}&from=you/files`, { method: "POST" });
  registry.faults.refuseMounts = true;
  assert.equal((await mount()).status, 202);
  assert.equal((await ask(blobUrl(registry, HELLO), { method: "HEAD" })).status, 404);
  registry.faults.refuseMounts = false;
  assert.equal((await mount()).status, 201);
  assert.equal((await ask(blobUrl(registry, HELLO), { method: "HEAD" })).status, 200);
});

Deno.test("the fake redirects blobs to a storage that takes no credentials and forgets its URLs", async () => {
  await using registry = await startFakeRegistry({ faults: { redirectBlobs: 307, signedUrlUses: 1 } });
  registry.storage.addBlob("me/files", HELLO);
  const answer = await ask(blobUrl(registry, HELLO));
  assert.equal(answer.status, 307);
  const signed = locationOf(answer, registry.url);
  assert.notEqual(signed.origin, registry.url);
  assert.equal((await ask(signed, { headers: { authorization: basicAuthorization() } })).status, 400);
  assert.equal((await ask(signed)).text, "hello, registry");
  assert.equal((await ask(signed)).status, 403);
});

Deno.test("the fake wants a token for what is asked, as often as it is good for", async () => {
  await using registry = await startFakeRegistry({ auth: "bearer", tokens: { uses: 2 } });
  const answer = await ask(`${registry.url}/v2/me/files/blobs/uploads/`, { method: "POST" });
  assert.equal(answer.status, 401);
  const challenge = answer.headers.get("www-authenticate")!;
  assert.match(
    challenge,
    /^Bearer realm=".*\/token",service="layerstash-tests",scope="repository:me\/files:pull,push"$/,
  );
  const scope = "repository:me/files:pull,push";
  const signedIn = await ask(`${registry.tokens!.realm}?scope=${scope}`, {
    headers: { authorization: basicAuthorization() },
  });
  const headers = { authorization: `Bearer ${JSON.parse(signedIn.text).token}` };
  assert.equal(await push(registry.url, HELLO, headers), 201);
  assert.equal((await ask(blobUrl(registry, HELLO), { headers })).status, 401);
});

Deno.test("the fake fails as often as it is told to, and cuts the connection for status 0", async () => {
  await using registry = await startFakeRegistry({
    faults: {
      failNext: [
        { method: "GET", path: /^\/v2\/$/, skip: 1, status: 429, headers: { "retry-after": "7" }, times: 1 },
        { status: 0, path: /tags/, times: 1 },
      ],
    },
  });
  const asked = [];
  for (let i = 0; i < 3; i++) asked.push(await ask(`${registry.url}/v2/`));
  assert.deepEqual(asked.map(({ status }) => status), [200, 429, 200]);
  assert.equal(asked[1]!.headers.get("retry-after"), "7");
  await assert.rejects(ask(`${registry.url}/v2/me/files/tags/list`), TypeError);
});

Deno.test("the fake cuts, shortens, damages and loses", async () => {
  await using registry = await startFakeRegistry();
  const { faults, storage } = registry;
  storage.addBlob("me/files", HELLO);
  faults.breakDownload = { after: 5, times: 1, how: "cut" };
  await assert.rejects(ask(blobUrl(registry, HELLO)), TypeError);
  faults.breakDownload = { after: 5, times: 1, how: "short" };
  assert.equal((await ask(blobUrl(registry, HELLO))).text, "hello");
  faults.damaged = { [digestOf(HELLO)]: 4 };
  assert.notEqual((await ask(blobUrl(registry, HELLO), { headers: { range: "bytes=4-6" } })).text, "o, ");
  assert.equal((await ask(blobUrl(registry, HELLO), { headers: { range: "bytes=5-6" } })).text, ", ");

  const bytes = new Uint8Array(300_000).fill(7);
  faults.breakUpload = { after: 100_000, times: 1, how: "cut" };
  const location = await open(registry.url);
  await assert.rejects(ask(location, { method: "PATCH", body: bytes }), TypeError);
  assert.equal((await ask(location)).headers.get("range"), "0-99999");
  faults.loseCommitAnswer = 1;
  await assert.rejects(push(registry.url, bytes), TypeError);
  assert.equal((await ask(blobUrl(registry, bytes), { method: "HEAD" })).status, 200);
  assert.equal(registry.requests.at(-2)!.status, 0);
});

Deno.test("the fake lets a download and an upload stall until the client gives up", async () => {
  await using registry = await startFakeRegistry();
  registry.storage.addBlob("me/files", HELLO);
  registry.faults.breakDownload = { after: 5, times: 1, how: "stall" };
  const response = await fetch(blobUrl(registry, HELLO));
  const reader = response.body!.getReader();
  assert.equal((await reader.read()).value!.length, 5);
  await reader.cancel();

  registry.faults.breakUpload = { after: 5, times: 1, how: "stall" };
  const location = await open(registry.url);
  const gaveUp = new AbortController();
  registry.faults.onRequest = () => gaveUp.abort();
  await assert.rejects(ask(location, { method: "PATCH", body: HELLO, signal: gaveUp.signal }), {
    name: "AbortError",
  });
});

async function statusOfPart(
  registry: FakeRegistry,
  body: BodyInit,
  headers: HeadersInit = {},
): Promise<number> {
  return (await ask(await open(registry.url), { method: "PATCH", body, headers })).status;
}

Deno.test("the fake refuses parts and bodies as registries and proxies do", async () => {
  await using registry = await startFakeRegistry({ faults: { maxRangedPatch: 8 } });
  const { faults } = registry;
  assert.equal(await statusOfPart(registry, HELLO, { "content-range": "0-14" }), 416);
  assert.equal(await statusOfPart(registry, HELLO), 202);
  faults.maxBody = 1_000_000;
  faults.htmlErrors = true;
  const big = new Uint8Array(3_000_000);
  assert.equal(await statusOfPart(registry, big), 413);
  const location = await open(registry.url);
  const refused = await ask(location, { method: "PATCH", body: new Blob([big]).stream() });
  assert.match(refused.text, /<h1>413/);
  assert.equal((await ask(location)).headers.get("range"), "0-0", "nothing of it is kept");
  faults.requireLength = true;
  assert.equal(await statusOfPart(registry, new Blob([HELLO]).stream()), 411);
  faults.patchStatus = 201;
  assert.equal(await statusOfPart(registry, HELLO), 201);
  faults.refusePatch = 405;
  assert.equal(await statusOfPart(registry, HELLO), 405);
  faults.notARegistry = true;
  assert.match((await ask(`${registry.url}/v2/`)).text, /<html>/);
});

Deno.test("the fake names upload locations in each way", async () => {
  await using registry = await startFakeRegistry({ auth: "basic" });
  const headers = { authorization: basicAuthorization() };
  registry.faults.locations = "relative";
  assert.equal(await push(registry.url, HELLO, headers), 201);
  registry.faults.locations = "another-origin";
  const location = await open(registry.url, headers);
  assert.equal(location.origin, registry.base.storage);
  assert.equal(
    (await ask(location, { method: "PATCH", body: HELLO, headers })).status,
    400,
    "with credentials",
  );
  assert.equal((await ask(ending(location, HELLO), { method: "PUT", body: HELLO })).status, 201);
});

Deno.test("the fake ends a session as distribution 2.8 and zot do", async () => {
  await using registry = await startFakeRegistry({ faults: { sessionStatus: "fatal" } });
  const location = await open(registry.url);
  await ask(location, { method: "PATCH", body: HELLO });
  assert.equal((await ask(location)).status, 404);
  assert.equal(registry.storage.sessions.size, 0);

  registry.faults.dropBrokenSessions = true;
  registry.faults.breakUpload = { after: 3, times: 1, how: "cut" };
  await assert.rejects(statusOfPart(registry, HELLO), TypeError);
  assert.equal(registry.storage.sessions.size, 0);
});

Deno.test("the fake breaks a body at an offset of its blob, and lets others through", async () => {
  await using registry = await startFakeRegistry();
  const { faults, storage } = registry;
  storage.addBlob("me/files", HELLO);
  const other = new TextEncoder().encode("another blob");
  storage.addBlob("me/files", other);
  const range = (range: string) => ask(blobUrl(registry, HELLO), { headers: { range } });
  faults.breakDownload = { after: 9, inBlob: true, digest: digestOf(HELLO), times: 1, how: "cut" };
  assert.equal((await ask(blobUrl(registry, other))).text, "another blob");
  assert.equal((await range("bytes=0-4")).text, "hello");
  await assert.rejects(range("bytes=7-14"), TypeError);
  assert.equal(registry.requests.at(-1)!.sent, 2);
  assert.equal((await range("bytes=7-14")).text, "registry");

  faults.breakUpload = { after: 6, inBlob: true, times: 1, how: "cut" };
  const location = await open(registry.url);
  const begun = await ask(location, { method: "PATCH", body: HELLO.subarray(0, 5) });
  const newest = locationOf(begun, registry.url);
  await assert.rejects(ask(newest, { method: "PATCH", body: HELLO.subarray(5) }), TypeError);
  assert.equal((await ask(newest)).headers.get("range"), "0-5");
});

Deno.test("the fake sends too much, too little, and slowly", async () => {
  await using registry = await startFakeRegistry();
  const { faults, storage } = registry;
  storage.addBlob("me/files", HELLO);
  const url = blobUrl(registry, HELLO);
  faults.breakDownload = { after: 0, times: 1, how: "long" };
  const long = await ask(url, { headers: { range: "bytes=0-4" } });
  assert.deepEqual([long.text.slice(0, 5), long.bytes.length > 5], ["hello", true]);
  faults.breakDownload = { after: 4, times: 1, how: "slow" };
  assert.equal((await ask(url)).text, "hello, registry");
  faults.trickle = 1;
  assert.equal((await ask(url)).text, "hello, registry");
  faults.breakUpload = { after: 4, times: 1, how: "slow" };
  assert.equal(await push(registry.url, HELLO), 201);
  faults.truncated = { [digestOf(HELLO)]: 5 };
  assert.equal((await ask(url, { method: "HEAD" })).headers.get("content-length"), "5");
  assert.equal((await ask(url)).text, "hello");
});

Deno.test("the fake lies about an upload, and may name its location only once", async () => {
  await using registry = await startFakeRegistry({ faults: { patchLocation: "absent" } });
  const { faults } = registry;
  const location = await open(registry.url);
  for (const part of [HELLO.subarray(0, 5), HELLO.subarray(5)]) {
    const answer = await ask(location, { method: "PATCH", body: part });
    assert.deepEqual([answer.status, answer.headers.get("location")], [202, null]);
  }
  for (const [statusError, range] of [[1, "0-15"], [-5, "0-9"], [-99, "0-0"]] as const) {
    faults.statusError = statusError;
    assert.equal((await ask(location)).headers.get("range"), range);
  }
  assert.equal((await ask(ending(location, HELLO), { method: "PUT" })).status, 201);
});

Deno.test("the fake speaks https", withOpenssl, async () => {
  const directory = await Deno.makeTempDir();
  const certificate = await makeServerCertificate(directory);
  await Deno.remove(directory, { recursive: true });
  await using registry = await startFakeRegistry({ certificate });
  using client = Deno.createHttpClient({ caCerts: [certificate.caPem] });
  assert.equal((await ask(`${registry.url}/v2/`, { client })).status, 200);
});

Deno.test("the fake throws away what it is told not to keep, and serves a large blob of one piece", async () => {
  await using registry = await startFakeRegistry({ discard: true });
  const piece = new Uint8Array(1 << 20).fill(1);
  const body = ReadableStream.from(Array.from({ length: 64 }, () => piece));
  const patched = await ask(await open(registry.url), { method: "PATCH", body });
  const pieces = Array.from({ length: 64 }, () => piece);
  const digest = registry.storage.addBlob("other", ...pieces);
  const location = locationOf(patched, registry.url);
  location.searchParams.set("digest", digest);
  assert.equal((await ask(location, { method: "PUT" })).status, 201);
  assert.deepEqual(registry.storage.blob("me/files", digest), {
    size: 64 << 20,
    pieces: undefined,
    first: Uint8Array.of(1),
  });
  registry.storage.addBlob("me/files", ...pieces);
  assert.equal((await ask(`${registry.url}/v2/me/files/blobs/${digest}`)).bytes.length, 64 << 20);
});

Deno.test("skopeo finds nothing wrong with the fake", withSkopeo, async () => {
  await using source = await startFakeRegistry({ faults: { redirectBlobs: 307 } });
  await using target = await startFakeRegistry({ auth: "bearer" });
  const config = new TextEncoder().encode('{"architecture":"amd64","os":"linux"}');
  await push(source.url, config);
  await putManifest(source, "v1", manifestOf(config));
  const { username, password } = USER;
  const { code, stderr } = await new Deno.Command("skopeo", {
    args: [
      ...[
        "--insecure-policy",
        "copy",
        "--preserve-digests",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
      ],
      ...["--dest-creds", `${username}:${password}`],
      ...[`docker://${source.host}/me/files:v1`, `docker://${target.host}/you/files:v2`],
    ],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.equal(
    target.storage.manifest("you/files", "v2")!.digest,
    source.storage.manifest("me/files", "v1")!.digest,
  );
});

Deno.test("examples are read with their outputs, over several lines", () => {
  const [block] = blocksOf("text\n\n```console\n$ one | \\\n    two   # remark\nsaid\n…\n$ three\n```\n");
  assert.deepEqual(block && { line: block.line, examples: examplesOf(block) }, {
    line: 3,
    examples: [
      { command: "one | \\\n    two   # remark", shown: ["said", "…"] },
      { command: "three", shown: [] },
    ],
  });
  assert.deepEqual(
    helpExamples("Examples:\n  $ a |\n      b\n  $ c\n\nMore.\n").map(({ command }) => command),
    [
      "a |\n    b",
      "c",
    ],
  );
});

Deno.test("an output is what is shown to the letter, but for dates and what is left out", () => {
  assert.ok(isShown(["a.b  2026-11-21 05:14", "sha256:1…"], "a.b  2027-01-02 23:59\nsha256:1234\n"));
  assert.ok(isShown(["first", "…"], "first\nsecond\nthird\n"));
  assert.ok(!isShown(["a.b"], "axb\n"));
  assert.ok(!isShown(["first"], "first\nsecond\n"));
  assert.ok(!isShown(["first", "second"], "first\n"));
});

Deno.test("requests are held until a client sends no others, and are counted by rounds", async () => {
  await using fake = await startFakeRegistry();
  const counts = holdRequests(fake, ({ path }) => path.includes("/manifests/"));
  const get = (path: string) => ask(`${fake.url}/v2/me/files/${path}`);
  await Promise.all([get("manifests/a"), get("manifests/b"), get("tags/list"), get("manifests/c")]);
  assert.deepEqual(counts, [3]);
  await get("manifests/a");
  await get("manifests/b");
  assert.deepEqual(counts, [3, 1, 1]);
});
