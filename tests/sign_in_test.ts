/** Signing in: passwords, tokens and refresh tokens, against the real registry and the fake. @module */
import assert from "node:assert/strict";
import { NotAllowedError, RegistryError } from "../lib/errors.ts";
import type { TransferEvent } from "../lib/events.ts";
import { bytesSource } from "../lib/content/source.ts";
import { digestOf } from "../lib/oci/digest.ts";
import type { Credentials } from "../lib/sign_in/credentials.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { failure, open } from "./rigs/opened.ts";
import { type RealRegistryOptions, startRegistry } from "./rigs/real_registry.ts";
import { USER } from "./rigs/user.ts";
import { getToken } from "../main.ts";
import { onSent } from "./rigs/events.ts";

const HELLO = new TextEncoder().encode("hello, registry");
const BLOB = digestOf(HELLO);
const PASSWORD: Credentials = { kind: "password", username: USER.username, password: USER.password };
const REAL = { ignore: !await ensureTool("docker-registry", "docker-registry") };
const SIGNED = { ignore: REAL.ignore || !await ensureTool("openssl", "openssl") };

const scopes = (requests: { query: URLSearchParams; form: URLSearchParams }[]) =>
  requests.map(({ query, form }) => [...query.getAll("scope"), ...form.getAll("scope")].join(" "));
const ways = (requests: { method: string; status: number }[]) =>
  requests.map(({ method, status }) => `${method} ${status}`);

/** Nothing that is shown of a transfer holds a password or a token. */
function assertNoSecret(events: TransferEvent[], ...secrets: string[]): void {
  const shown = JSON.stringify(events);
  for (const secret of [USER.password, "Bearer", "Basic", ...secrets]) {
    assert.ok(!shown.includes(secret), secret);
  }
}

Deno.test("a registry that is open to everyone is used without signing in", REAL, async () => {
  await using registry = await startRegistry();
  using opened = open(registry);
  assert.equal((await opened.store.write(bytesSource(HELLO))).digest, BLOB);
  assert.equal(await opened.store.stat(BLOB), HELLO.length);
});

Deno.test("the right password opens a registry", REAL, async () => {
  await using registry = await startRegistry({ auth: "htpasswd" });
  using opened = open(registry, { credentials: PASSWORD });
  await opened.store.write(bytesSource(HELLO));
  assert.equal(await opened.store.stat(BLOB), HELLO.length);
  const statuses = (await registry.requests()).map(({ status }) => status);
  assert.deepEqual(statuses, [401, 202, 201, 200]);
  assertNoSecret(opened.events);
});

Deno.test("a wrong password is not allowed, and is not repeated by the message", REAL, async () => {
  await using registry = await startRegistry({ auth: "htpasswd" });
  using opened = open(registry, { credentials: { ...PASSWORD, password: "close-sesame" } });
  for (const use of [() => opened.store.stat(BLOB), () => opened.store.write(bytesSource(HELLO))]) {
    const error = await failure(use(), "close-sesame", btoa(`${USER.username}:close-sesame`));
    assert.ok(error instanceof NotAllowedError);
    assert.match(error.hint ?? "", /user name or the token is wrong/);
  }
  assert.deepEqual(opened.clock.waits, []);
});

Deno.test("a registry with a password says how to sign in to whoever has none", REAL, async () => {
  await using registry = await startRegistry({ auth: "htpasswd" });
  using opened = open(registry);
  const error = await failure(opened.store.stat(BLOB));
  assert.ok(error instanceof NotAllowedError);
  assert.equal(error.hint, `sign in with: layerstash login ${registry.host}`);
});

Deno.test("a name and a password may have any letters in them", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const [, encoded = ""] = /^Basic (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
    const said = new TextDecoder().decode(Uint8Array.fromBase64(encoded));
    const headers = { "www-authenticate": 'Basic realm="x"', "content-length": "5" };
    return new Response(null, { status: said === "zoë:pässwörd:with colon" ? 200 : 401, headers });
  });
  using opened = open({ url: `http://127.0.0.1:${server.addr.port}` }, {
    credentials: { kind: "password", username: "zoë", password: "pässwörd:with colon" },
  });
  assert.equal(await opened.store.stat(BLOB), 5);
  await server.shutdown();
});

async function withTokens(settings: RealRegistryOptions["tokens"], credentials?: Credentials) {
  const registry = await startRegistry({ auth: "token", tokens: settings });
  const tokens = registry.tokens!;
  const opened = open(registry, { credentials });
  return {
    registry,
    tokens,
    opened,
    async [Symbol.asyncDispose]() {
      opened[Symbol.dispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

Deno.test(
  "a token is asked once for reading and once for writing, with no more rights than needed",
  SIGNED,
  async () => {
    await using parts = await withTokens({}, PASSWORD);
    const { tokens, opened: { store, events } } = parts;
    assert.equal(await store.stat(BLOB), undefined);
    await store.write(bytesSource(HELLO));
    assert.equal(await store.stat(BLOB), HELLO.length);
    await store.write(bytesSource(new TextEncoder().encode("another")));
    assert.deepEqual(scopes(tokens.requests), ["repository:me/files:pull", "repository:me/files:pull,push"]);
    assert.deepEqual(ways(tokens.requests), ["GET 200", "GET 200"]);
    const { query } = tokens.requests[0]!;
    assert.equal(query.get("service"), tokens.settings.service);
    assert.equal(query.get("account"), USER.username);
    assertNoSecret(events);
  },
);

Deno.test("many requests at once share one token", async () => {
  await using fake = await startFakeRegistry({ auth: "bearer" });
  fake.storage.addBlob("me/files", HELLO);
  using opened = open(fake, { credentials: PASSWORD });
  assert.equal(await opened.store.stat(BLOB), HELLO.length);
  await Promise.all(Array.from({ length: 8 }, () => opened.store.stat(BLOB)));
  assert.equal(fake.tokens!.requests.length, 1);
});

Deno.test(
  "anybody may pull where the registry lets them, and pushing says how to sign in",
  SIGNED,
  async () => {
    await using parts = await withTokens({ anonymousPull: true });
    const { registry, opened: { store } } = parts;
    assert.equal(await store.stat(BLOB), undefined);
    const error = await failure(store.write(bytesSource(HELLO)));
    assert.ok(error instanceof NotAllowedError);
    assert.match(error.hint ?? "", new RegExp(`sign in.*layerstash login ${registry.host}`));
  },
);

Deno.test("nobody pulls where the token server wants a name", SIGNED, async () => {
  await using parts = await withTokens({ anonymousPull: false });
  const error = await failure(parts.opened.store.stat(BLOB));
  assert.ok(error instanceof NotAllowedError);
  assert.match(error.message, /gives no token to anonymous users$/);
  assert.match(error.hint ?? "", new RegExp(`layerstash login ${parts.registry.host}$`));
  assert.deepEqual(ways(parts.tokens.requests), ["GET 401"]);
});

Deno.test("a wrong password at the token server is not allowed", SIGNED, async () => {
  await using parts = await withTokens({}, { ...PASSWORD, password: "close-sesame" });
  const error = await failure(parts.opened.store.stat(BLOB), "close-sesame");
  assert.ok(error instanceof NotAllowedError);
  assert.match(error.message, /refuses the user name or the password/);
  assert.deepEqual(parts.opened.clock.waits, []);
});

for (const status of [400, 401, 404, 405]) {
  Deno.test(`a password goes by POST where the token server answers ${status} to GET`, SIGNED, async () => {
    await using parts = await withTokens({ refuseGet: status }, PASSWORD);
    await parts.opened.store.write(bytesSource(HELLO));
    assert.deepEqual(ways(parts.tokens.requests), [`GET ${status}`, "POST 200"]);
    const { form } = parts.tokens.requests[1]!;
    assert.equal(form.get("grant_type"), "password");
    assert.equal(form.get("scope"), "repository:me/files:pull,push");
  });
}

Deno.test("a refresh token goes by POST", SIGNED, async () => {
  await using registry = await startRegistry({ auth: "token" });
  const tokens = registry.tokens!;
  using opened = open(registry, { credentials: { kind: "identity", token: tokens.refreshToken } });
  await opened.store.write(bytesSource(HELLO));
  assert.deepEqual(ways(tokens.requests), ["POST 200"]);
  const { form } = tokens.requests[0]!;
  assert.equal(form.get("grant_type"), "refresh_token");
  assert.equal(form.get("service"), tokens.settings.service);
  assert.equal(form.get("scope"), "repository:me/files:pull,push");
  assertNoSecret(opened.events, tokens.refreshToken);
});

for (const status of [400, 401, 404, 405]) {
  Deno.test(`a refresh token goes by GET where the token server answers ${status} to POST`, async () => {
    await using fake = await startFakeRegistry({ auth: "bearer", tokens: { refusePost: status } });
    using opened = open(fake, { credentials: { kind: "identity", token: fake.tokens!.refreshToken } });
    const error = await failure(opened.store.stat(BLOB), fake.tokens!.refreshToken);
    // This server takes no refresh token with GET: the refusal has to be the one that says who is wrong.
    assert.ok(error instanceof NotAllowedError, error.message);
    assert.deepEqual(ways(fake.tokens!.requests), [`POST ${status}`, "GET 401"]);
    assert.equal(fake.tokens!.requests[1]!.authorization, `Bearer ${fake.tokens!.refreshToken}`);
  });
}

Deno.test("a refresh token that is refused is not allowed", SIGNED, async () => {
  await using parts = await withTokens({}, { kind: "identity", token: "stale-and-secret" });
  assert.ok(await failure(parts.opened.store.stat(BLOB), "stale-and-secret") instanceof NotAllowedError);
});

Deno.test("a bearer token is sent as it is, from the first request on", SIGNED, async () => {
  await using registry = await startRegistry({ auth: "token" });
  const { realm, settings } = registry.tokens!;
  const url = `${realm}?service=${settings.service}&scope=repository:me/files:pull,push`;
  const headers = { authorization: `Basic ${btoa(`${USER.username}:${USER.password}`)}` };
  const { token } = await (await fetch(url, { headers })).json();
  using opened = open(registry, { credentials: { kind: "bearer", token } });
  await opened.store.write(bytesSource(HELLO));
  assert.deepEqual((await registry.requests()).map(({ status }) => status), [202, 201]);
  assert.equal(registry.tokens!.requests.length, 1);
  assertNoSecret(opened.events, token);
});

Deno.test("a token is replaced before it ends", async () => {
  await using fake = await startFakeRegistry({ auth: "bearer", tokens: { lifetime: 300 } });
  using opened = open(fake, { credentials: PASSWORD });
  await opened.store.stat(BLOB);
  opened.clock.pass(265_000);
  await opened.store.stat(BLOB);
  assert.equal(fake.tokens!.requests.length, 1);
  opened.clock.pass(10_000);
  await opened.store.stat(BLOB);
  assert.equal(fake.tokens!.requests.length, 2);
  assert.deepEqual(fake.requests.map(({ status }) => status), [401, 404, 404, 404]);
});

Deno.test("a token that does not say how long it lives is held for less than a minute", async () => {
  await using fake = await startFakeRegistry({ auth: "bearer", tokens: { lifetime: 0, validFor: 300 } });
  using opened = open(fake, { credentials: PASSWORD });
  await opened.store.stat(BLOB);
  opened.clock.pass(25_000);
  await opened.store.stat(BLOB);
  assert.equal(fake.tokens!.requests.length, 1);
  opened.clock.pass(10_000);
  await opened.store.stat(BLOB);
  assert.equal(fake.tokens!.requests.length, 2);
});

Deno.test("a token that is refused in the middle of the work is asked anew, once", async () => {
  await using fake = await startFakeRegistry({ auth: "bearer" });
  fake.storage.addBlob("me/files", HELLO);
  using opened = open(fake, { credentials: PASSWORD });
  await opened.store.stat(BLOB);
  fake.tokens!.revokeAll();
  assert.equal(await opened.store.stat(BLOB), HELLO.length);
  assert.equal(fake.tokens!.requests.length, 2);
  fake.tokens!.settings.validFor = -1;
  fake.tokens!.revokeAll();
  assert.ok(await failure(opened.store.stat(BLOB)) instanceof NotAllowedError);
  assert.equal(fake.tokens!.requests.length, 3);
  assert.deepEqual(opened.clock.waits, []);
});

Deno.test("a token that is refused while a blob is streamed leads to a new upload", async () => {
  await using fake = await startFakeRegistry({ auth: "bearer" });
  const bytes = new Uint8Array(3 * 1024 * 1024).fill(7);
  using opened = open(fake, { credentials: PASSWORD, profile: { push: "stream" } });
  fake.faults.onRequest = ({ method }) => {
    if (method !== "PATCH") return;
    fake.tokens!.revokeAll();
    delete fake.faults.onRequest;
  };
  let sent = 0;
  await opened.store.write(bytesSource(bytes), { onEvent: onSent((count) => void (sent += count)) });
  assert.equal(sent, bytes.length);
  assert.equal(fake.storage.blob("me/files", digestOf(bytes))?.size, bytes.length);
});

Deno.test(
  "a token server of its own host over http is not trusted by a registry on https",
  SIGNED,
  async () => {
    const { makeServerCertificate } = await import("./rigs/certificates.ts");
    const directory = await Deno.makeTempDir();
    const certificate = await makeServerCertificate(directory);
    await Deno.remove(directory, { recursive: true });
    const asked: string[] = [];
    const plain = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
      asked.push(url);
      return Response.json({ token: "t" });
    });
    const tls = { cert: certificate.certificatePem, key: certificate.keyPem };
    const secure = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {}, ...tls }, () => {
      const challenge = `Bearer realm="http://127.0.0.1:${plain.addr.port}/token",service="s"`;
      return new Response(null, { status: 401, headers: { "www-authenticate": challenge } });
    });
    using opened = open({ url: `https://127.0.0.1:${secure.addr.port}` }, {
      credentials: PASSWORD,
      caCerts: [certificate.caPem],
    });
    const error = await failure(opened.store.stat(BLOB));
    assert.match(error.message, /cannot be trusted with a password/);
    assert.deepEqual(asked, []);
    opened[Symbol.dispose]();
    await Promise.all([plain.shutdown(), secure.shutdown()]);
  },
);

/** A registry whose token server answers so. */
async function asking(answer: () => Response, body: (opened: ReturnType<typeof open>) => Promise<void>) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { origin, pathname } = new URL(request.url);
    if (pathname === "/token") return answer();
    const headers = { "www-authenticate": `Bearer realm="${origin}/token",service="s"` };
    return new Response(null, { status: 401, headers });
  });
  using opened = open({ url: `http://127.0.0.1:${server.addr.port}` }, { credentials: PASSWORD });
  await body(opened);
  opened[Symbol.dispose]();
  await server.shutdown();
}

Deno.test("a token server may write null for what it does not say, and the lifetime as text", async () => {
  for (
    const answer of [
      { token: "abc", expires_in: null },
      { token: null, access_token: "abc" },
      { token: "abc", access_token: null, expires_in: "300" },
    ]
  ) {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      if (new URL(request.url).pathname === "/token") return Response.json(answer);
      const challenge = `Bearer realm="${new URL("/token", request.url)}",service="x"`;
      const isSignedIn = request.headers.get("authorization") === "Bearer abc";
      const headers = { "www-authenticate": challenge, "content-length": "5" };
      return new Response(null, { status: isSignedIn ? 200 : 401, headers });
    });
    using opened = open({ url: `http://127.0.0.1:${server.addr.port}` });
    assert.equal(await opened.store.stat(BLOB), 5, JSON.stringify(answer));
    await server.shutdown();
  }
});

Deno.test("a token server that gives no token, nonsense or too much is refused", async () => {
  const answers: [() => Response, new (...args: never[]) => Error][] = [
    [() => Response.json({}), RegistryError],
    [() => Response.json({ token: "" }), RegistryError],
    [() => Response.json({ token: 7 }), RegistryError],
    [() => new Response("<html>", { headers: { "content-type": "text/html" } }), RegistryError],
    [() => Response.json({ token: "x".repeat(100_000) }), RegistryError],
  ];
  for (const [answer, kind] of answers) {
    await asking(answer, async ({ store }) => {
      const error = await failure(store.stat(BLOB));
      assert.ok(error instanceof kind, error.message);
      assert.match(error.message, /token server/);
    });
  }
});

Deno.test("a token server that is busy is asked again", async () => {
  let left = 2;
  const answer = () =>
    left-- > 0
      ? new Response(null, { status: 503, headers: { "retry-after": "3" } })
      : Response.json({ token: "t" });
  await asking(answer, async ({ store, clock }) => {
    assert.ok(await failure(store.stat(BLOB)) instanceof NotAllowedError); // this registry takes no token at all
    assert.deepEqual(clock.waits, [3000, 3000]);
  });
});

Deno.test("one request that is aborted does not take the token away from others", async () => {
  await using fake = await startFakeRegistry({ auth: "bearer" });
  fake.storage.addBlob("me/files", HELLO);
  const server = Promise.withResolvers<void>();
  const aborter = new AbortController();
  let asked = 0;
  const slow = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { origin, pathname } = new URL(request.url);
    if (pathname !== "/token") {
      const authorized = request.headers.get("authorization") === "Bearer t";
      const headers = {
        "www-authenticate": `Bearer realm="${origin}/token",service="s"`,
        "content-length": "5",
      };
      return new Response(null, { status: authorized ? 200 : 401, headers });
    }
    if (++asked === 1) {
      server.resolve();
      await new Promise((resolve) => aborter.signal.addEventListener("abort", resolve));
    }
    return Response.json({ token: "t" });
  });
  using opened = open({ url: `http://127.0.0.1:${slow.addr.port}` });
  const first = failure(opened.store.stat(BLOB, { signal: aborter.signal }));
  await server.promise;
  const second = opened.store.stat(BLOB);
  const learnt = opened.store.stat(BLOB);
  aborter.abort(new Error("stop"));
  assert.equal((await first).message, "stop");
  assert.equal(await second, 5);
  assert.equal(await learnt, 5);
  opened[Symbol.dispose]();
  await slow.shutdown();
});

Deno.test("credentials do not follow a redirect to another origin", async () => {
  for (const auth of ["basic", "bearer"] as const) {
    await using fake = await startFakeRegistry({ auth, faults: { redirectBlobs: 307 } });
    fake.storage.addBlob("me/files", HELLO);
    using opened = open(fake, { credentials: PASSWORD });
    assert.equal(await new Response(await opened.store.read(BLOB)).text(), "hello, registry");
    const elsewhere = fake.requests.filter(({ origin }) => origin === "storage");
    assert.deepEqual(elsewhere.map(({ status, headers }) => [status, headers["authorization"]]), [[
      200,
      undefined,
    ]]);
    const signature = new URLSearchParams(elsewhere[0]!.search).get("signature")!;
    assertNoSecret(opened.events, signature);
  }
});

Deno.test("a bearer token that was given does not follow a redirect to another origin either", async () => {
  await using fake = await startFakeRegistry({ faults: { redirectBlobs: 302 } });
  fake.storage.addBlob("me/files", HELLO);
  using opened = open(fake, { credentials: { kind: "bearer", token: "t" } });
  assert.equal(await new Response(await opened.store.read(BLOB)).text(), "hello, registry");
  const sent = fake.requests.map(({ origin, headers }) => [origin, headers["authorization"]]);
  assert.deepEqual(sent, [["registry", "Bearer t"], ["storage", undefined]]);
});

Deno.test("a 401 of the storage is no question that the password answers", async () => {
  const headers = { "www-authenticate": 'Basic realm="give it to me"' };
  await using fake = await startFakeRegistry({
    auth: "basic",
    faults: { redirectBlobs: 307, failNext: [{ path: /^\/signed/, status: 401, headers, times: 999 }] },
  });
  fake.storage.addBlob("me/files", HELLO);
  using opened = open(fake, { credentials: PASSWORD });
  const error = await failure(opened.store.read(BLOB));
  assert.ok(error instanceof NotAllowedError);
  assert.match(error.hint!, /^the storage refuses what the registry itself has signed/);
  assert.ok(fake.requests.every(({ origin, headers }) => origin === "registry" || !headers["authorization"]));
});

Deno.test("the answer of a registry that does not say how to sign in is closed, also where a token is asked for", async () => {
  const body = "x".repeat(1_000_000);
  await using fake = await startFakeRegistry({ faults: { failNext: [{ status: 401, body, times: 1 }] } });
  const request = { registry: fake.url, repository: "me/files", actions: ["pull"] };
  assert.match((await failure(getToken(request))).message, /does not say how to sign in/);
});

Deno.test("a registry that answers 401 and no more is not allowed", async () => {
  await using fake = await startFakeRegistry({ faults: { failNext: [{ status: 401, times: 2 }] } });
  using opened = open(fake);
  assert.match((await failure(opened.store.stat(BLOB))).message, /does not say how to sign in/);
});
