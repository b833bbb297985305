/** Connections: TLS, proxies, bodies and their ends. @module */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import net, { type AddressInfo } from "node:net";
import { type InvalidInputError, RegistryError } from "../lib/errors.ts";
import { bytesSource } from "../lib/content/source.ts";
import { digestOf } from "../lib/oci/digest.ts";
import type { OpenOptions } from "../lib/open/open_store.ts";
import { namesProxy, proxyOf } from "../lib/http/proxies.ts";
import type { HttpRequest } from "../lib/http/request.ts";
import type { Store } from "../lib/store/store.ts";
import { openTransport } from "../lib/http/transport.ts";
import { makeServerCertificate, type ServerCertificate } from "./rigs/certificates.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { failure, open } from "./rigs/opened.ts";
import { errorOfNoAnswer } from "../lib/http/answers.ts";
import { startProxy } from "./rigs/proxy.ts";
import { onLinux } from "./rigs/system.ts";
import { startRegistry } from "./rigs/real_registry.ts";

const OPENSSL = { ignore: !await ensureTool("openssl", "openssl") };
const REAL = { ignore: OPENSSL.ignore || !await ensureTool("docker-registry", "docker-registry") };

/** Larger than what goes up with one PUT. */
const LARGE = new Uint8Array(2 * 1024 * 1024 + 7).fill(1);
const SMALL = new TextEncoder().encode("hello, registry");

async function certificate(): Promise<ServerCertificate> {
  const directory = await Deno.makeTempDir();
  try {
    return await makeServerCertificate(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Writes and reads, in each way that bytes go. */
async function useAll(store: Store): Promise<void> {
  for (const bytes of [SMALL, LARGE]) {
    const { digest } = await store.write(bytesSource(bytes));
    assert.equal(await store.stat(digest), bytes.length);
    assert.deepEqual(new Uint8Array(await new Response(await store.read(digest)).arrayBuffer()), bytes);
  }
}

Deno.test("a registry whose authority is not known is refused, with a hint", REAL, async () => {
  await using registry = await startRegistry({ tls: true });
  using opened = open(registry);
  for (
    const use of [() => opened.store.stat(digestOf(SMALL)), () => opened.store.write(bytesSource(SMALL))]
  ) {
    const error = await failure(use());
    assert.match(error.message, new RegExp(`^${registry.host} shows a certificate that is not trusted`));
    assert.match(error.hint ?? "", /--ca-file/);
  }
  assert.deepEqual(opened.clock.waits, []);
});

Deno.test("an authority that is named is trusted", REAL, async () => {
  await using registry = await startRegistry({ tls: true });
  for (const push of ["parts", "stream", "put"] as const) {
    using opened = open(registry, { caCerts: [registry.certificate!.caPem], profile: { push } });
    await useAll(opened.store);
  }
});

Deno.test("any certificate is taken on request", REAL, async () => {
  await using registry = await startRegistry({ tls: true });
  using opened = open(registry, { insecureSkipTlsVerify: true });
  await useAll(opened.store);
  assert.equal(await opened.store.manifest("nothing"), undefined);
});

Deno.test("an authority that is named does not take the place of the system's", OPENSSL, async () => {
  const [system, named] = [await certificate(), await certificate()];
  await using fake = await startFakeRegistry({ certificate: system });
  const systemFile = await Deno.makeTempFile();
  await Deno.writeTextFile(systemFile, system.caPem);
  const env = { NODE_EXTRA_CA_CERTS: systemFile };
  const options = { caCerts: [named.caPem] };
  assert.equal(await inProcess(fake.url, { env, options }), "written and read");
  await Deno.remove(systemFile);
});

Deno.test("who may do no more than speak to the registry can still trust an authority", OPENSSL, async () => {
  const trusted = await certificate();
  await using fake = await startFakeRegistry({ certificate: trusted });
  const permissions = ["--allow-net", "--allow-env"];
  const options = { caCerts: [trusted.caPem] };
  assert.equal(await inProcess(fake.url, { env: {}, options, permissions }), "written and read");
});

Deno.test("a registry that speaks plain http says so when it is addressed with https", async () => {
  await using fake = await startFakeRegistry();
  using opened = open({ url: fake.url.replace("http:", "https:") });
  const insecure = open({ url: fake.url.replace("http:", "https:") }, { insecureSkipTlsVerify: true });
  using _ = insecure;
  for (const { store } of [opened, insecure]) {
    for (const use of [() => store.stat(digestOf(SMALL)), () => store.write(bytesSource(SMALL))]) {
      const error = await failure(use());
      assert.equal(error.message, `${fake.host} does not speak TLS`);
      assert.match(error.hint ?? "", new RegExp(`say so in its name: http://${fake.host}$`));
    }
  }
});

Deno.test("a registry that speaks TLS does not understand plain http", OPENSSL, async () => {
  await using fake = await startFakeRegistry({ certificate: await certificate() });
  using opened = open({ url: fake.url.replace("https:", "http:") });
  assert.ok(await failure(opened.store.stat(digestOf(SMALL))) instanceof RegistryError);
});

Deno.test("nothing leads from https to http", OPENSSL, async () => {
  const plain = await startFakeRegistry();
  await using fake = await startFakeRegistry({ certificate: await certificate() });
  const digest = fake.storage.addBlob("me/files", SMALL);
  const location = `${plain.url}/signed/${digest}?signature=secret-signature`;
  fake.faults.failNext = [{ method: "GET", status: 307, headers: { location }, times: 9 }];
  using opened = open(fake, { insecureSkipTlsVerify: true });
  const error = await failure(opened.store.read(digest), "secret-signature");
  assert.match(error.message, /redirects from https to http/);
  const elsewhere = { location: location.replace("127.0.0.1", "localhost") };
  fake.faults.failNext = [{ method: "POST", status: 202, headers: elsewhere, times: 9 }];
  const refused = await failure(opened.store.write(bytesSource(LARGE)), "secret-signature");
  assert.match(refused.message, /from https to http/);
  assert.deepEqual(plain.requests, []);
  await plain[Symbol.asyncDispose]();
});

Deno.test("a redirect that never ends is left", async () => {
  await using fake = await startFakeRegistry();
  const location = "/v2/me/files/blobs/again";
  fake.faults.failNext = [{ status: 302, headers: { location }, times: 100 }];
  using opened = open(fake);
  assert.match((await failure(opened.store.read(digestOf(SMALL)))).message, /redirects more than 5 times/);
  assert.equal(fake.requests.length, 6);
});

const PROXY = "http://proxy.test:3128/";

Deno.test("the environment names a proxy for each scheme", () => {
  const cases: [scheme: string, env: Record<string, string>, expected: string | undefined][] = [
    ["https:", {}, undefined],
    ["https:", { HTTPS_PROXY: "" }, undefined],
    ["https:", { HTTPS_PROXY: "http://proxy.test:3128" }, PROXY],
    ["https:", { https_proxy: "http://proxy.test:3128", HTTPS_PROXY: "http://other.test" }, PROXY],
    ["https:", { https_proxy: "", HTTPS_PROXY: "http://proxy.test:3128" }, PROXY],
    ["https:", { HTTPS_PROXY: "proxy.test:3128" }, PROXY],
    ["https:", { HTTP_PROXY: "http://proxy.test:3128" }, undefined],
    ["http:", { HTTP_PROXY: "http://proxy.test:3128" }, PROXY],
    ["http:", { HTTPS_PROXY: "http://proxy.test:3128" }, undefined],
    ["http:", { ALL_PROXY: "http://proxy.test:3128" }, PROXY],
    ["https:", { all_proxy: "http://proxy.test:3128" }, PROXY],
    ["https:", { HTTPS_PROXY: "http://proxy.test:3128", ALL_PROXY: "http://other.test" }, PROXY],
  ];
  for (const [scheme, env, expected] of cases) {
    const url = new URL(`${scheme}//registry.example.com`);
    assert.equal(proxyOf(url, env), expected, `${scheme} ${JSON.stringify(env)}`);
  }
  for (const wrong of ["socks5://me:open-sesame@proxy.test", "http://", "http://me:open-sesame@:80"]) {
    const env = { HTTPS_PROXY: wrong };
    assert.equal(proxyOf(new URL("https://localhost"), env), undefined, "it is not needed");
    assert.throws(() => proxyOf(new URL("https://registry.example.com"), env), (error: InvalidInputError) => {
      assert.ok(!Deno.inspect(error).includes("open-sesame"));
      return error.kind === "usage";
    }, wrong);
  }
});

Deno.test("a proxy is one where the environment names any", () => {
  for (const name of ["HTTP_PROXY", "https_proxy", "ALL_PROXY"]) assert.ok(namesProxy({ [name]: "x" }), name);
  for (const env of [{}, { HTTP_PROXY: "" }, { NO_PROXY: "*" }]) assert.ok(!namesProxy(env));
});

Deno.test("NO_PROXY names hosts, what is below them, and ports; this machine is always asked directly", () => {
  const bypasses = (url: string, noProxy?: string) =>
    proxyOf(new URL(url), { ALL_PROXY: PROXY, NO_PROXY: noProxy }) === undefined;
  const url = "https://registry.example.com/v2/";
  for (
    const entry of [
      "*",
      "registry.example.com",
      "REGISTRY.example.com",
      "example.com",
      ".example.com",
      "*.example.com",
      "com",
      "registry.example.com:443",
      "other.test, registry.example.com",
      "other.test registry.example.com",
    ]
  ) assert.ok(bypasses(url, entry), entry);
  for (
    const entry of [
      undefined,
      "",
      " ",
      ",",
      "other.test",
      "ample.com",
      "registry.example.com:5000",
      "registry",
    ]
  ) assert.ok(!bypasses(url, entry), `${entry}`);
  assert.ok(bypasses("http://registry.example.com:5000/", "registry.example.com:5000"));
  assert.ok(!bypasses("http://registry.example.com/", "registry.example.com:443"));
  assert.ok(bypasses("http://10.0.0.7:5000/", "10.0.0.7"));
  for (
    const entry of ["10.0.0.0/8", "10.0.0.7/32", "0.0.0.0/0", "10.0.0.7:5000", "other.test, 10.0.0.6/31"]
  ) {
    assert.ok(bypasses("http://10.0.0.7:5000/", entry), entry);
  }
  for (
    const entry of [
      "10.0.0.0/33",
      "11.0.0.0/8",
      "10.0.0.0/",
      "10.0.0.256/8",
      "::/0",
      "10.0.0.7:443",
      "0.0.0.7",
    ]
  ) {
    assert.ok(!bypasses("http://10.0.0.7:5000/", entry), entry);
  }
  for (const entry of ["fd12::5", "fd12::/16", "FD12:0:0::5", "[fd12::5]", "[fd12::5]:5000", "::/0"]) {
    assert.ok(bypasses("http://[fd12::5]:5000/", entry), entry);
  }
  for (const entry of ["fd12::6", "fd13::/16", "[fd12::5]:443", "fd12::/129", "0.0.0.0/0"]) {
    assert.ok(!bypasses("http://[fd12::5]:5000/", entry), entry);
  }
  assert.ok(!bypasses("http://registry.example.com/", "10.0.0.0/8"));
  for (const here of ["http://localhost:5000", "http://127.0.0.1:5000", "https://[::1]:5000"]) {
    assert.ok(bypasses(here), here);
  }
});

/** Uses a registry in a process of its own, with this environment, and says how that went. */
async function inProcess(
  registry: string,
  { env, options = {}, permissions = ["-A"] }: {
    env: Record<string, string>;
    options?: Partial<OpenOptions>;
    permissions?: string[];
  },
): Promise<string> {
  const script = `
    import { bytesSource } from ${JSON.stringify(import.meta.resolve("../lib/content/source.ts"))};
    import { openStore } from ${JSON.stringify(import.meta.resolve("../lib/open/open_store.ts"))};
    using store = openStore({
      registry: ${JSON.stringify(registry)},
      repository: "me/files",
      retry: { attempts: 1 },
      proxyEnv: Deno.env.toObject(),
      ...${JSON.stringify(options)},
    });
    try {
      const { digest } = await store.write(bytesSource(new Uint8Array(2 * 1024 * 1024)));
      await store.stat(digest);
      const read = await new Response(await store.read(digest)).bytes();
      console.log(read.length === 2 * 1024 * 1024 ? "written and read" : "other bytes");
    } catch (error) {
      console.log(error.message);
    }`;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", ...permissions, "--frozen", "--no-prompt", "--no-check", "-"],
    cwd: new URL("..", import.meta.url),
    env: { ...noProxy(), ...env },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  await new Blob([script]).stream().pipeTo(command.stdin);
  const { stdout } = await command.output();
  return new TextDecoder().decode(stdout).trim();
}

/** The proxies of the machine that the tests run on are none of theirs. */
function noProxy(): Record<string, string> {
  const names = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];
  return Object.fromEntries(names.flatMap((name) => [[name, ""], [name.toUpperCase(), ""]]));
}

Deno.test("everything goes through the proxy that HTTP_PROXY names", async () => {
  await using fake = await startFakeRegistry({ faults: { locations: "relative" } });
  await using proxy = await startProxy();
  const { port } = new URL(fake.url);
  const env = { HTTP_PROXY: proxy.url.replace("//", "//me:sesame@") };
  assert.equal(await inProcess(`http://registry.test:${port}`, { env }), "written and read");
  assert.equal(proxy.asked.length, fake.requests.length);
  assert.ok(proxy.asked.every((asked) => asked.includes(` http://registry.test:${port}/v2/me/files/`)));
  assert.deepEqual([...proxy.authorizations], [`Basic ${btoa("me:sesame")}`]);
});

Deno.test("everything goes through the tunnel of the proxy that HTTPS_PROXY names", OPENSSL, async () => {
  const trusted = await certificate();
  await using fake = await startFakeRegistry({ certificate: trusted, faults: { locations: "relative" } });
  await using proxy = await startProxy();
  const { port } = new URL(fake.url);
  const env = { HTTPS_PROXY: proxy.url };
  const options = { caCerts: [trusted.caPem] };
  const other = await inProcess(`https://other.test:${port}`, { env, options });
  assert.match(other, /certificate/, "the name in the certificate is another");
  const unknown = await inProcess(`https://registry.test:${port}`, { env });
  assert.match(unknown, /certificate/);
  assert.equal(fake.requests.length, 0);
  const asked = proxy.asked.length;
  assert.equal(await inProcess(`https://registry.test:${port}`, { env, options }), "written and read");
  assert.ok(proxy.asked.slice(asked).every((asked) => asked === `CONNECT registry.test:${port}`));
  const insecure = { insecureSkipTlsVerify: true };
  assert.equal(await inProcess(`https://other.test:${port}`, { env, options: insecure }), "written and read");
});

Deno.test("a tunnel leads to a registry whose certificate is checked", OPENSSL, async () => {
  const trusted = await certificate();
  await using fake = await startFakeRegistry({ certificate: trusted });
  await using proxy = await startProxy();
  // A name that is not this machine's by itself, but stands in the certificate.
  const transport = openTransport({
    caCerts: [trusted.caPem],
    proxyEnv: { HTTPS_PROXY: proxy.url },
  });
  const url = new URL(`https://[::ffff:127.0.0.1]:${new URL(fake.url).port}/v2/`);
  await assert.rejects(transport.send({ method: "GET", url, headers: new Headers() }), (error) => {
    assert.match(errorOfNoAnswer(error, url.host).message, /certificate that is not trusted/);
    return true;
  });
  transport.close();
});

Deno.test("this machine, and what NO_PROXY names, is asked directly", async () => {
  await using fake = await startFakeRegistry();
  await using proxy = await startProxy({ refuse: 502 });
  const env = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url };
  assert.equal(await inProcess(fake.url, { env }), "written and read");
  assert.deepEqual(proxy.asked, []);
  const named = `http://registry.test:${new URL(fake.url).port}`;
  const direct = await inProcess(named, { env: { ...env, NO_PROXY: "registry.test" } });
  assert.match(direct, /does not answer/); // there is no such host
  assert.deepEqual(proxy.asked, []);
});

Deno.test("a proxy of a kind that cannot be used is an error of usage, and no way around it is taken", async () => {
  const said = await inProcess("https://registry.test", { env: { HTTPS_PROXY: "socks5://127.0.0.1:1080" } });
  assert.equal(said, "the environment names a proxy for https:// that cannot be used");
});

Deno.test(
  "reads and writes pass by the proxy to a network that NO_PROXY names",
  onLinux("0.0.0.0"),
  async () => {
    await using fake = await startFakeRegistry({ faults: { locations: "relative" } });
    await using proxy = await startProxy({ refuse: 502 });
    const { port } = new URL(fake.url);
    const env = { HTTP_PROXY: proxy.url, NO_PROXY: "0.0.0.0/8" };
    assert.equal(await inProcess(`http://0.0.0.0:${port}`, { env }), "written and read");
    assert.deepEqual(proxy.asked, []);
  },
);

Deno.test(
  "a proxy of another kind in ALL_PROXY is passed over by reads and by writes, and that is reported",
  onLinux("0.0.0.0"),
  async () => {
    await using fake = await startFakeRegistry({ faults: { locations: "relative" } });
    const { port } = new URL(fake.url);
    const env = { ALL_PROXY: "socks5://127.0.0.1:9", NO_PROXY: "nothing.test" };
    assert.equal(await inProcess(`http://0.0.0.0:${port}`, { env }), "written and read");
    using opened = open(fake, { proxyEnv: env });
    assert.match(opened.notices().join(), /^ALL_PROXY names a proxy that is not an http one/);
  },
);

Deno.test("a proxy that refuses is named as what it is", async () => {
  await using proxy = await startProxy({ refuse: 403 });
  const said = await inProcess("https://registry.test", { env: { HTTPS_PROXY: proxy.url } });
  assert.match(said, /registry\.test does not answer: .*(proxy|tunnel)/i);
});

Deno.test("a proxy that does not answer is said to be none, without its password", async () => {
  const said = await inProcess("https://registry.test", {
    env: { HTTPS_PROXY: "http://me:sesame@127.0.0.1:1" },
  });
  assert.match(said, /registry\.test does not answer/);
  assert.ok(!said.includes("sesame"), said);
});

/** A server that does with each connection what it is told to. */
async function rawServer(handle: (socket: net.Socket) => void) {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    handle(socket);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/x`),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}

/** A body without an end, which says when it was let go of. */
function endless() {
  const { promise: letGo, resolve } = Promise.withResolvers<void>();
  const counted = { sent: 0 };
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      counted.sent += 65536;
      controller.enqueue(new Uint8Array(65536));
    },
    cancel: () => resolve(),
  }, { highWaterMark: 0 });
  return { stream, letGo, counted };
}

for (const size of [10 * 1024 ** 3, undefined]) {
  const kind = size === undefined ? "in pieces" : "with its length";
  Deno.test(`an answer that comes before the body was sent ${kind} is given, and the body let go of`, async () => {
    await using server = await rawServer((socket) => {
      socket.once("data", () => socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 7\r\n\r\ntoo big"));
    });
    const transport = openTransport();
    const body = endless();
    const answer = await transport.send({
      method: "PATCH",
      url: server.url,
      headers: new Headers(),
      body: { stream: body.stream, size },
    });
    assert.equal(answer.status, 413);
    assert.equal(await answer.text(), "too big");
    await body.letGo;
    transport.close();
  });

  Deno.test(`a connection that is cut in the middle of a body sent ${kind} is an error`, async () => {
    await using server = await rawServer((socket) => socket.once("data", () => socket.destroy()));
    const transport = openTransport();
    const body = endless();
    const url = server.url;
    const sending = { method: "PATCH", url, headers: new Headers(), body: { stream: body.stream, size } };
    await assert.rejects(transport.send(sending));
    await body.letGo;
    transport.close();
  });

  Deno.test(`a body sent ${kind} that fails ends the request with its error`, async () => {
    await using server = await rawServer((socket) => socket.resume());
    const transport = openTransport();
    const wrong = new Error("the disk is gone");
    let left = 3;
    const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => left-- > 0 ? controller.enqueue(new Uint8Array(10)) : controller.error(wrong),
    });
    const sending = { method: "PUT", url: server.url, headers: new Headers(), body: { stream, size } };
    assert.equal(await failure(transport.send(sending)), wrong);
    transport.close();
  });

  Deno.test(`a signal ends a request whose body goes ${kind}, also when nobody takes it`, async () => {
    const connected = Promise.withResolvers<void>();
    await using server = await rawServer((socket) => {
      socket.pause();
      connected.resolve();
    });
    const transport = openTransport();
    const body = endless();
    const aborter = new AbortController();
    const stop = new Error("stop");
    const done = failure(transport.send({
      method: "PATCH",
      url: server.url,
      headers: new Headers(),
      body: { stream: body.stream, size },
      signal: aborter.signal,
    }));
    await connected.promise;
    aborter.abort(stop);
    assert.equal(await done, stop);
    await body.letGo;
    assert.ok(body.counted.sent < 64 * 1024 ** 2, "it goes no faster than it is taken");
    transport.close();
  });
}

for (const status of [401, 413, 429]) {
  Deno.test(`an answer of ${status} that comes before a body in memory was read is given`, async () => {
    await using server = await rawServer((socket) => {
      socket.once("data", () => {
        socket.pause();
        socket.end(`HTTP/1.1 ${status} No\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno`);
      });
    });
    const transport = openTransport();
    const body = new Uint8Array(1024 ** 2);
    const answer = await transport.send({ method: "PUT", url: server.url, headers: new Headers(), body });
    assert.equal(answer.status, status);
    assert.equal(await answer.text(), "no");
    transport.close();
  });
}

Deno.test("answers without a body, and answers that are not read, are no burden", async () => {
  await using fake = await startFakeRegistry();
  const digest = fake.storage.addBlob("me/files", LARGE);
  for (const options of [{}, { insecureSkipTlsVerify: true }]) {
    const transport = openTransport(options);
    const url = new URL(`${fake.url}/v2/me/files/blobs/${digest}`);
    const head = await transport.send({ method: "HEAD", url, headers: new Headers() });
    assert.equal(head.headers.get("content-length"), String(LARGE.length));
    const get = await transport.send({ method: "GET", url, headers: new Headers() });
    await get.body!.cancel();
    const again = await transport.send({ method: "GET", url, headers: new Headers() });
    assert.equal((await again.arrayBuffer()).byteLength, LARGE.length);
    transport.close();
    transport.close();
  }
  assert.ok(fake.requests.every(({ headers }) => headers["content-length"] === undefined));
});

Deno.test("requests with little in them share one connection, and those of a stream another", async () => {
  let connections = 0;
  await using server = await rawServer((socket) => {
    connections++;
    socket.on("data", () => socket.write("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"));
  });
  const transport = openTransport();
  const send = async (request: Omit<HttpRequest, "url" | "headers">) => {
    const answer = await transport.send({ ...request, url: server.url, headers: new Headers() });
    await answer.body?.cancel();
    assert.equal(answer.status, 201);
  };
  const body = new Uint8Array();
  for (const method of ["POST", "GET", "PUT", "HEAD", "DELETE"]) await send({ method });
  assert.equal(connections, 1);
  await send({ method: "POST", beforeStream: true });
  await send({ method: "PATCH", body: { stream: new Blob(["a"]).stream(), size: 1 } });
  await send({ method: "PATCH", body: new Uint8Array(1) });
  await send({ method: "PUT", body, answerWithin: "commit" });
  assert.equal(connections, 2);
  await send({ method: "PUT", body: new Uint8Array(1), answerWithin: "commit" });
  assert.equal(connections, 2);
  transport.close();
});

Deno.test("a piece has gone out when the next one is asked for, so that both may share a buffer", async () => {
  const pieces = 20_000;
  const { promise: body, resolve } = Promise.withResolvers<Buffer>();
  await using server = await rawServer((socket) => {
    const got: Buffer[] = [];
    socket.on("data", (bytes: Buffer) => {
      got.push(bytes);
      socket.pause(); // so slow that bytes wait at the sender
      setImmediate(() => socket.resume());
      if (!bytes.includes("the end")) return;
      socket.write("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n");
      resolve(Buffer.concat(got));
    });
  });
  const buffer = new Uint8Array(1000);
  let sent = 0;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (sent === pieces) return controller.close();
      buffer.fill(0).set(new TextEncoder().encode(++sent === pieces ? "the end" : `piece ${sent}`));
      controller.enqueue(buffer);
    },
  }, { highWaterMark: 0 });
  const transport = openTransport();
  const request = { method: "PUT", url: server.url, headers: new Headers() };
  await transport.send({ ...request, body: { stream, size: pieces * buffer.length } });
  const text = (await body).toString("latin1");
  const numbers = text.matchAll(/piece (\d+)/g).map(([, number]) => Number(number)).toArray();
  assert.equal(numbers.length, pieces - 1);
  assert.ok(numbers.every((number, index) => number === index + 1), "a piece was overwritten on its way");
  transport.close();
});

Deno.test("connections that send are probed after half a minute of silence", async () => {
  await using fake = await startFakeRegistry();
  const { setKeepAlive } = net.Socket.prototype;
  const calls: unknown[][] = [];
  net.Socket.prototype.setKeepAlive = function (...args) {
    calls.push(args);
    return setKeepAlive.apply(this, args);
  };
  try {
    using opened = open(fake);
    await opened.store.write(bytesSource(LARGE));
  } finally {
    net.Socket.prototype.setKeepAlive = setKeepAlive;
  }
  assert.ok(calls.some(([on, after]) => on === true && after === 30_000), JSON.stringify(calls));
});
