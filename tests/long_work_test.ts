/** Long work: connections that fall silent, tokens that end on the way, clocks that are wrong, networks that are lost. @module */
import assert from "node:assert/strict";
import net, { type AddressInfo } from "node:net";
import { once } from "node:events";
import { StreamCutter } from "../lib/content/stream_source.ts";
import { bytesSource } from "../lib/content/source.ts";
import { NotAllowedError, RegistryError } from "../lib/errors.ts";
import { DEFAULT_RETRY_POLICY } from "../lib/async/retry.ts";
import type { HttpRequest } from "../lib/http/request.ts";
import { openTransport } from "../lib/http/transport.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { receive } from "../lib/transfer/receive.ts";
import { someBytes, streamOf } from "./rigs/content.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { failure, open } from "./rigs/opened.ts";
import { USER } from "./rigs/user.ts";

const HELLO = new TextEncoder().encode("hello, registry");
const BLOB = digestOf(HELLO);
const MiB = 1024 ** 2;
const LARGE = someBytes(3 * MiB + 7);
const PASSWORD = { kind: "password", username: USER.username, password: USER.password } as const;
const YEAR = 365 * 24 * 3_600_000;
/** More than the buffers between two sockets of this machine hold. */
const TOO_MUCH = 64 * MiB;

/** Waits by the system's clock: for sockets that are silent there is no other. */
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A server that does with each connection what it is told to, and knows when they are closed. */
async function rawServer(handle: (socket: net.Socket, count: number) => void) {
  const sockets: net.Socket[] = [];
  const closed: Promise<unknown>[] = [];
  const server = net.createServer((socket) => {
    closed.push(new Promise((resolve) => socket.once("close", resolve)));
    socket.on("error", () => {});
    handle(socket, sockets.push(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}`,
    sockets,
    /** Resolves when the other side has closed every connection. */
    allClosed: () => Promise.all(closed),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

Deno.test("an answer that drips without end is given up", async () => {
  await using server = await rawServer((socket) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 4000000\r\n\r\n{");
    const drip = setInterval(() => socket.write(" "), 10);
    socket.once("close", () => clearInterval(drip));
  });
  using opened = open(server, { timeouts: { stall: 400 }, retry: { attempts: 1 } });
  const error = await failure(opened.store.manifest("dripping"));
  assert.match(
    error.message,
    /^hardly anything came from \S+ for .+, at the request for the manifest dripping$/,
  );
  assert.ok(error instanceof RegistryError && error.transient);
});

/** Sends one request to a server, and gives the error of it. */
async function silenceOf(
  server: { url: string; allClosed(): Promise<unknown> },
  request: Partial<HttpRequest>,
  timeouts: Record<string, number>,
): Promise<RegistryError> {
  const transport = openTransport({ timeouts });
  const url = new URL("/v2/x", server.url);
  const error = await failure(transport.send({ method: "POST", url, headers: new Headers(), ...request }));
  await server.allClosed(); // before the transport is: the silent connection is not left open
  transport.close();
  assert.ok(error instanceof RegistryError && error.transient, Deno.inspect(error));
  return error;
}

/** A body that is never waited for. */
function pieces(size: number): ReadableStream<Uint8Array<ArrayBuffer>> & { letGo: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = size / 262_144;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => left-- > 0 ? controller.enqueue(new Uint8Array(262_144)) : controller.close(),
    cancel: () => resolve(),
  }, { highWaterMark: 0 });
  return Object.assign(stream, { letGo: promise });
}

for (
  const [kind, size] of [["with its length", TOO_MUCH], ["in pieces", undefined], [
    "from memory",
    null,
  ]] as const
) {
  Deno.test(`a body sent ${kind} that nobody takes any more is given up`, async () => {
    await using server = await rawServer((socket) => void socket.once("data", () => socket.pause()));
    const stream = pieces(TOO_MUCH);
    const body = size === null ? new Uint8Array(TOO_MUCH) : { stream, size };
    const what = "a part of a blob";
    const started = performance.now();
    const silent = { ...server, allClosed: () => Promise.resolve(server.sockets[0]!.resume()) };
    const error = await silenceOf(silent, { method: "PATCH", body, what }, { stall: 150, answer: 60_000 });
    assert.equal(
      error.message,
      `nothing went out to ${server.host} for 0.15 seconds, at the request for ${what}`,
    );
    assert.ok(performance.now() - started >= 140);
    if (size !== null) await stream.letGo;
    await server.allClosed();
  });
}

Deno.test("a connection that moves is not given up, however slow it is", async () => {
  await using server = await rawServer((socket) => {
    let taken = 0;
    let allowed = 2 * MiB;
    const timer = setInterval(() => {
      allowed += 2 * MiB;
      socket.resume();
    }, 150);
    socket.on("close", () => clearInterval(timer)).on("data", (piece) => {
      taken += piece.length;
      if (taken >= 24 * MiB) socket.write("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n");
      else if (taken >= allowed) socket.pause();
    });
  });
  for (const body of [{ stream: pieces(24 * MiB), size: 24 * MiB }, new Uint8Array(24 * MiB)]) {
    const transport = openTransport({ timeouts: { stall: 1500, answer: 1500 } });
    const started = performance.now();
    const request = { method: "PATCH", url: new URL(server.url), headers: new Headers(), body };
    const answer = await transport.send(request);
    assert.equal(answer.status, 201);
    assert.ok(performance.now() - started > 1500, "it took longer than any of the limits");
    transport.close();
  }
});

Deno.test("an answer that comes byte by byte is not given up", async () => {
  await using server = await rawServer((socket) => {
    socket.once("data", async () => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n");
      for (const byte of "slowly 1") {
        await pause(40);
        socket.write(byte);
      }
    });
  });
  for (const insecureSkipTlsVerify of [false, true]) {
    const transport = openTransport({ insecureSkipTlsVerify, timeouts: { stall: 300, answer: 300 } });
    const request = { method: "GET", url: new URL(server.url), headers: new Headers() };
    assert.equal(await (await transport.send(request)).text(), "slowly 1");
    transport.close();
  }
});

Deno.test("a source that has nothing to say for a while is no stall", async () => {
  await using fake = await startFakeRegistry();
  for (const push of ["parts", "stream"] as const) {
    using opened = open(fake, {
      profile: { push },
      timeouts: { connect: 300, stall: 300, answer: 300, store: 300 },
    });
    const slow = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (let at = 0; at < LARGE.length; at += MiB) {
          if (at < 2 * MiB) await pause(400);
          controller.enqueue(LARGE.slice(at, at + MiB));
        }
        controller.close();
      },
    });
    const { digest } = await opened.store.write(new StreamCutter(slow).take(10 * MiB));
    assert.equal(digest, digestOf(LARGE));
    assert.equal(opened.events.filter(({ type }) => type === "retry").length, 0);
  }
});

const LIMITS = { connect: 60_000, stall: 60_000, answer: 60_000, store: 60_000, commit: 60_000 };

for (
  const [method, answerWithin, insecureSkipTlsVerify] of [
    ["GET", undefined, false],
    ["GET", undefined, true],
    ["HEAD", "answer", false],
    ["POST", "answer", false],
    ["DELETE", undefined, false],
    ["PATCH", "store", false],
    ["PUT", "commit", false],
  ] as const
) {
  Deno.test(`a ${method} that is not answered is given up${insecureSkipTlsVerify ? ", whatever its certificate" : ""}`, async () => {
    await using server = await rawServer((socket) => void socket.resume());
    const timeouts = { ...LIMITS, [answerWithin ?? "answer"]: 60 };
    const transport = openTransport({ timeouts, insecureSkipTlsVerify });
    const url = new URL("/v2/x", server.url);
    const body = ["PATCH", "PUT"].includes(method) ? HELLO : undefined;
    const error = await failure(transport.send({ method, url, headers: new Headers(), body, answerWithin }));
    assert.ok(error instanceof RegistryError && error.transient && error.status === 0);
    assert.equal(error.message, `no answer came from ${server.host} for 0.06 seconds, at a ${method}`);
    await server.allClosed();
    transport.close();
  });
}

Deno.test("a connection that never stands is given up", async () => {
  await using server = await rawServer((socket) => void socket.resume()); // and never speaks TLS
  const url = new URL(server.url.replace("http:", "https:"));
  const timeouts = { ...LIMITS, connect: 60 };
  const body = { stream: pieces(MiB), size: MiB };
  const error = await silenceOf(server, { method: "PATCH", url, body, what: "an upload" }, timeouts);
  assert.match(
    error.message,
    /^there was no connection to \S+ for 0\.06 seconds, at the request for an upload$/,
  );
});

Deno.test("connections that idled beside one that fell silent are not used again", async () => {
  for (const method of ["POST", "GET"]) {
    let dead = 0;
    await using server = await rawServer((socket, count) => {
      socket.on("data", () => {
        if (count > dead) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
      });
    });
    const transport = openTransport({ timeouts: { ...LIMITS, answer: 300 } });
    const send = () => transport.send({ method, url: new URL(server.url), headers: new Headers() });
    for (const answer of await Promise.all([send(), send(), send()])) await answer.arrayBuffer();
    dead = server.sockets.length; // as after a sleep
    assert.equal(dead, 3);
    await failure(send());
    const answer = await send();
    assert.deepEqual([answer.status, await answer.text()], [200, ""]);
    transport.close();
  }
});

Deno.test("the end of an upload may take longer than any other answer", async () => {
  await using fake = await startFakeRegistry({ faults: { onCommit: () => pause(400).then(() => {}) } });
  for (const push of ["parts", "stream", "put"] as const) {
    const bytes = someBytes(2 * MiB, push.length);
    using opened = open(fake, {
      profile: { push },
      timeouts: { stall: 300, answer: 300, store: 300, commit: 60_000 },
    });
    await opened.store.write(bytesSource(bytes));
    assert.equal(opened.events.filter(({ type }) => type === "retry").length, 0, push);
  }
});

Deno.test("a part may take longer than other answers, and a manifest too", async () => {
  await using fake = await startFakeRegistry({
    faults: {
      onRequest: ({ method }) => ["PATCH", "PUT"].includes(method) ? pause(400).then(() => {}) : undefined,
    },
  });
  using opened = open(fake, { timeouts: { stall: 300, answer: 300, store: 60_000, commit: 60_000 } });
  const { digest } = await opened.store.write(bytesSource(LARGE));
  assert.equal(await opened.store.stat(digest), LARGE.length);
  assert.equal(opened.events.filter(({ type }) => type === "retry").length, 0);
});

Deno.test("an end of an upload that is never answered is looked after, and not sent in vain", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using fake = await startFakeRegistry({ faults: { onCommit: () => promise } });
  using opened = open(fake, { timeouts: { commit: 100 } });
  const { digest } = await opened.store.write(bytesSource(LARGE));
  assert.equal(fake.storage.blob("me/files", digest)?.size, LARGE.length);
  assert.equal(fake.requests.filter(({ method }) => method === "PUT").length, 1);
  resolve();
});

Deno.test("a stall in the middle of an upload costs no more than what was on its way", async () => {
  await using fake = await startFakeRegistry({
    faults: { breakUpload: { after: 2 * MiB, times: 1, how: "stall" } },
  });
  using opened = open(fake, { profile: { push: "stream" }, timeouts: { stall: 400, store: 400 } });
  const { digest } = await opened.store.write(bytesSource(LARGE));
  assert.equal(digest, digestOf(LARGE));
  const went = fake.requests.filter(({ method }) => method === "PATCH").map(({ received }) => received);
  assert.equal(went.length, 2);
  assert.ok(went[1]! <= MiB + 7, `${went}`);
});

/** A registry that begins this answer to every request, and never ends it. */
async function unending(head: string, begin = "{") {
  return await rawServer((socket) => {
    socket.once("data", () => socket.write(`HTTP/1.1 ${head}\r\ncontent-length: 1000\r\n\r\n${begin}`));
  });
}

Deno.test("small answers that never end are given up: manifests, tags, blobs, errors", async () => {
  await using server = await unending("200 OK");
  using opened = open(server, { timeouts: { stall: 60 }, retry: { attempts: 1 } });
  const uses = [
    () => opened.store.manifest("disk-1"),
    () => Array.fromAsync(opened.store.tags()),
    async () => await new Response(await opened.store.read(BLOB)).bytes(),
  ];
  for (const use of uses) {
    const error = await failure(use());
    assert.ok(error instanceof RegistryError && error.transient);
    assert.match(
      error.message,
      new RegExp(`^nothing came from ${server.host} for 0.06 seconds, at the request for`),
    );
  }
  await server.allClosed();
  await using failing = await unending("400 Bad Request");
  using other = open(failing, { timeouts: { stall: 60 }, retry: { attempts: 1 } });
  assert.match(
    (await failure(other.store.manifest("disk-1"))).message,
    /answered 400 .* the manifest disk-1$/,
  );
  await failing.allClosed();
});

Deno.test("a download that falls silent goes on where it stood", async () => {
  await using fake = await startFakeRegistry({
    faults: { breakDownload: { after: MiB, times: 2, how: "stall" } },
  });
  const digest = fake.storage.addBlob("me/files", LARGE);
  using opened = open(fake, { timeouts: { stall: 300 } });
  let received = 0;
  await receive(opened.store, {
    digest,
    size: LARGE.length,
    sink: (bytes, offset) => {
      assert.equal(offset, received);
      received += bytes.length;
    },
    onEvent: (event) => void opened.events.push(event),
  });
  assert.equal(received, LARGE.length);
  const reasons = opened.events.flatMap((event) => event.type === "retry" ? [event.reason] : []);
  assert.deepEqual(reasons, [1, 2].map(() => `nothing came from ${fake.host} for 0.3 seconds`));
});

/** A registry that wants tokens, and its token server, which is the first handler. */
function withTokenServer(
  give: (count: number) => Response | Promise<Response>,
  answer: (request: Request, authorized: boolean) => Response | Promise<Response>,
) {
  let count = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/token") return give(++count);
    return answer(request, request.headers.get("authorization") === `Bearer t${count}`);
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const challenge = () =>
    new Response(null, {
      status: 401,
      headers: { "www-authenticate": `Bearer realm="${url}/token",service="s"` },
    });
  return { url, challenge, asked: () => count, [Symbol.asyncDispose]: () => server.shutdown() };
}

const there = () => new Response(null, { headers: { "content-length": String(HELLO.length) } });

Deno.test("a token server that falls silent is asked again", async () => {
  await using registry = withTokenServer(
    (count) => {
      if (count > 2) return Response.json({ token: `t${count}` });
      if (count === 1) return pause(500).then(() => Response.json({ token: "too late" }));
      const begun = new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("{")),
      });
      return new Response(begun);
    },
    (_, authorized) => authorized ? there() : registry.challenge(),
  );
  using opened = open(registry, { credentials: PASSWORD, timeouts: { answer: 300, stall: 300 } });
  assert.equal(await opened.store.stat(BLOB), HELLO.length);
  assert.equal(registry.asked(), 3);
  const reasons = opened.events.flatMap((event) => event.type === "retry" ? [event.reason] : []);
  assert.match(reasons[0]!, /^no answer came from \S+ for 0.3 seconds, at the request for a token$/);
  assert.match(reasons[1]!, /^nothing came from \S+ for 0.3 seconds, at the request for a token$/);
  opened[Symbol.dispose]();
});

Deno.test("a token server that is busy in the middle of an upload does not end it", async () => {
  await using fake = await startFakeRegistry({ auth: "bearer", tokens: { uses: 3 } });
  using opened = open(fake, { credentials: PASSWORD, profile: { partSize: MiB } });
  fake.faults.onRequest = ({ method }) => {
    if (method !== "PATCH") return;
    fake.tokens!.settings.refuseGet = 503;
    fake.tokens!.settings.refusePost = 503;
    delete fake.faults.onRequest;
  };
  let left = 5;
  const { sleep } = opened.clock;
  opened.clock.sleep = (...wait) => {
    if (--left === 0) delete fake.tokens!.settings.refuseGet;
    return sleep(...wait);
  };
  const { digest } = await opened.store.write(bytesSource(LARGE));
  assert.equal(digest, digestOf(LARGE));
  assert.ok(fake.tokens!.requests.some(({ status }) => status === 503));
});

for (const push of ["parts", "stream", "put"] as const) {
  Deno.test(`tokens that end on the way do not end an upload: ${push}, of a file`, async () => {
    await using fake = await startFakeRegistry({ auth: "bearer", tokens: { uses: 2 } });
    using opened = open(fake, { credentials: PASSWORD, profile: { push, partSize: MiB } });
    const { digest } = await opened.store.write(bytesSource(LARGE));
    assert.equal(digest, digestOf(LARGE));
    assert.equal(fake.storage.blob("me/files", digest)?.size, LARGE.length);
    const bodies = fake.requests.filter(({ method, status }) =>
      method !== "GET" && status < 300 && status > 0
    );
    const received = bodies.reduce((sum, request) => sum + request.received, 0);
    assert.equal(received, LARGE.length, "nothing was taken twice");
  });
}

Deno.test("tokens that end on the way do not end an upload: parts, of standard input", async () => {
  await using fake = await startFakeRegistry({ auth: "bearer", tokens: { uses: 1 } });
  using opened = open(fake, { credentials: PASSWORD, profile: { push: "parts", partSize: MiB } });
  const { digest } = await opened.store.write(new StreamCutter(streamOf(LARGE, 100_000)).take(10 * MiB));
  assert.equal(digest, digestOf(LARGE));
  assert.equal(fake.storage.blob("me/files", digest)?.size, LARGE.length);
  assert.equal(fake.tokens!.requests.length, 6, "one for each request that passed");
});

Deno.test("a token that ends while standard input streams is replaced for the end of the upload", async () => {
  for (const how of ["its time is over", "it is taken back"]) {
    await using fake = await startFakeRegistry({ auth: "bearer", tokens: { lifetime: 60 } });
    using opened = open(fake, { credentials: PASSWORD, profile: { push: "stream" } });
    let pulled = 0;
    const stream = streamOf(LARGE, 100_000).pipeThrough(
      new TransformStream({
        async transform(piece, controller) {
          controller.enqueue(piece);
          if (++pulled !== 20) return;
          while (!fake.requests.some(({ received }) => received > 0)) await pause(1); // until it was let in
          fake.tokens!.revokeAll();
          if (how === "its time is over") opened.clock.pass(61_000);
        },
      }),
    );
    const { digest } = await opened.store.write(new StreamCutter(stream).take(10 * MiB));
    assert.equal(fake.storage.blob("me/files", digest)?.size, LARGE.length);
    assert.equal(fake.tokens!.requests.length, 2);
    const refused = fake.requests.filter(({ status }) => status === 401).length;
    assert.equal(refused, how === "its time is over" ? 1 : 2);
  }
});

/** Runs something while the wall clock goes wrong by so much. */
async function withWrongClock(by: number, run: () => Promise<void>): Promise<void> {
  const { now } = Date;
  Date.now = () => now() + by;
  try {
    await run();
  } finally {
    Date.now = now;
  }
}

for (const [way, by] of [["back", -YEAR], ["forward", YEAR]] as const) {
  Deno.test(`a token lives as long as it should though the clock is set ${way} by a year`, async () => {
    const issued = "1999-01-01T00:00:00Z"; // whatever the server believes
    await using registry = withTokenServer(
      (count) => Response.json({ token: `t${count}`, expires_in: 300, issued_at: issued }),
      (_, authorized) => authorized ? there() : registry.challenge(),
    );
    using opened = open(registry, { credentials: PASSWORD });
    await opened.store.stat(BLOB);
    await withWrongClock(by, async () => {
      await opened.store.stat(BLOB);
      assert.equal(registry.asked(), 1);
      opened.clock.pass(299_000);
      await opened.store.stat(BLOB);
      assert.equal(registry.asked(), 2);
    });
    opened[Symbol.dispose]();
  });

  Deno.test(`a date to come back at is understood though the clock is ${way} by a year`, async () => {
    const date = new Date().toUTCString();
    const later = new Date(Date.parse(date) + 100_000).toUTCString();
    const headers = { date, "retry-after": later };
    await using fake = await startFakeRegistry({
      faults: { failNext: [{ status: 429, headers, times: 1 }] },
    });
    using opened = open(fake);
    await withWrongClock(by, async () => assert.equal(await opened.store.stat(BLOB), undefined));
    assert.deepEqual(opened.clock.waits, [100_000]);
  });
}

Deno.test("a token that a sleep has outlived is replaced, once for all who need it", async () => {
  await using fake = await startFakeRegistry({ auth: "bearer" });
  fake.storage.addBlob("me/files", HELLO);
  using opened = open(fake, { credentials: PASSWORD });
  await opened.store.stat(BLOB);
  fake.tokens!.revokeAll(); // by this machine's clock no time has passed
  const sizes = await Promise.all(Array.from({ length: 8 }, () => opened.store.stat(BLOB)));
  assert.deepEqual(new Set(sizes), new Set([HELLO.length]));
  assert.equal(fake.tokens!.requests.length, 2);
});

Deno.test("a token server that has one token for each user is not asked for every request", async () => {
  let valid = true;
  await using registry = withTokenServer(
    () => (valid = true, Response.json({ token: "always-the-same" })),
    ({ headers }) => headers.get("authorization") && valid ? there() : registry.challenge(),
  );
  using opened = open(registry, { credentials: PASSWORD });
  await opened.store.stat(BLOB);
  valid = false;
  for (let count = 0; count < 3; count++) assert.equal(await opened.store.stat(BLOB), HELLO.length);
  assert.equal(registry.asked(), 2);
  opened[Symbol.dispose]();
});

Deno.test("a registry that takes no token, however fresh, is not asked for ever", async () => {
  await using fake = await startFakeRegistry({ auth: "bearer" });
  const challenge = `Bearer realm="${fake.tokens!.realm}",service="layerstash-tests"`;
  const refuse = (method: string) => {
    fake.faults.failNext = [{ method, status: 401, headers: { "www-authenticate": challenge }, times: 999 }];
  };
  for (const push of ["parts", "stream", "put"] as const) {
    refuse(push === "put" ? "PUT" : "PATCH");
    using opened = open(fake, { credentials: PASSWORD, profile: { push, partSize: 2 * MiB } });
    const before = fake.requests.length;
    const error = await failure(opened.store.write(bytesSource(LARGE)));
    assert.ok(error instanceof NotAllowedError, `${push}: ${error.message}`);
    assert.match(error.hint ?? "", /accepts none of the tokens/);
    assert.ok(
      fake.requests.length - before <= 4 * DEFAULT_RETRY_POLICY.attempts,
      `${fake.requests.length - before}`,
    );
  }
  refuse("HEAD");
  using opened = open(fake, { credentials: PASSWORD });
  const before = fake.requests.length;
  assert.ok(await failure(opened.store.stat(BLOB)) instanceof NotAllowedError);
  assert.equal(fake.requests.length - before, 2);
});

Deno.test("a password or a token of the user's own that is refused is not sent again", async () => {
  for (
    const credentials of [{ ...PASSWORD, password: "wrong" }, { kind: "bearer", token: "wrong" }] as const
  ) {
    await using fake = await startFakeRegistry({ auth: credentials.kind === "bearer" ? "bearer" : "basic" });
    using opened = open(fake, { credentials, profile: { push: "stream" } });
    assert.ok(await failure(opened.store.stat(BLOB)) instanceof NotAllowedError);
    assert.ok(await failure(opened.store.write(bytesSource(LARGE))) instanceof NotAllowedError);
    const sent = fake.requests.filter(({ headers }) => headers["authorization"]);
    assert.equal(sent.length, 2);
    assert.deepEqual(opened.clock.waits, []);
  }
});

Deno.test("a network that is away for minutes in the middle of an upload does not end it", async () => {
  for (const push of ["parts", "stream", "put"] as const) {
    await using fake = await startFakeRegistry();
    using opened = open(fake, { profile: { push, partSize: MiB } });
    await opened.store.stat(BLOB);
    fake.faults.onRequest = ({ method }) => {
      if (method !== "PATCH" && method !== "PUT") return;
      fake.faults.failNext = [{ status: 0, times: 2 * DEFAULT_RETRY_POLICY.attempts }];
      delete fake.faults.onRequest;
    };
    const { digest } = await opened.store.write(bytesSource(LARGE));
    assert.equal(fake.storage.blob("me/files", digest)?.size, LARGE.length);
    assert.equal(fake.faults.failNext![0]!.times, 0);
    assert.ok(opened.clock.now() > 60_000 && opened.clock.now() < DEFAULT_RETRY_POLICY.longestOutage);
  }
});
