/** One call of the registry's API: what goes out, what is told, and what errors mean. @module */
import assert from "node:assert/strict";
import { openStore } from "../lib/open/open_store.ts";
import { NotAllowedError, NotFoundError, RegistryError } from "../lib/errors.ts";
import { bytesSource } from "../lib/content/source.ts";
import { errorOfNoAnswer } from "../lib/http/answers.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { manifestOf } from "../lib/oci/manifest.ts";
import { IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { listRepositories, upload, verify } from "../main.ts";
import { testClock } from "./rigs/clock.ts";
import { streamOf } from "./rigs/content.ts";
import { failure, open } from "./rigs/opened.ts";
import { USER } from "./rigs/user.ts";

const HELLO = new TextEncoder().encode("hello, registry");
const BLOB = digestOf(HELLO);
const MANIFEST = manifestOf(new TextEncoder().encode("{}"), IMAGE_MANIFEST.docker);

/** Asks for a blob and gets this answer; gives the error that it becomes. */
async function errorOf(answer: { status: number; headers?: Record<string, string>; body?: string }) {
  await using fake = await startFakeRegistry({ faults: { failNext: [{ ...answer, times: 999 }] } });
  using opened = open(fake);
  const error = await failure(opened.store.read(BLOB));
  assert.ok(error.message.startsWith(`${fake.host} answered ${answer.status} to the request for the blob`));
  return { error, attempts: fake.requests.length };
}

const json = (...errors: object[]) => JSON.stringify({ errors });

Deno.test("errors are told in the registry's words", async () => {
  const body = json({ code: "DENIED", message: "no, thanks" }, { code: "NAME_INVALID" });
  const { error, attempts } = await errorOf({ status: 400, body });
  assert.ok(error instanceof RegistryError);
  assert.deepEqual([error.status, [...error.codes]], [400, ["DENIED", "NAME_INVALID"]]);
  assert.match(error.message, /: no, thanks \(DENIED\); NAME_INVALID$/);
  assert.equal(attempts, 1);
});

Deno.test("statuses have their kinds", async () => {
  const denied = await errorOf({ status: 403, body: json({ code: "DENIED", message: "no" }) });
  assert.ok(denied.error instanceof NotAllowedError);
  assert.match(denied.error.hint ?? "", /layerstash login 127\.0\.0\.1:\d+$/);
  assert.ok((await errorOf({ status: 404 })).error instanceof NotFoundError);
  assert.equal((await errorOf({ status: 404 })).attempts, 1);
  assert.ok((await errorOf({ status: 418 })).error instanceof RegistryError);
});

Deno.test("codes may say that an error passes though its status does not", async () => {
  const { error, attempts } = await errorOf({ status: 400, body: json({ code: "TOOMANYREQUESTS" }) });
  assert.ok(error instanceof RegistryError && error.transient);
  assert.ok(attempts > 1);
});

Deno.test("an error without an answer that can be read is told all the same", async () => {
  for (
    const [body, expected] of [
      ["", /the blob sha256:[0-9a-f]{64}$/],
      ["plain words", /: plain words$/],
      ["<html>long</html>", /: a web page, of a proxy perhaps$/],
      ['{"errors":7}', /: \{"errors":7\}$/],
      ["x".repeat(100_000), /the blob sha256:[0-9a-f]{64}(: x{200})?$/],
    ] as const
  ) assert.match((await errorOf({ status: 400, body })).error.message, expected);
});

Deno.test("no control character of a registry reaches the terminal", async () => {
  const { error } = await errorOf({ status: 400, body: json({ code: "X", message: "\x1b[2Jgone\r\nnext" }) });
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(error.message, /[\x00-\x1f\x7f-\x9f]/);
});

Deno.test("a warning of the registry is told once", async () => {
  await using fake = await startFakeRegistry();
  const warn = (text: string) => ({
    status: 200,
    headers: { warning: text, "content-length": "5" },
    times: 1,
  });
  fake.faults.failNext = [
    warn('299 - "old \\"things\\" end soon"'),
    warn('299 - "old \\"things\\" end soon"'),
    warn('299 - "another"'),
    warn('199 - "not for people"'),
    warn("nonsense"),
  ];
  using opened = open(fake);
  for (let count = 0; count < 5; count++) await opened.store.stat(BLOB);
  assert.deepEqual(opened.notices(), [
    `${fake.host} says: old "things" end soon`,
    `${fake.host} says: another`,
  ]);
});

Deno.test("a warning is shown as text and no longer than it may be", async () => {
  await using fake = await startFakeRegistry();
  const warning = `299 - "${"x".repeat(5000)}"`;
  fake.faults.failNext = [{ status: 200, headers: { warning, "content-length": "5" }, times: 1 }];
  using opened = open(fake);
  await opened.store.stat(BLOB);
  assert.ok(opened.notices()[0]!.length < 4200);
});

Deno.test("each request is told of, without its query", async () => {
  await using fake = await startFakeRegistry({ faults: { redirectBlobs: 307 } });
  fake.storage.addBlob("me/files", HELLO);
  using opened = open(fake);
  await (await opened.store.read(BLOB)).cancel();
  await opened.store.write(bytesSource(HELLO));
  const told = opened.events.flatMap((event) =>
    event.type === "request" ? [[event.method, event.url, event.status]] : []
  );
  assert.deepEqual(
    told,
    fake.requests.map(({ origin, method, path, status }) => [method, fake.base[origin] + path, status]),
  );
  assert.ok(!JSON.stringify(opened.events).includes("_state"));
});

Deno.test("every request says who asks, reads blobs as they are, and takes manifests of each kind", async () => {
  await using fake = await startFakeRegistry();
  const digest = fake.storage.addBlob("me/files", HELLO);
  using opened = open(fake);
  await opened.store.stat(digest);
  await (await opened.store.readUnverified(digest, { range: { start: 0, end: 5 } })).cancel();
  await opened.store.manifest("disk-1");
  const [head, get, manifest] = fake.requests;
  for (const { headers } of fake.requests) assert.equal(headers["user-agent"], "layerstash");
  assert.equal(head!.headers["accept-encoding"], "identity");
  assert.equal(get!.headers["accept-encoding"], "identity");
  assert.equal(get!.headers["range"], "bytes=0-4");
  assert.ok(manifest!.headers["accept"]!.includes(IMAGE_MANIFEST.oci));
  assert.ok(manifest!.headers["accept"]!.includes(IMAGE_MANIFEST.docker));
  assert.ok(!head!.headers["accept"]?.includes("manifest"), "Artifactory answers 406 to that");
});

Deno.test("cookies are not kept", async () => {
  await using fake = await startFakeRegistry();
  fake.faults.failNext = [{ status: 404, headers: { "set-cookie": "sid=1" }, times: 2 }];
  for (const options of [{}, { insecureSkipTlsVerify: true }]) {
    using opened = open(fake, options);
    await opened.store.stat(BLOB);
    await opened.store.stat(BLOB);
  }
  assert.ok(fake.requests.every(({ headers }) => headers["cookie"] === undefined));
});

Deno.test("a web server that is no registry is said to be none", async () => {
  await using fake = await startFakeRegistry({ faults: { notARegistry: true } });
  using opened = open(fake);
  const { store } = opened;
  const uses: Record<string, () => Promise<unknown>> = {
    stat: () => store.stat(BLOB),
    manifest: () => store.manifest("disk-1"),
    resolve: () => store.resolve("disk-1"),
    putManifest: () => store.putManifest("disk-1", MANIFEST),
    tags: () => Array.fromAsync(store.tags()),
    remove: () => store.remove(BLOB),
    removeManifest: () => store.removeManifest(MANIFEST.digest),
    removeTag: () => store.removeManifest("disk-1"),
    read: () => store.read(BLOB),
    write: () => store.write(bytesSource(HELLO)),
    writeAfterLooking: () => store.write(bytesSource(HELLO), { checkFirst: true }),
    mount: () => store.mount(BLOB, "me/other"),
  };
  for (const [name, use] of Object.entries(uses)) {
    const error = await failure(use());
    assert.ok(error instanceof RegistryError, name);
    assert.match(error.message, /web page/, name);
  }
  assert.deepEqual(opened.clock.waits, []);
});

Deno.test("an answer that says HTML and has none is no web page (Quay)", async () => {
  await using fake = await startFakeRegistry();
  const headers = { "content-type": "text/html; charset=utf-8", "docker-content-digest": MANIFEST.digest };
  fake.faults.failNext = [{ method: "PUT", status: 200, headers, body: "OK", times: 1 }];
  using opened = open(fake);
  await opened.store.putManifest("disk-1", MANIFEST);
  fake.faults.failNext = [{ method: "PUT", status: 202, headers: { "content-type": "text/html" }, times: 1 }];
  await opened.store.putManifest("disk-1", MANIFEST);
});

Deno.test("a connection that breaks, a network that is away and a name that is not found may all pass", () => {
  const reasons = [
    "read ECONNRESET",
    "write EPIPE",
    "connect ENETUNREACH 10.0.0.1:443",
    "connect EHOSTUNREACH 10.0.0.1:443",
    "connect ETIMEDOUT 10.0.0.1:443",
    "socket hang up",
    "unexpected end of file",
    "getaddrinfo ENOTFOUND registry.test",
    "failed to lookup address information: Temporary failure in name resolution",
    "connection closed before message completed",
  ];
  for (const reason of reasons) {
    const error = errorOfNoAnswer(
      new TypeError("error sending request", { cause: new Error(reason) }),
      "registry.test",
    );
    assert.ok(error instanceof RegistryError && error.transient, reason);
    assert.equal(error.message, `registry.test does not answer: ${reason}`);
  }
});

Deno.test("of a failed connection only the reason is told", () => {
  const told = {
    "client error (Connect): tcp connect error: Connection refused (os error 111)": "Connection refused",
    "client error (Connect): dns error: failed to lookup address": "failed to lookup address",
    "client error (Connect): unsuccessful tunnel": "unsuccessful tunnel",
    "error sending request from 127.0.0.1:37540 for http://h/v2/ (127.0.0.1:80): client error (SendRequest)":
      "it closed the connection",
    "client error (SendRequest): connection closed before message completed":
      "connection closed before message completed",
  };
  for (const [said, reason] of Object.entries(told)) {
    assert.equal(
      errorOfNoAnswer(new Error(said), "registry.test").message,
      `registry.test does not answer: ${reason}`,
    );
  }
});

Deno.test("a wrong certificate is one for good, unless the host has shown a right one before", () => {
  for (
    const reason of [
      "invalid peer certificate: UnknownIssuer",
      "received corrupt message of type InvalidContentType",
    ]
  ) {
    for (const known of [false, true]) {
      const error = errorOfNoAnswer(new Error(reason), "registry.test", { known });
      assert.ok(error instanceof RegistryError && error.transient === known, reason);
    }
  }
  for (
    const reason of [
      "invalid peer certificate: Expired",
      "invalid peer certificate: NotValidYet",
      "CERT_HAS_EXPIRED: certificate has expired",
    ]
  ) {
    assert.match(errorOfNoAnswer(new Error(reason), "registry.test").hint ?? "", /clock of this machine/);
  }
});

Deno.test("a manifest whose HEAD is refused is asked for with GET", async () => {
  for (const refuseHead of [403, 405]) {
    await using fake = await startFakeRegistry({ faults: { refuseHead } });
    using opened = open(fake);
    fake.storage.addManifest("me/files", MANIFEST, "disk-1");
    assert.equal(await opened.store.resolve("disk-1"), MANIFEST.digest);
    assert.equal(await opened.store.resolve("disk-2"), undefined);
  }
});

Deno.test("a file is stored, checked and fetched where every HEAD is refused", async () => {
  for (const refuseHead of [403, 405]) {
    await using fake = await startFakeRegistry({ faults: { refuseHead } });
    using opened = open(fake);
    const { store } = opened;
    for (let times = 0; times < 2; times++) {
      await upload(store, "disk", { input: streamOf(HELLO), chunkSize: 5 });
    }
    const { stash, faults } = await verify(store, "disk");
    assert.deepEqual(faults, []);
    fake.storage.blobs.delete(stash.chunks[1]!.digest);
    assert.deepEqual((await verify(store, "disk")).faults.map(({ kind }) => kind), ["missing"]);
  }
});

Deno.test("a registry that says only at its base how to sign in is signed in to", async () => {
  for (const auth of ["basic", "bearer"] as const) {
    await using fake = await startFakeRegistry({ auth, faults: { challengeAtBase: true } });
    const credentials = { kind: "password", ...USER } as const;
    using opened = open(fake, { credentials });
    const { digest } = await opened.store.write(bytesSource(HELLO));
    assert.equal(await opened.store.stat(digest), HELLO.length);
    using wrong = open(fake, { credentials: { ...credentials, password: "wrong" } });
    assert.equal((await failure(wrong.store.stat(digest))).kind, "not-allowed");
  }
});

Deno.test("a list without links goes on where a page is full", async () => {
  for (const count of [150, 200, 99]) {
    await using fake = await startFakeRegistry({ faults: { noLinks: true } });
    for (let number = 0; number < count; number++) fake.storage.repository(`me/files-${number}`);
    const names = await Array.fromAsync(listRepositories({ registry: fake.url, clock: testClock() }));
    assert.equal(new Set(names).size, count);
    assert.equal(fake.requests.length, count === 99 ? 1 : count === 150 ? 2 : 3);
  }
});

Deno.test("an image of schema 1 is called what it is", async () => {
  await using fake = await startFakeRegistry({ faults: { contentDigest: "wrong" } });
  const mediaType = "application/vnd.docker.distribution.manifest.v1+prettyjws";
  fake.storage.addManifest(
    "me/files",
    { mediaType, bytes: new TextEncoder().encode('{"schemaVersion":1}') },
    "v1",
  );
  using opened = open(fake);
  const error = await failure(opened.store.manifest("v1"));
  assert.equal(error.message, "the manifest v1 is of schema 1");
  assert.match(error.hint!, /convert it/);
});

Deno.test("a blob that the storage takes for a web page is read all the same", async () => {
  await using fake = await startFakeRegistry({ faults: { redirectBlobs: 307, blobType: "text/html" } });
  fake.storage.addBlob("me/files", HELLO);
  using opened = open(fake);
  assert.equal(await new Response(await opened.store.read(BLOB)).text(), "hello, registry");
});

Deno.test("the first byte of a blob is waited for longer than other answers", async () => {
  await using fake = await startFakeRegistry();
  fake.storage.addBlob("me/files", HELLO);
  const held = Promise.withResolvers<void>();
  fake.faults.onRequest = ({ method, path }) =>
    method === "GET" && path.includes("/v2/") ? held.promise : undefined;
  using opened = open(fake, { timeouts: { answer: 100 }, retry: { attempts: 1 } });
  const reading = opened.store.read(BLOB);
  assert.match((await failure(opened.store.manifest("disk-1"))).message, /^no answer came from /);
  held.resolve();
  assert.equal(await new Response(await reading).text(), "hello, registry");
});

Deno.test("the reason that a registry or its storage gives is passed on", async () => {
  await using fake = await startFakeRegistry();
  const json = { "content-type": "application/json" };
  const xml = { "content-type": "application/xml" };
  const answers = [
    [
      400,
      json,
      '{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid","detail":{"message":"no history"}}]}',
      /manifest invalid \(MANIFEST_INVALID\): no history$/,
    ],
    [
      400,
      json,
      '{"errors":[{"code":"NAME_INVALID","message":"invalid name","detail":"too long"}]}',
      /invalid name \(NAME_INVALID\): too long$/,
    ],
    [400, json, '{"errors":[{"code":"X","message":null,"detail":null}]}', /: X$/],
    [
      404,
      xml,
      "<Error><Code>NoSuchKey</Code><Message>it is gone</Message></Error>",
      /: it is gone \(NoSuchKey\)$/,
    ],
    [407, {}, "", /answered 407/],
    [403, { "content-type": "text/html" }, "<html>", /web page/],
  ] as const;
  const hints = [];
  for (const [status, headers, body, message] of answers) {
    fake.faults.failNext = [{ method: "GET", status, headers, body, times: 1 }];
    using opened = open(fake, { retry: { attempts: 1 } });
    const error = await failure(opened.store.read(BLOB));
    assert.match(error.message, message);
    hints.push(error.hint);
  }
  assert.match(hints[4]!, /^the proxy asks for a user name/);
  assert.match(hints[5]!, /check HTTPS_PROXY/);
});

Deno.test("a signed URL that has expired is asked for again, whatever the storage answers", async () => {
  const expired = "<Error><Code>ExpiredToken</Code></Error>";
  for (const [status, body] of [[400, expired], [401, ""], [403, expired]] as const) {
    await using fake = await startFakeRegistry({ faults: { redirectBlobs: 307 } });
    fake.storage.addBlob("me/files", HELLO);
    fake.faults.failNext = [{ path: /^\/signed/, status, body, times: 1 }];
    using opened = open(fake);
    assert.equal(await new Response(await opened.store.read(BLOB)).text(), "hello, registry");
  }
});

Deno.test("a server of https that is asked over http is named with https", async () => {
  const said = "Client sent an HTTP request to an HTTPS server.\n";
  const page = "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>";
  for (const [body, type] of [[said, "text/plain"], [page, "text/html"]] as const) {
    const answer = () => new Response(body, { status: 400, headers: { "content-type": type } });
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, answer);
    using store = openStore({ registry: `127.0.0.1:${server.addr.port}`, repository: "me/files" });
    await assert.rejects(store.manifest("disk-1"), (error: unknown) => {
      assert.ok(error instanceof RegistryError);
      assert.equal(error.hint, `it speaks https: say so in its name, https://127.0.0.1:${server.addr.port}`);
      return true;
    });
  }
});
