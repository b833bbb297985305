/** What attackers send to a server: other sites' pages, tricky paths, floods, lies about lengths, wrong passwords. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { bytesSource } from "../lib/exports/store.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { openStore, upload } from "../main.ts";
import { listen } from "../lib/serve/listener.ts";
import { Passwords, TooManyChecksError } from "../lib/serve/passwords.ts";
import { makeServerCertificate } from "./rigs/certificates.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { LineReader } from "./rigs/line_reader.ts";
import { recordThreads } from "./rigs/recorded_threads.ts";
import { type Served, type ServedOptions, startServer } from "./rigs/served.ts";
import { USER } from "./rigs/user.ts";

const PATH = "/v2/me/files/blobs/uploads/";

/** Serves a new directory while a test runs. */
async function withServer(
  options: ServedOptions,
  body: (server: Served, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-serve-" });
  {
    await using server = await startServer([`oci:${directory}`], options);
    await body(server, directory);
  }
  await Deno.remove(directory, { recursive: true });
}

/** Sends bytes as they are, and gives all that comes back until the server closes the connection. */
async function raw({ port }: Pick<Served, "port">, ...texts: (string | Uint8Array)[]): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const all = new Response(connection.readable).text().catch(() => "");
  const writer = connection.writable.getWriter();
  for (const text of texts) {
    await writer.write(typeof text === "string" ? new TextEncoder().encode(text) : text).catch(() => {});
  }
  return await all;
}

async function statusOf({ url }: Served, path: string, init: RequestInit = {}): Promise<number> {
  const answer = await fetch(url + path, init);
  await answer.body?.cancel();
  return answer.status;
}

const head = (line: string, ...headers: string[]) =>
  [line, "Connection: close", ...headers, "", ""].join("\r\n");

Deno.test("a name that somebody else has given this address is refused", async () => {
  await withServer({ hosts: ["files.example.com"] }, async (server) => {
    const ask = async (host: string) =>
      (await raw(server, head("GET /v2/ HTTP/1.1", `Host: ${host}`))).slice(9, 12);
    assert.equal(await ask("evil.example.net"), "421");
    assert.equal(await ask(`evil.example.net:${server.port}`), "421");
    assert.equal(await ask("localhost.evil.net"), "421");
    assert.equal(await ask("127.0.0.1.evil.net"), "421");
    for (
      const host of ["localhost", "127.0.0.1:80", "[::1]:5000", "files.example.com", "FILES.example.com:443"]
    ) {
      assert.equal(await ask(host), "200", host);
    }
    assert.match(await raw(server, head("GET /v2/ HTTP/1.1")), /^HTTP\/1.1 400 /, "no host at all");
    assert.match(
      await raw(server, head("GET /v2/ HTTP/1.1", "Host: localhost", "Host: evil.net")),
      /^HTTP\/1.1 400 /,
    );
    assert.match(
      await raw(server, head("GET http://evil.net/v2/ HTTP/1.1", "Host: localhost")),
      /^HTTP\/1.1 400 /,
    );
  });
});

Deno.test("pages of other sites change nothing, whatever method they use, and run nothing", async () => {
  await withServer({}, async (server, directory) => {
    const own = { origin: server.url };
    const foreign: Record<string, string>[] = [
      { origin: "http://evil.example.net" },
      { origin: "null" },
      { origin: `http://localhost:${server.port + 1}` },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ];
    for (const headers of foreign) {
      for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
        assert.equal(
          await statusOf(server, PATH, { method, headers }),
          403,
          `${method} ${JSON.stringify(headers)}`,
        );
      }
    }
    for (const [dest, status] of [["script", 403], ["style", 403], ["image", 200]] as const) {
      const headers = { "sec-fetch-site": "cross-site", "sec-fetch-dest": dest };
      assert.equal(await statusOf(server, "/v2/", { headers }), status, dest);
    }
    assert.deepEqual(await Array.fromAsync(Deno.readDir(directory)), [], "nothing was begun");
    assert.equal(await statusOf(server, PATH, { method: "POST", headers: own }), 202);
  });
});

Deno.test("no path leads out of the directory, or to a file that is not stored", async () => {
  await withServer({}, async (server, directory) => {
    await Deno.writeTextFile(join(directory, "secret"), "not for you");
    await Deno.mkdir(join(directory, "me/files/blobs/sha256"), { recursive: true });
    await Deno.writeTextFile(join(directory, "me/files/oci-layout"), `{"imageLayoutVersion":"1.0.0"}`);
    const long = "a".repeat(9000);
    for (
      const path of [
        "/v2/../secret",
        "/v2/me/files/blobs/../../../../secret",
        "/v2/%2e%2e/%2e%2e/secret/manifests/x",
        "/v2/me%2ffiles/blobs/..%2f..%2foci-layout",
        "/v2/me/files/blobs/sha256:..%2f..%2foci-layout",
        "/v2/me/files/blobs/sha256%3a%2e%2e%2foci-layout",
        "/v2/me/files/manifests/..%2findex.json",
        "/v2/me/files/manifests/a%00b",
        "/v2/me/files%00/tags/list",
        "/v2/.layerstash/tags/list",
        `/v2/${long}/tags/list`,
        `/v2/me/files/manifests/${long}`,
        `/v2/me/files/blobs/uploads/..%2f..%2fsecret`,
      ]
    ) {
      const answer = await raw(server, head(`GET ${path} HTTP/1.1`, "Host: localhost"));
      assert.match(answer, /^HTTP\/1.1 40[04] /, path);
      assert.doesNotMatch(answer, /not for you|imageLayoutVersion/, path);
    }
    for (const name of ["..", "%2e%2e/x", "a/../../b", "A", "a//b", "a%00"]) {
      const status = (await raw(server, head(`POST /v2/${name}/blobs/uploads/ HTTP/1.1`, "Host: localhost")))
        .slice(9, 12);
      assert.ok(["400", "404", "202"].includes(status), `${name}: ${status}`);
    }
    const made = Array.from(Deno.readDirSync(directory), ({ name }) => name).sort();
    assert.ok(made.every((name) => ["b", "me", "secret", "x"].includes(name)), made.join());
  });
});

Deno.test("floods of headers are cut off", async () => {
  await withServer({}, async (server) => {
    const one = head("GET /v2/ HTTP/1.1", "Host: localhost", `X: ${"y".repeat(100_000)}`);
    const many = head(
      "GET /v2/ HTTP/1.1",
      "Host: localhost",
      ...Array.from({ length: 5000 }, (_, at) => `X-${at}: y`),
    );
    const path = head(`GET /${"a".repeat(100_000)} HTTP/1.1`, "Host: localhost");
    for (const text of [one, many, path]) assert.doesNotMatch(await raw(server, text), /^HTTP\/1.1 200/);
    assert.equal(await statusOf(server, "/v2/"), 200, "others are still served");
  });
});

Deno.test("who sends nothing, or too slowly, loses the connection", async () => {
  await withServer({ limits: { headerTime: 200, silence: 300 } }, async (server) => {
    assert.doesNotMatch(await raw(server, "GET /v2/ HTTP/1.1\r\nHost: localhost\r\n"), /200/);
    assert.doesNotMatch(await raw(server, ""), /200/);
    const upload = await raw(server, head(`POST ${PATH} HTTP/1.1`, "Host: localhost"));
    const [, location = ""] = /^location: (\S+)/m.exec(upload) ?? [];
    const patch = head(`PATCH ${location} HTTP/1.1`, "Host: localhost", "Content-Length: 100");
    assert.doesNotMatch(await raw(server, patch, "abc"), /^HTTP\/1.1 2/, "the body stalls");
    assert.match(await raw(server, head(`GET ${location} HTTP/1.1`, "Host: localhost")), /^range: 0-2\r$/m);
  });
});

Deno.test("a client that reads nothing holds no more than a moment", async () => {
  await withServer({ limits: { silence: 300 } }, async (server, directory) => {
    const bytes = new Uint8Array(64 * 1024 ** 2);
    const digest = digestOf(bytes);
    {
      using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
      await store.write(bytesSource(bytes)); // through the server it could take longer than a moment
    }
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const before = Deno.memoryUsage().external;
    await connection.write(
      new TextEncoder().encode(head(`GET /v2/me/files/blobs/${digest} HTTP/1.1`, "Host: localhost")),
    );
    const [exchanged] = await server.exchanged(1, "GET");
    const { sent } = exchanged!;
    assert.ok(sent < 32 * 1024 ** 2, `${sent} bytes were read for nobody`);
    assert.ok(Deno.memoryUsage().external - before < 8 * 1024 ** 2);
  });
});

Deno.test("a client that asks on and on, and reads nothing, does not keep the server from its end", async () => {
  const warnings: Error[] = [];
  const warn = (warning: Error) => void warnings.push(warning);
  process.on("warning", warn);
  await withServer({ limits: { silence: 300 } }, async (server) => {
    const bytes = someBytes(200_000);
    const digest = digestOf(bytes);
    assert.equal(await statusOf(server, `${PATH}?digest=${digest}`, { method: "POST", body: bytes }), 201);
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const get = `GET /v2/me/files/blobs/${digest} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    await connection.write(new TextEncoder().encode(get.repeat(90)));
    await server.exchanged(5);
    server.stop();
    await server.finished;
  });
  process.off("warning", warn);
  assert.deepEqual(warnings, [], "nor does it fill the log of the server");
});

Deno.test("requests that come at once on a connection are answered in turn, and thousands of them end it", async () => {
  const end = new AbortController();
  let [open, most] = [0, 0];
  const { url, finished } = await listen(
    () => {
      most = Math.max(most, ++open);
      return Promise.resolve(new Response("ok"));
    },
    { hostname: "127.0.0.1", port: 0, signal: end.signal, onExchange: () => open-- },
  );
  const port = Number(new URL(url).port);
  const get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const countOf = (answers: string) => answers.split("HTTP/1.1 200 OK").length - 1;
  assert.equal(countOf(await raw({ port }, get.repeat(49), head("GET / HTTP/1.1", "Host: localhost"))), 50);
  assert.equal(most, 1);
  assert.ok(countOf(await raw({ port }, get.repeat(5000))) <= 100);
  end.abort();
  await finished;
});

Deno.test("connections that clients keep for a next request do not keep the server from its end", async () => {
  await withServer({ limits: { idle: 3_600_000 } }, async (server) => {
    const connect = () => Deno.connect({ hostname: "127.0.0.1", port: server.port });
    using fresh = await connect();
    using used = await connect();
    await used.write(new TextEncoder().encode(head("GET /healthz HTTP/1.1", "Host: localhost")));
    await server.exchanged(1);
    server.stop();
    await server.finished;
    for (const connection of [fresh, used]) await new Response(connection.readable).text().catch(() => {});
  });
});

Deno.test("a server that stops gives the rest of an answer over TLS, and ends connections that wait", async () => {
  await using work = await makeWorkplace();
  const { certificatePem, keyPath, caPath } = await makeServerCertificate(work.directory);
  const tls = { cert: certificatePem, key: await Deno.readTextFile(keyPath) };
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(caPath)] });
  const bytes = someBytes(24 * 1024 ** 2); // more than waits in the buffers of both sides
  const digest = digestOf(bytes);
  await withServer({ tls, limits: { idle: 3_600_000 } }, async (server) => {
    const path = `${server.url}${PATH}?digest=${digest}`;
    const put = await fetch(path, { method: "POST", body: bytes, client });
    assert.equal(put.status, 201, await put.text());
    const answer = await fetch(`${server.url}/v2/me/files/blobs/${digest}`, { client });
    using waiting = await Deno.connect({ hostname: "127.0.0.1", port: server.port }); // with no handshake yet
    server.stop();
    assert.equal(digestOf(await answer.bytes()), digest);
    await server.finished;
    await new Response(waiting.readable).text().catch(() => {});
  });
});

Deno.test("a client that connects to a server with TLS, and sends nothing, loses the connection", async () => {
  await using work = await makeWorkplace();
  const { certificatePem, keyPath } = await makeServerCertificate(work.directory);
  const tls = { cert: certificatePem, key: await Deno.readTextFile(keyPath) };
  await withServer({ tls, limits: { headerTime: 300 } }, async (server) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    assert.equal(await new Response(connection.readable).text(), "");
  });
});

Deno.test("what another registry sends beyond the size of a blob is not taken for the next answer", async () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
  await using other = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ method }) =>
      method === "HEAD"
        ? new Response(null, { headers: { "content-length": "10", "docker-content-digest": digest } })
        : new Response(`0123456789${forged}`),
  );
  await using server = await startServer([`http://127.0.0.1:${other.addr.port}/me/files`]);
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const answers = await raw(server, get(`/v2/me/files/blobs/${digest}`), get("/healthz"));
  assert.ok(!answers.includes("forged"), answers);
  const [broken] = await server.exchanged(1);
  assert.match(String(broken!.failure), /and 10 were announced/);
});

Deno.test("the operator learns why an answer broke off, and not that a client left", async () => {
  await withServer({}, async (server, directory) => {
    const store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
    const input = new Blob([someBytes(1_000_000)]).stream();
    const { chunks } = await upload(store, "disk", { input, chunkSize: 500_000 });
    store.close();
    const [, hex = ""] = chunks[1]!.digest.split(":");
    await Deno.writeFile(join(directory, "me/files/blobs/sha256", hex), new Uint8Array(500_000));
    const answer = await fetch(`${server.url}/files/me/files/disk`);
    await assert.rejects(answer.bytes());
    const leaving = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await leaving.write(
      new TextEncoder().encode(
        head(`POST ${PATH}?digest=${chunks[1]!.digest} HTTP/1.1`, "Host: localhost", "Content-Length: 9"),
      ),
    );
    leaving.close();
    const [broken, left] = await server.exchanged(2);
    assert.match(String(broken!.failure), /corrupted/);
    assert.equal(left!.failure, undefined);
  });
});

Deno.test("an answer that is shorter than announced ends its connection", async () => {
  const end = new AbortController();
  const short = () => Promise.resolve(new Response("abc", { headers: { "content-length": "10" } }));
  const { url, finished } = await listen(short, {
    hostname: "127.0.0.1",
    port: 0,
    signal: end.signal,
    limits: { idle: 300 },
  });
  const get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const answers = await raw({ port: Number(new URL(url).port) }, get + get);
  assert.ok(answers.split("HTTP/1.1").length < 3, "the client would take a second one for the rest");
  end.abort();
  await finished;
});

Deno.test("who sends a body to its end before reading gets the refusal, and the connection goes on", async () => {
  await withServer({ limits: { silence: 5000, idle: 300 } }, async (server) => {
    const put = [
      "PUT /v2/me/files/manifests/big HTTP/1.1",
      "Host: localhost",
      "Content-Length: 20000000",
      "",
      "",
    ];
    const get = head("GET /healthz HTTP/1.1", "Host: localhost");
    const answers = await raw(server, put.join("\r\n"), new Uint8Array(20_000_000), get);
    assert.match(answers, /^HTTP\/1.1 413 [^]*HTTP\/1.1 200 /);
  });
});

Deno.test("there are at most so many connections", async () => {
  await withServer({ limits: { connections: 3 } }, async (server) => {
    const open = [];
    for (let each = 0; each < 3; each++) {
      open.push(await Deno.connect({ hostname: "127.0.0.1", port: server.port }));
    }
    // Each is taken before the next one comes: the server answers it.
    for (const connection of open) {
      await connection.write(new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
      await connection.read(new Uint8Array(1000));
    }
    assert.equal(await raw(server, head("GET /healthz HTTP/1.1", "Host: localhost")), "");
    open.forEach((connection) => connection.close());
  });
});

Deno.test("whoever opens ten thousand uploads gets a thousand", async () => {
  await withServer({}, async (server, directory) => {
    const post = ["POST " + PATH + " HTTP/1.1", "Host: localhost", "Content-Length: 0", "", ""].join("\r\n");
    const last = head("GET /healthz HTTP/1.1", "Host: localhost");
    const answers = await Promise.all(
      Array.from({ length: 125 }, () => raw(server, post.repeat(80) + last)),
    );
    const count = (status: number) => answers.join("").split(`HTTP/1.1 ${status} `).length - 1;
    assert.equal(count(202) + count(429), 10_000);
    assert.ok(count(202) >= 1000 && count(202) < 1100, `${count(202)} were begun`);
    assert.equal(await statusOf(server, "/v2/me/files/tags/list"), 200, "the repository still works");
    const open = Array.from(Deno.readDirSync(join(directory, "me/files")), ({ name }) => name)
      .filter((name) => name.startsWith(".layerstash-upload-"));
    assert.equal(open.length, count(202));
  });
});

Deno.test("a body that lies about its length makes no blob, and leaves nothing", async () => {
  await withServer({}, async (server, directory) => {
    const bytes = someBytes(1000);
    const line = `POST ${PATH}?digest=${digestOf(bytes)} HTTP/1.1`;
    const answers = [
      await raw(server, head(line, "Host: localhost", "Content-Length: 999"), bytes), // the last byte begins a request
      await raw(
        server,
        head(line, "Host: localhost", "Content-Length: 1000", "Transfer-Encoding: chunked"),
        bytes,
      ),
      await raw(server, head(line, "Host: localhost", "Content-Length: 1000", "Content-Length: 2"), bytes),
      await raw(server, head(line, "Host: localhost", "Content-Length: -1"), bytes),
      await raw(
        server,
        head(line, "Host: localhost", "Transfer-Encoding: chunked"),
        "3e8\r\n",
        bytes,
        "\r\nx\r\n",
      ),
    ];
    for (const answer of answers) assert.doesNotMatch(answer, /^HTTP\/1.1 201/);
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await connection.write(new TextEncoder().encode(head(line, "Host: localhost", "Content-Length: 2000")));
    await connection.write(bytes);
    connection.close(); // in the middle of the body
    await server.exchanged(3, "POST");
    assert.equal(await statusOf(server, `/v2/me/files/blobs/${digestOf(bytes)}`), 404);
    const left = Array.from(Deno.readDirSync(join(directory, "me/files")), ({ name }) => name);
    assert.deepEqual(left.filter((name) => name.startsWith(".layerstash-upload-")), []);
  });
});

Deno.test("a manifest that is too large is refused before it is read to its end", async () => {
  await withServer({}, async (server) => {
    const init = {
      method: "PUT",
      body: new Uint8Array(5 * 1024 ** 2),
      headers: { "content-type": "text/plain" },
    };
    assert.equal(await statusOf(server, "/v2/me/files/manifests/big", init), 413);
  });
});

Deno.test("passwords are asked for, and only the right ones let in", async () => {
  using passwords = new Passwords(`# users\n${USER.htpasswd}\n`);
  const login = (name: string, password: string) => ({
    authorization: `Basic ${btoa(`${name}:${password}`)}`,
  });
  await withServer({ passwords }, async (server) => {
    const refused = await fetch(`${server.url}/v2/`);
    assert.equal(refused.status, 401);
    assert.match(refused.headers.get("www-authenticate") ?? "", /^Basic realm=/);
    const { code, message } = (await refused.json()).errors[0];
    assert.deepEqual([code, message], ["UNAUTHORIZED", "a name and a password are needed"]);
    const { username, password } = USER;
    for (
      const headers of [login(username, "wrong"), login("nobody", password), { authorization: "Basic !" }]
    ) {
      const wrong = await fetch(`${server.url}/v2/`, { headers });
      assert.equal(wrong.status, 401);
      assert.equal((await wrong.json()).errors[0].message, "the name or the password is wrong");
    }
    for (let each = 0; each < 3; each++) {
      assert.equal(await statusOf(server, "/v2/", { headers: login(username, password) }), 200);
    }
    assert.equal(await statusOf(server, "/healthz"), 200);
  });
  await withServer({ passwords, anonymousRead: true }, async (server) => {
    assert.equal(await statusOf(server, "/v2/"), 200);
    assert.equal(await statusOf(server, PATH, { method: "POST" }), 401);
    assert.equal(
      await statusOf(server, PATH, { method: "POST", headers: login(USER.username, USER.password) }),
      202,
    );
  });
  await withServer({ anonymousRead: true }, async (server) => {
    assert.equal(await statusOf(server, PATH, { method: "POST" }), 405);
  });
});

Deno.test("a flood of guesses is bounded, and keeps nobody out whose password is known", async () => {
  const hash = USER.htpasswd.split(":")[1]!;
  using passwords = new Passwords(`guessed:${hash}\nknown:${hash}`);
  const login = (name: string, password: string) => ({
    authorization: `Basic ${btoa(`${name}:${password}`)}`,
  });
  await withServer({ passwords }, async (server) => {
    const known = login("known", USER.password);
    assert.equal(await statusOf(server, "/v2/", { headers: known }), 200);
    let [isFlooding, number] = [true, 0];
    const guess = async () => { // with the end of each check the next one takes its place
      while (isFlooding) await passwords.userOf(login("guessed", `${number++}`).authorization);
    };
    const flood = Array.from({ length: 32 }, guess);
    await assert.rejects(passwords.userOf(login("guessed", "one more").authorization), TooManyChecksError);
    const refused = await fetch(`${server.url}/v2/`, { headers: login("known", "wrong") });
    assert.deepEqual(
      [refused.status, refused.headers.get("retry-after"), (await refused.json()).errors[0].code],
      [429, "5", "TOOMANYREQUESTS"],
    );
    assert.equal(await statusOf(server, "/files/", { headers: login("known", "wrong") }), 429);
    assert.equal(await statusOf(server, "/v2/", { headers: known }), 200);
    isFlooding = false;
    await Promise.all(flood);
    assert.equal(await statusOf(server, "/v2/", { headers: login("known", "wrong") }), 401);
  });
});

Deno.test("what comes with the same credentials at once is checked once", async () => {
  using passwords = new Passwords(USER.htpasswd);
  const { authorization } = { authorization: `Basic ${btoa(`${USER.username}:${USER.password}`)}` };
  const users = await Promise.all(Array.from({ length: 500 }, () => passwords.userOf(authorization)));
  assert.deepEqual([...new Set(users)], [USER.username]);
});

Deno.test("a check that has ended its thread fails, and the next ones are made in another", async () => {
  using passwords = new Passwords(USER.htpasswd);
  const authorization = `Basic ${btoa(`${USER.username}:${USER.password}`)}`;
  {
    using _threads = recordThreads({ dying: true });
    await assert.rejects(passwords.userOf(authorization), /the password thread failed/);
  }
  assert.equal(await passwords.userOf(authorization), USER.username);
});

Deno.test("a manifest that says it is a page runs nothing in a browser", async () => {
  await withServer({}, async ({ url }) => {
    const path = `${url}/v2/me/files/manifests/page`;
    const body = JSON.stringify({ schemaVersion: 2, mediaType: "text/html", x: "<script>alert(1)</script>" });
    const put = await fetch(path, { method: "PUT", headers: { "content-type": "text/html" }, body });
    assert.equal(put.status, 201, await put.text());
    const { headers, body: page } = await fetch(path);
    await page?.cancel();
    assert.equal(headers.get("content-type"), "text/html");
    assert.match(headers.get("content-security-policy") ?? "", /default-src 'none'.*sandbox/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
  });
});

Deno.test("pictures and videos are not for the pages of other sites", async () => {
  await withServer({}, async (server) => {
    for (const path of ["/", "/v2/", "/files/", "/page/style.css", "/nothing"]) {
      const answer = await fetch(server.url + path);
      await answer.body?.cancel();
      assert.equal(answer.headers.get("cross-origin-resource-policy"), "same-origin", path);
    }
  });
});

Deno.test("a blob that is a link to a file of this machine is not served", async () => {
  await withServer({}, async (server, directory) => {
    const secret = await Deno.makeTempFile();
    await Deno.writeTextFile(secret, "not for you");
    const layout = join(directory, "me/files");
    const digest = digestOf(someBytes(11));
    await Deno.mkdir(join(layout, "blobs/sha256"), { recursive: true });
    await Deno.writeTextFile(join(layout, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}`);
    await Deno.symlink(secret, join(layout, "blobs/sha256", digest.slice("sha256:".length)));
    for (const path of [`/v2/me/files/blobs/${digest}`, `/v2/me/files/manifests/${digest}`]) {
      const answer = await fetch(server.url + path);
      assert.doesNotMatch(await answer.text(), /not for you/);
      assert.equal(answer.status, 500, path);
    }
    await Deno.remove(secret);
  });
});

Deno.test("a file of passwords is read, and what is not of bcrypt is refused", () => {
  for (const text of ["", "fred", "fred:{SHA}abc", "fred:$apr1$x$y", `fred:$2y$20$${"a".repeat(53)}`]) {
    assert.throws(() => new Passwords(text), /names no user|is not NAME:HASH|not of bcrypt|of cost 20/, text);
  }
});

Deno.test("what is only read is not changed", async () => {
  await withServer({ readOnly: true }, async (server, directory) => {
    assert.equal(await statusOf(server, PATH, { method: "POST" }), 405);
    assert.equal(await statusOf(server, "/v2/me/files/manifests/x", { method: "PUT", body: "{}" }), 405);
    assert.equal(await statusOf(server, "/v2/me/files/manifests/x", { method: "DELETE" }), 405);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(directory)), []);
  });
});

Deno.test("who stores something where all is only read learns that, and need not sign in", async () => {
  for (const options of [{ readOnly: true }, { anonymousRead: true }]) {
    await withServer(options, async (server) => {
      const answer = await fetch(server.url + PATH, { method: "POST" });
      assert.equal(answer.headers.get("allow")?.startsWith("GET, HEAD"), true);
      assert.equal((await answer.json()).errors[0].code, "UNSUPPORTED");
      using store = openStore({ registry: server.url, repository: "me/files" });
      await assert.rejects(
        upload(store, "disk", { input: new Blob(["bytes"]).stream() }),
        { message: /it is only read here/, hint: "the registry may be read-only: ask its owner" },
      );
    });
  }
});

Deno.test("with a certificate and passwords a stored file comes back over TLS, and no one else gets it", async () => {
  await using work = await makeWorkplace();
  const { certificatePath, keyPath, caPath } = await makeServerCertificate(work.path("."));
  await work.write("users", `${USER.htpasswd}\n`);
  await work.write("disk.img", someBytes(300_000));
  const child = work.start([
    ...["serve", "oci:box", "--listen", "127.0.0.1:0", "--htpasswd", "users"],
    ...["--tls-cert", certificatePath, "--tls-key", keyPath],
  ]);
  const lines = new LineReader();
  const reading = lines.read(child.stderr);
  const line = await lines.find((each) => / at http/.test(each)) ?? "";
  const host = / at https:\/\/(\S+)\/$/.exec(line)?.[1];
  assert.ok(host, line);
  const address = `https://${host}/me/files:disk`;
  const signIn = ["--username", USER.username, "--token", USER.password, "--ca-file", caPath];
  const stored = await work.run(["upload", "disk.img", address, ...signIn]);
  assert.equal(stored.code, 0, stored.stderr);
  const fetched = await work.run(["download", address, "copy.img", ...signIn]);
  assert.equal(fetched.code, 0, fetched.stderr);
  assert.deepEqual(await Deno.readFile(work.path("copy.img")), await Deno.readFile(work.path("disk.img")));
  assert.equal((await work.run(["download", address, "other.img", "--ca-file", caPath])).code, 4);
  assert.notEqual(
    (await work.run(["download", address, "other.img"])).code,
    0,
    "a certificate that is not trusted",
  );
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 0);
  await Promise.all([reading, child.stdout.cancel()]);
});
