/** A saved login goes over http to this machine alone, unless the user wants it otherwise. @module */
import assert from "node:assert/strict";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { type FakeOptions, type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { failure, open } from "./rigs/opened.ts";
import { type Proxy, startProxy } from "./rigs/proxy.ts";
import { basicAuthorization, USER } from "./rigs/user.ts";

const BY_VARIABLE = { LAYERSTASH_USERNAME: USER.username, LAYERSTASH_TOKEN: USER.password };

/** How a command ends that may read, and finds the registry empty. */
const NOT_FOUND = 3;

/** A registry that is reached as `registry.test`, over http, with a login for it that docker has saved. */
class Elsewhere implements AsyncDisposable {
  private constructor(
    readonly work: Workplace,
    readonly registry: FakeRegistry,
    readonly proxy: Proxy,
  ) {}

  static async start(options: FakeOptions): Promise<Elsewhere> {
    const registry = await startFakeRegistry(options);
    const elsewhere = new Elsewhere(await makeWorkplace(), registry, await startProxy());
    const auths = { [elsewhere.host]: { username: USER.username, password: USER.password } };
    await Deno.mkdir(elsewhere.work.path("docker"));
    await elsewhere.work.write("docker/config.json", JSON.stringify({ auths }));
    return elsewhere;
  }

  get host(): string {
    return `registry.test:${new URL(this.registry.url).port}`;
  }

  async list(options: string[] = [], env: Record<string, string> = {}) {
    const words = ["list", "--registry", `http://${this.host}`, "-r", "me/files", ...options];
    return await this.work.run(words, { env: { ...env, HTTP_PROXY: this.proxy.url } });
  }

  /** Whether the password has come to the registry or its token server. */
  get received(): boolean {
    const { registry } = this;
    const headers = registry.requests.map(({ headers }) => headers["authorization"]);
    const tokens = registry.tokens?.requests.map(({ authorization }) => authorization) ?? [];
    return [...headers, ...tokens].includes(basicAuthorization());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.work[Symbol.asyncDispose]();
    await this.proxy[Symbol.asyncDispose]();
    await this.registry[Symbol.asyncDispose]();
  }
}

for (const auth of ["basic", "bearer"] as const) {
  Deno.test(`a saved login is not sent over http to another machine (${auth})`, async () => {
    await using elsewhere = await Elsewhere.start({ auth, tokens: { anonymousPull: false } });
    const { code, stderr } = await elsewhere.list();
    assert.equal(code, 4, stderr);
    assert.ok(!elsewhere.received);
    assert.match(stderr, /hint: .*the saved login is not sent over http.*--insecure-skip-tls-verify/s);
  });

  Deno.test(`it is where the user says so, or names the login (${auth})`, async () => {
    for (const [options, env] of [[["--insecure-skip-tls-verify"], {}], [[], BY_VARIABLE]] as const) {
      await using elsewhere = await Elsewhere.start({ auth, tokens: { anonymousPull: false } });
      const { code, stderr } = await elsewhere.list([...options], env);
      assert.equal(code, NOT_FOUND, stderr);
      assert.ok(elsewhere.received);
    }
  });
}

Deno.test("without the saved login, what is open to everybody is read", async () => {
  await using elsewhere = await Elsewhere.start({ auth: "bearer" });
  const { code, stderr } = await elsewhere.list();
  assert.equal(code, NOT_FOUND, stderr);
  assert.ok(!elsewhere.received);
  assert.match(stderr, new RegExp(`${elsewhere.host} is asked without the saved login`));
});

Deno.test("where nobody has to sign in, nothing is said of the saved login", async () => {
  await using elsewhere = await Elsewhere.start({ auth: "none" });
  const { code, stderr } = await elsewhere.list();
  assert.equal(code, NOT_FOUND, stderr);
  assert.doesNotMatch(stderr, /saved login/);
});

Deno.test("to a token server elsewhere that a registry of this machine names, neither", async () => {
  await using proxy = await startProxy();
  const received: (string | null)[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url, headers }) => {
    if (new URL(url).pathname !== "/token") {
      const realm = `Bearer realm="http://token.test:${new URL(url).port}/token"`;
      return new Response(null, { status: 401, headers: { "www-authenticate": realm } });
    }
    received.push(headers.get("authorization"));
    return new Response(null, { status: 401 });
  });
  await using _server = { [Symbol.asyncDispose]: () => server.shutdown() };
  const login = { kind: "password", username: USER.username, password: USER.password, saved: true } as const;
  using opened = open({ url: `http://127.0.0.1:${server.addr.port}` }, {
    credentials: () => Promise.resolve(login),
    proxyEnv: { HTTP_PROXY: proxy.url, NO_PROXY: "127.0.0.1" },
  });
  const error = await failure(opened.store.manifest("disk-1"));
  assert.deepEqual([error.kind, received], ["not-allowed", [null]]);
  assert.match(error.hint ?? "", /the saved login is not sent over http/);
  assert.match(opened.notices().join(), /is asked without the saved login/);
});

Deno.test("a login over http says that it is not protected", async () => {
  await using elsewhere = await Elsewhere.start({ auth: "basic" });
  const words = ["login", `http://${elsewhere.host}`, "-u", USER.username, "--password-stdin"];
  const stdin = new TextEncoder().encode(USER.password);
  const { code, stderr } = await elsewhere.work.run(words, {
    stdin,
    env: { HTTP_PROXY: elsewhere.proxy.url },
  });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /others on the network can read the password.*--insecure-skip-tls-verify/s);
});
