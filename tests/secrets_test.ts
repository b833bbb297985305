/** Passwords and tokens go to whom they are for, and nowhere else: neither to a log nor to another server. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { LayerstashError } from "../lib/errors.ts";
import type { Credentials } from "../lib/sign_in/credentials.ts";
import { bytesSource } from "../lib/content/source.ts";
import { withoutPasswords } from "../lib/messages.ts";
import { Secrets } from "../lib/sign_in/secrets.ts";
import { digestOf } from "../lib/oci/digest.ts";
import type { Store } from "../lib/store/store.ts";
import { makeServerCertificate } from "./rigs/certificates.ts";
import { type Ended, makeWorkplace, type RunOptions, type Workplace } from "./rigs/command_line.ts";
import { ensureTool } from "./rigs/debian.ts";
import { type FakeOptions, type FakeRegistry, type Faults, startFakeRegistry } from "./rigs/fake_registry.ts";
import { open } from "./rigs/opened.ts";
import { basicAuthorization, USER } from "./rigs/user.ts";
import { onLinux, onPosix, POSIX } from "./rigs/system.ts";

const LOUD = ["--log-level", "trace", "--progress", "plain"];
const TEN = new TextEncoder().encode("0123456789");
const PASSWORD: Credentials = { kind: "password", username: USER.username, password: USER.password };
const BY_VARIABLE = { LAYERSTASH_USERNAME: USER.username, LAYERSTASH_TOKEN: USER.password };
const WRONG = { ...BY_VARIABLE, LAYERSTASH_TOKEN: "close-sesame" };

/** Everything that must not be seen; the fake's token server gives out `opaque-...` and takes `refresh-...`. */
const CANARIES = /(?:open|close)-sesame|(?:opaque|refresh|canary)-[\w-]+/;

/** Whether a text holds a secret, also in base64, wherever in the encoded text that begins. */
function secretIn(text: string): string | undefined {
  const plain = CANARIES.exec(text)?.[0];
  if (plain) return plain;
  for (const [encoded] of text.matchAll(/[\w+/-]{16,}/g)) {
    for (let start = 0; start < 4; start++) {
      const found = CANARIES.exec(decoded(encoded.slice(start)));
      if (found) return `${found[0]} in base64`;
    }
  }
  return undefined;
}

function decoded(text: string): string {
  return atob((text.length % 4 === 1 ? text.slice(0, -1) : text).replaceAll("-", "+").replaceAll("_", "/"));
}

const hidden = onLinux("what command lines show").ignore;

/** What everybody on the machine can read of a process. */
async function commandLineOf(pid: number): Promise<string> {
  return hidden ? "" : await Deno.readTextFile(`/proc/${pid}/cmdline`);
}

/** A place to run commands in, with a registry, and everything that anybody could see of the runs. */
class Watched implements AsyncDisposable {
  readonly seen: string[] = [];
  #running: number | undefined;

  private constructor(readonly work: Workplace, readonly registry: FakeRegistry) {
    const { onRequest } = registry.faults;
    registry.faults.onRequest = async (request) => {
      if (this.#running) this.seen.push(await commandLineOf(this.#running));
      await onRequest?.(request);
    };
  }

  static async start(options: FakeOptions): Promise<Watched> {
    const work = await makeWorkplace();
    await work.write("disk.img", TEN);
    return new Watched(work, await startFakeRegistry(options));
  }

  /** Runs a command, and looks for secrets in all that it printed, all that it left, and its command line. */
  async run(args: string[], options: RunOptions = {}): Promise<Ended> {
    const ended = await this.#runOnce(args, options);
    this.seen.push(ended.stdout, ended.stderr);
    const left = await contentsOf(this.work.directory);
    for (const text of [...this.seen, ...left]) assert.equal(secretIn(text), undefined, text);
    return ended;
  }

  async #runOnce(args: string[], options: RunOptions): Promise<Ended> {
    const env = { LAYERSTASH_STATE_DIR: this.work.path("state"), ...options.env };
    const child = this.work.start(args, { ...options, env });
    this.#running = child.pid;
    if (options.stdin) await new Blob([options.stdin]).stream().pipeTo(child.stdin);
    const { code, stdout, stderr } = await child.output();
    this.#running = undefined;
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  }

  /** The arguments of a command on the one stash. */
  on(command: string, ...more: string[]): string[] {
    return [command, ...LOUD, "--registry", this.registry.url, "-r", "me/files", ...more];
  }

  /** Every command that works on a stash, one after the other, and the one that the registry does not mind. */
  commands(): string[][] {
    const tag = ["-t", "disk"];
    return [
      this.on("upload", ...tag, "-i", "disk.img", "--json"),
      this.on("download", ...tag, "-o", "copy"),
      this.on("list", "--exact-size"),
      this.on("info", ...tag, "--json"),
      this.on("verify", ...tag, "--deep"),
      this.on("remove", ...tag),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry[Symbol.asyncDispose]();
    await this.work[Symbol.asyncDispose]();
  }
}

/** The names and contents of all files, but for those that are there to keep secrets. */
async function contentsOf(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (["docker", "keychain"].includes(name)) continue;
    const path = join(directory, name);
    if (isDirectory) found.push(...await contentsOf(path));
    else found.push(`${path}\n${await Deno.readTextFile(path)}`);
  }
  return found;
}

async function writeConfig(work: Workplace, config: unknown): Promise<void> {
  await Deno.mkdir(work.path("docker"), { recursive: true });
  await work.write("docker/config.json", JSON.stringify(config));
}

Deno.test("the watch of these tests sees a secret, plain and in base64", () => {
  assert.equal(secretIn(`x ${USER.password}`), "open-sesame");
  assert.equal(secretIn(basicAuthorization()), "open-sesame in base64");
  assert.equal(secretIn(`x${btoa(`ab${USER.password}`)}`), "open-sesame in base64");
  assert.equal(secretIn("Bearer opaque-12ab"), "opaque-12ab");
  assert.equal(secretIn("sha256:0123456789abcdef0123456789abcdef"), undefined);
});

Deno.test("no command shows the password of the variables, or a token that it stands for", async () => {
  for (const auth of ["bearer", "basic"] as const) {
    await using watched = await Watched.start({ auth });
    for (const args of watched.commands()) {
      const { code, stderr } = await watched.run(args, { env: BY_VARIABLE });
      assert.equal(code, 0, `${args[0]}: ${stderr}`);
      assert.match(stderr, /GET|PUT|HEAD|DELETE/, "it logs its requests"); // or there is nothing to look through
    }
  }
});

Deno.test("no command shows what docker keeps: a password, a refresh token, a bearer token", async () => {
  await using watched = await Watched.start({ auth: "bearer" });
  const { registry: { host, tokens }, work } = watched;
  const kept = [
    { auth: btoa(`${USER.username}:${USER.password}`) },
    { identitytoken: tokens!.refreshToken },
  ];
  for (const entry of kept) {
    await writeConfig(work, { auths: { [host]: entry } });
    for (const args of watched.commands().slice(0, 3)) {
      const { code, stderr } = await watched.run(args);
      assert.equal(code, 0, `${args[0]}: ${stderr}`);
    }
  }
  await writeConfig(work, { auths: { [host]: { registrytoken: "canary-1" } } });
  assert.equal((await watched.run(watched.on("list"))).code, 4);
  const env = { LAYERSTASH_BEARER_TOKEN: "canary-2" };
  assert.equal((await watched.run(watched.on("upload", "-t", "x", "-i", "disk.img"), { env })).code, 4);
});

Deno.test("a token that no header can carry is refused, and not shown", async () => {
  await using watched = await Watched.start({});
  for (const token of ["canary-1\ncanary-2", "canary-é\u{1f511}"]) {
    const { code, stderr } = await watched.run(watched.on("list"), {
      env: { LAYERSTASH_BEARER_TOKEN: token },
    });
    assert.notEqual(code, 0);
    assert.match(stderr, /token/);
    assert.doesNotMatch(stderr, /uncaught|TypeError/i);
  }
});

Deno.test(
  "what a credential helper gives is not shown, also where it gives nonsense or fails",
  onPosix("credential helpers that are shell scripts"),
  async () => {
    await using watched = await Watched.start({ auth: "bearer" });
    const { work, registry } = watched;
    const answers = {
      good: [`{"Username":"${USER.username}","Secret":"${USER.password}"}`, 0],
      cut: [`{"Username":"${USER.username}","Secret":"${USER.password}`, 0],
      shape: [`{"Username":["open-sesame"],"Secret":"open-sesame"}`, 0],
      failed: [`{"Secret":"open-sesame"} is locked`, 1],
    } as const;
    await Deno.mkdir(work.path("keychain"));
    for (const [name, [output, exit]] of Object.entries(answers)) {
      const path = await work.write(
        `keychain/docker-credential-${name}`,
        `#!/bin/sh\ncat <<E\n${output}\nE\nexit ${exit}\n`,
      );
      await Deno.chmod(path, 0o755);
      await writeConfig(work, { credHelpers: { [registry.host]: name } });
      const env = { PATH: `${work.path("keychain")}:${Deno.env.get("PATH")}` };
      const { code, stderr } = await watched.run(watched.on("upload", "-t", "disk", "-i", "disk.img"), {
        env,
      });
      assert.equal(code, name === "good" ? 0 : 1, stderr);
    }
  },
);

Deno.test(
  "a password goes to a credential helper by standard input, and no process is called by it",
  onLinux("what command lines show"),
  async () => {
    await using watched = await Watched.start({ auth: "basic" });
    const { work, registry } = watched;
    await Deno.mkdir(work.path("keychain"));
    const look =
      'tr "\\0" " " < /proc/$$/cmdline >> "$HOME/cmdlines"; tr "\\0" " " < /proc/$PPID/cmdline >> "$HOME/cmdlines"';
    const keep =
      'if [ "$1" = store ]; then cat > "$HOME/keychain/login"; else cat "$HOME/keychain/login"; fi';
    const path = await work.write("keychain/docker-credential-keep", `#!/bin/sh\n${look}\n${keep}\n`);
    await Deno.chmod(path, 0o755);
    await writeConfig(work, { credHelpers: { [registry.host]: "keep" } });
    const env = { PATH: `${work.path("keychain")}:${Deno.env.get("PATH")}` };
    const login = ["login", registry.url, "-u", USER.username, "--password-stdin", ...LOUD];
    const stored = await watched.run(login, { env, stdin: new TextEncoder().encode(USER.password) });
    assert.equal(stored.code, 0, stored.stderr);
    assert.match(await Deno.readTextFile(work.path("keychain/login")), /open-sesame/);
    const used = await watched.run(watched.on("upload", "-t", "disk", "-i", "disk.img"), { env });
    assert.equal(used.code, 0, used.stderr);
    assert.match(
      await Deno.readTextFile(work.path("cmdlines")),
      /docker-credential-keep store.*(main\.ts|layerstash\.js) login.*docker-credential-keep get/s,
    );
  },
);

Deno.test("every form in which a secret is sent is hidden, and what is too short to tell anything is not", () => {
  const secrets = new Secrets();
  const password = 'open "sesame" & ümlaut';
  secrets.add({ kind: "password", username: "me", password });
  secrets.add({ kind: "identity", token: "refresh-1" });
  secrets.add({ kind: "bearer", token: "refresh-1234" });
  secrets.add({ kind: "bearer", token: "t" });
  const pair = new TextEncoder().encode(`me:${password}`).toBase64();
  const forms = [
    password,
    JSON.stringify(password).slice(1, -1),
    encodeURIComponent(password),
    pair,
    "refresh-1234",
  ];
  for (const form of [...forms, "open+%22sesame%22+%26+%C3%BCmlaut"]) {
    assert.equal(secrets.hide(`a ${form} b`), "a *** b");
  }
  assert.equal(secrets.hide("the tag"), "the tag");
});

/** Command lines with a password in the place of a host's name, each for another way to repeat it. */
const TYPED: readonly (readonly string[])[] = [
  ["list", "-r", "HOST/me/files"],
  ["list", "-r", "https://HOST/me/files"],
  ["list", "HOST/me/files"],
  ["list", "https://HOST/me/files:disk"],
  ["list", "https://HOST"],
  ["list", "https://me:open-sesame/2@127.0.0.1:9/me/files"],
  ["list", "--registry", "https://HOST", "-r", "me/files"],
  ["list", "oci:box", "--ca-file", "https://HOST/ca.pem"],
  ["list", "oci:box", "--progress=https://HOST"],
  ["inspect", "docker://HOST/me/app"],
  ["inspect", "oci:box", "https://HOST/me/app"],
  ["digest", "--auth-host", "https://HOST"],
  ["upload", "https://HOST/disk.img", "oci:box:disk", "--json", "--log-level", "trace"],
  ["upload", "-i", "https://HOST/a", "-i", "https://HOST/b", "oci:box:disk"],
  ["login", "https://HOST"],
  ["help", "https://HOST"],
  ["https://HOST/me/files"],
];

Deno.test("no error, hint or corrected line repeats a password in a URL that was typed", async () => {
  await using work = await makeWorkplace();
  for (const words of TYPED) {
    const typed = words.map((word) => word.replace("HOST", "me:open-sesame@127.0.0.1:9"));
    const { code, stdout, stderr } = await work.run(typed);
    const line = words.join(" ");
    assert.notEqual(code, 0, line);
    assert.equal(secretIn(stdout + stderr), undefined, `${line}\n${stdout}${stderr}`);
    assert.match(stderr, /\.\.\.@127\.0\.0\.1|contains a user name or password/, line);
  }
  const env = { LAYERSTASH_REGISTRY: "https://me:open-sesame@127.0.0.1:9" };
  const { stderr } = await work.run(["list", "me/files"], { env });
  assert.equal(secretIn(stderr), undefined, stderr);
});

Deno.test("a port, a digest, a name in a layout and the example of a hint are not taken for passwords", () => {
  for (
    const text of [
      "https://ghcr.io:5000/me/files@sha256:0123",
      '"localhost:5000/me/files:disk@sha256:0123"',
      "[::1]:5000/me/files@sha256:0123",
      "nginx:1.27@sha256:0123",
      "oci:box:app:1@v1.2",
      "C:\\Users\\me@example.com\\disk.img",
      "layerstash url me/files:disk @may15-readings",
      "deno run jsr:@layerstash/cli@0.1.0",
      "HTTPS_PROXY=http://me:PASSWORD@proxy.example.com:3128",
    ]
  ) assert.equal(withoutPasswords(text), text);
});

Deno.test("login shows nothing of the password, and keeps it where only its owner can read it", async () => {
  for (const auth of ["bearer", "basic"] as const) {
    await using watched = await Watched.start({ auth });
    const login = ["login", watched.registry.url, "-u", USER.username, "--password-stdin", ...LOUD];
    const wrong = await watched.run(login, { stdin: new TextEncoder().encode("close-sesame\n") });
    assert.equal(wrong.code, 4, wrong.stderr);
    await assert.rejects(Deno.stat(watched.work.path("docker")), Deno.errors.NotFound);
    const right = await watched.run(login, { stdin: new TextEncoder().encode(`${USER.password}\n`) });
    assert.equal(right.code, 0, right.stderr);
    const config = watched.work.path("docker/config.json");
    if (POSIX) assert.equal((await Deno.stat(config)).mode! & 0o777, 0o600);
    assert.match(await Deno.readTextFile(config), new RegExp(btoa(`${USER.username}:${USER.password}`)));
    assert.equal((await watched.run(watched.on("upload", "-t", "disk", "-i", "disk.img"))).code, 0);
  }
});

Deno.test(
  "a config that others could read is readable by its owner alone after a login",
  onPosix("file modes"),
  async () => {
    await using watched = await Watched.start({ auth: "basic" });
    await writeConfig(watched.work, { auths: {}, psFormat: "table" });
    await Deno.chmod(watched.work.path("docker/config.json"), 0o644);
    const login = ["login", watched.registry.url, "-u", USER.username, "--password-stdin"];
    const { code } = await watched.run(login, { stdin: new TextEncoder().encode(USER.password) });
    assert.equal(code, 0);
    assert.equal((await Deno.stat(watched.work.path("docker/config.json"))).mode! & 0o777, 0o600);
  },
);

Deno.test("a wrong password is not shown by the error", async () => {
  for (const auth of ["bearer", "basic"] as const) {
    await using watched = await Watched.start({ auth, tokens: { anonymousPull: false } });
    for (const args of watched.commands()) {
      const atDebug = args.map((word) => word === "trace" ? "debug" : word);
      const { code, stderr } = await watched.run(atDebug, { env: WRONG });
      assert.equal(code, 4, `${args[0]}: ${stderr}`);
    }
  }
});

Deno.test("a token that is refused for ever is not shown", async () => {
  await using watched = await Watched.start({ auth: "bearer", tokens: { validFor: -1 } });
  for (const args of watched.commands().slice(1)) {
    const { code, stderr } = await watched.run(args, { env: BY_VARIABLE });
    assert.equal(code, 4, `${args[0]}: ${stderr}`);
  }
});

Deno.test("a page of HTML and a redirect of the blobs show no secret", async () => {
  await using watched = await Watched.start({ auth: "bearer", faults: { redirectBlobs: 307 } });
  const commands = watched.commands().slice(0, 5);
  for (const args of commands) assert.equal((await watched.run(args, { env: BY_VARIABLE })).code, 0);
  const signatures = watched.registry.requests.map(({ search }) => /signature=([\w-]+)/.exec(search)?.[1]);
  const given = signatures.filter((signature) => signature !== undefined);
  assert.ok(given.length > 0);
  for (const text of watched.seen) assert.ok(!given.some((signature) => text.includes(signature)), text);
  watched.registry.faults.notARegistry = true;
  for (const args of commands) assert.equal((await watched.run(args, { env: BY_VARIABLE })).code, 1);
});

/** Answers each request that is signed with what was sent, as a debugging proxy or a careless server does. */
function echo(
  failure: (sent: string) => { status: number; headers?: Record<string, string>; body?: string },
) {
  const faults: Faults = {};
  let left = 1;
  faults.onRequest = ({ headers: { authorization } }) => {
    if (authorization === undefined || left-- <= 0) return;
    faults.failNext = [{ ...failure(authorization), times: 1 }];
  };
  return faults;
}

const json = (status: number, message: string) => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ errors: [{ code: "DENIED", message }] }),
});
const ECHOES: Record<string, (sent: string) => ReturnType<Parameters<typeof echo>[0]>> = {
  "the whole header": (sent) => json(403, `Authorization: ${sent} is not accepted`),
  "the header, escaped": (sent) => json(403, JSON.stringify({ authorization: [sent] })),
  "what stands behind the scheme": (sent) => json(403, `no such token: ${sent.split(" ")[1]}`),
  "plain text": (sent) => ({ status: 400, body: `GET /v2/ HTTP/1.1\r\nauthorization: ${sent}\r\n` }),
  "a refusal to sign in": (sent) => json(401, `${sent} is unknown`),
  "an error that passes": (sent) => json(500, `panic: token ${sent}`),
  "a warning": (sent) => ({
    status: 200,
    headers: { warning: `299 - "you sent ${sent}"` },
    body: `{"tags":[]}`,
  }),
  "a code": (sent) => ({ status: 403, body: JSON.stringify({ errors: [{ code: sent, message: "" }] }) }),
};

for (const [name, failure] of Object.entries(ECHOES)) {
  Deno.test(`what a registry repeats of a token is not shown: ${name}`, async () => {
    await using watched = await Watched.start({ auth: "bearer", faults: echo(failure) });
    const { stderr } = await watched.run(watched.on("list"), { env: BY_VARIABLE });
    assert.match(stderr, /layerstash: /);
  });
}

Deno.test("what a registry repeats of a password is not shown, in base64 or decoded", async () => {
  for (const failure of Object.values(ECHOES)) {
    await using watched = await Watched.start({ auth: "basic", faults: echo(failure) });
    await watched.run(watched.on("list"), { env: BY_VARIABLE });
  }
  const decoding = (sent: string) => json(403, `who is ${atob(sent.split(" ")[1]!)}?`);
  await using watched = await Watched.start({ auth: "basic", faults: echo(decoding) });
  const { code, stderr } = await watched.run(watched.on("list"), { env: BY_VARIABLE });
  assert.equal(code, 4, stderr);
});

Deno.test("what a token server repeats is not shown", async () => {
  for (const status of [200, 400, 401, 403, 404]) {
    let asked = 0;
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
      asked++;
      const sent = `${request.headers.get("authorization")} ${await request.text()}`;
      const answers = [
        sent,
        JSON.stringify({ token: [sent] }),
        JSON.stringify({ token: "opaque-1", expires_in: sent }),
      ];
      return new Response(answers[asked % answers.length], { status });
    });
    const challenge = `Bearer realm="http://127.0.0.1:${server.addr.port}/token"`;
    const faults = { failNext: [{ status: 401, headers: { "www-authenticate": challenge }, times: 1000 }] };
    await using watched = await Watched.start({ faults });
    for (let run = 0; run < 3; run++) await watched.run(watched.on("list"), { env: BY_VARIABLE });
    assert.ok(asked >= 3);
    await server.shutdown();
  }
});

const HTTPS = { ignore: !await ensureTool("openssl", "openssl") };

Deno.test("login sends no password to a plain token server of a registry on https", HTTPS, async () => {
  await using work = await makeWorkplace();
  const certificate = await makeServerCertificate(work.directory);
  let asked = 0;
  const plain = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    asked++;
    return Response.json({ token: "t" });
  });
  const challenge = `Bearer realm="http://127.0.0.1:${plain.addr.port}/token"`;
  const headers = { "www-authenticate": challenge };
  await using registry = await startFakeRegistry({
    certificate,
    faults: { failNext: [{ status: 401, headers, times: 100 }] },
  });
  const args = ["login", registry.url, "-u", "me", "--password-stdin", "--ca-file", certificate.caPath];
  const { code, stderr } = await work.run(args, { stdin: new TextEncoder().encode("open-sesame") });
  assert.equal(code, 1, stderr);
  assert.match(stderr, /names a token server that cannot be trusted with a password\nhint: .*https/);
  assert.equal(asked, 0);
  await assert.rejects(Deno.stat(work.path("docker")), Deno.errors.NotFound);
  await plain.shutdown();
});

// Another port is another origin, as another host is.
const ELSEWHERE: Record<
  string,
  (fake: FakeRegistry, store: Store, skip: number) => Promise<unknown>
> = {
  "an upload's location": async (fake, store) => {
    fake.faults.locations = "another-origin";
    await store.write(bytesSource(TEN));
    await store.write(bytesSource(new Uint8Array(3 * 1024 * 1024)));
  },
  "the next page of tags": async (fake, store, skip) => {
    const headers = { link: `<${fake.base.storage}/v2/me/files/tags/list?last=x>; rel="next"` };
    fake.faults.failNext = [{
      path: /tags\/list$/,
      status: 200,
      headers,
      body: `{"tags":[]}`,
      skip,
      times: 1,
    }];
    await Array.fromAsync(store.tags());
  },
  "a manifest": async (fake, store, skip) => {
    const headers = { location: `${fake.base.storage}/v2/me/files/manifests/one` };
    fake.faults.failNext = [{ path: /manifests\//, status: 307, headers, skip, times: 1 }];
    await store.manifest("one");
  },
  "the removal of a manifest": async (fake, store, skip) => {
    const headers = { location: `${fake.base.storage}/v2/me/files/manifests/one` };
    fake.faults.failNext = [{ method: "DELETE", status: 307, headers, skip, times: 1 }];
    await store.removeManifest(digestOf(TEN));
  },
};

for (const [name, use] of Object.entries(ELSEWHERE)) {
  Deno.test(`credentials stay behind where the registry leads elsewhere: ${name}`, async () => {
    for (
      const [auth, credentials] of [
        ["basic", PASSWORD],
        ["bearer", PASSWORD],
        ["none", { kind: "bearer", token: "canary" }],
      ] as const
    ) {
      await using fake = await startFakeRegistry({ auth });
      using opened = open(fake, { credentials, retry: { attempts: 1 } });
      const skip = auth === "none" ? 0 : 1; // a registry that asks who is there answers 401 first
      await use(fake, opened.store, skip).catch((error: LayerstashError) =>
        assert.ok(error.kind, String(error))
      );
      const elsewhere = fake.requests.filter(({ origin }) => origin === "storage");
      assert.ok(elsewhere.length > 0, `${auth}: it was followed`);
      for (const { headers } of elsewhere) {
        assert.equal(headers["authorization"], undefined);
        assert.equal(secretIn(JSON.stringify(headers)), undefined);
      }
      const signed = fake.requests.filter(({ headers }) => headers["authorization"] !== undefined);
      assert.ok(signed.length > 0, `${auth}: the registry itself was given them`);
    }
  });
}
