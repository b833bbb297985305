/** Logins are saved where docker would save them, and forgotten again. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { InvalidInputError, LayerstashError, NotAllowedError } from "../lib/errors.ts";
import { changeConfigFile } from "../lib/sign_in/docker_config_file.ts";
import { savedCredentials } from "../lib/sign_in/saved_credentials.ts";
import { eraseLogin, saveLogin } from "../lib/sign_in/saved_login.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { type HelperHome, helperHome } from "./rigs/credential_helper.ts";
import { mountSmallDisk, withSmallDisk } from "./rigs/small_disk.ts";
import { asRoot, onPosix } from "./rigs/system.ts";

const login = { kind: "password", username: "me", password: "pass" } as const;
const found = { ...login, saved: true };
const CONFIG = ".docker/config.json";

/** A test with a home directory; the helper there is a shell script, which Windows does not run. */
function test(name: string, body: (home: HelperHome, path: string) => Promise<void>): void {
  Deno.test({
    name,
    ...onPosix("credential helpers that are shell scripts"),
    async fn() {
      await using home = await helperHome();
      await body(home, join(home.path, CONFIG));
    },
  });
}

async function modeOf(path: string): Promise<string> {
  return ((await Deno.stat(path)).mode! & 0o777).toString(8);
}

async function namesIn(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort();
}

test("the first login makes docker's file, for the owner alone", async (home, path) => {
  assert.deepEqual(await saveLogin("ghcr.io", login, home.env), { location: path, plainText: true });
  assert.equal(
    await Deno.readTextFile(path),
    '{\n\t"auths": {\n\t\t"ghcr.io": {\n\t\t\t"auth": "bWU6cGFzcw=="\n\t\t}\n\t}\n}',
  );
  assert.equal(await modeOf(path), "600");
  assert.equal(await modeOf(join(home.path, ".docker")), "700");
  assert.deepEqual(await namesIn(join(home.path, ".docker")), ["config.json"]);
});

test("what was saved is found", async (home) => {
  const odd = { kind: "password", username: "zoë", password: "a:b€" } as const;
  await saveLogin("localhost:5000", odd, home.env);
  await saveLogin("acr.example", { kind: "identity", token: "refresh" }, home.env);
  const find = savedCredentials(home.env);
  assert.deepEqual(await find("localhost:5000", "me/files"), { ...odd, saved: true });
  assert.deepEqual(await find("acr.example", "me/files"), {
    ...{ kind: "identity", token: "refresh", saved: true },
  });
});

test("Docker Hub's login is kept under docker's key, whichever of its names is used", async (home, path) => {
  for (const host of ["docker.io", "index.docker.io", "https://index.docker.io/v1/"]) {
    await saveLogin(host, login, home.env);
    const { auths } = JSON.parse(await Deno.readTextFile(path));
    assert.deepEqual(auths, { "https://index.docker.io/v1/": { auth: "bWU6cGFzcw==" } });
  }
  assert.deepEqual(await savedCredentials(home.env)("docker.io", "me/files"), found);
});

test("everything else in the file stays, in its order", async (home, path) => {
  await home.write(
    CONFIG,
    '{"HttpHeaders": {"X-A": "1"}, "auths": {"quay.io": {"auth": "YTpi", "email": "a@b"}, "ghcr.io": {"auth": "b2xk"}},' +
      ' "future": {"deep": [1, null]}, "currentContext": "box"}',
  );
  await Deno.chmod(path, 0o644);
  await saveLogin("ghcr.io", login, home.env);
  assert.equal(
    await Deno.readTextFile(path),
    `{
	"HttpHeaders": {
		"X-A": "1"
	},
	"auths": {
		"quay.io": {
			"auth": "YTpi",
			"email": "a@b"
		},
		"ghcr.io": {
			"auth": "bWU6cGFzcw=="
		}
	},
	"future": {
		"deep": [
			1,
			null
		]
	},
	"currentContext": "box"
}`,
  );
  assert.equal(await modeOf(path), "600");
});

test("DOCKER_CONFIG names another folder", async (home) => {
  const env = { ...home.env, DOCKER_CONFIG: join(home.path, "deep/er") };
  assert.equal((await saveLogin("ghcr.io", login, env)).location, join(home.path, "deep/er/config.json"));
  assert.deepEqual(await savedCredentials(env)("ghcr.io", "me/files"), found);
  assert.equal(await eraseLogin("ghcr.io", home.env), false);
});

test("a link stays a link, also where there is nothing yet at its end", async (home, path) => {
  await home.write("dotfiles/docker.json", "{}");
  await Deno.mkdir(join(home.path, ".docker"));
  await Deno.symlink("../dotfiles/docker.json", path);
  for (const _ of ["a file at its end", "none"]) {
    await saveLogin("ghcr.io", login, home.env);
    assert((await Deno.lstat(path)).isSymlink);
    const target = join(home.path, "dotfiles/docker.json");
    assert.match(await Deno.readTextFile(target), /bWU6cGFzcw==/);
    assert.equal(await modeOf(target), "600");
    await Deno.remove(target);
  }
});

test("a malformed file is left as it is", async (home, path) => {
  for (const content of ['{"auths": {', '{"auths": 1}', "[]"]) {
    await home.write(CONFIG, content);
    await assert.rejects(saveLogin("ghcr.io", login, home.env), LayerstashError);
    await assert.rejects(eraseLogin("ghcr.io", home.env), LayerstashError);
    assert.equal(await Deno.readTextFile(path), content);
  }
});

test("where the folder cannot be made, the error names the file and not the password", async (home, path) => {
  await home.write(".docker", "a file where the folder should be");
  const error = await saveLogin("ghcr.io", login, home.env).catch((error) => error);
  assert(error instanceof NotAllowedError);
  assert.equal(error.message, `${path} cannot be read`);
  assert.doesNotMatch(Deno.inspect(error), /pass|bWU6cGFzcw/);
});

test("when the file cannot be replaced, nothing is left beside it", async (home) => {
  const path = join(home.path, "folder/config.json");
  const change = changeConfigFile(path, (config) => {
    Deno.mkdirSync(join(path, "in the way"), { recursive: true });
    return config;
  });
  await assert.rejects(change, { message: `${path} cannot be written: it is a directory` });
  assert.deepEqual(await namesIn(join(home.path, "folder")), ["config.json"]);
});

test("a user name that docker could not read again is refused", async (home, path) => {
  for (const username of ["", "a:b"]) {
    const refused = { kind: "password", username, password: "S3CRET" } as const;
    const error = await saveLogin("ghcr.io", refused, home.env).catch((error) => error);
    assert(error instanceof InvalidInputError);
    assert.doesNotMatch(Deno.inspect(error), /S3CRET/);
  }
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
});

test("without a home directory there is nowhere to save", async () => {
  await assert.rejects(saveLogin("ghcr.io", login, {}), InvalidInputError);
  await assert.rejects(eraseLogin("ghcr.io", {}), InvalidInputError);
});

test("with a helper the login goes there, and the password leaves the file", async (home, path) => {
  await home.write(CONFIG, '{"auths":{"ghcr.io":{"auth":"b2xkOm9sZA=="}},"credsStore":"keeper"}');
  assert.deepEqual(await saveLogin("ghcr.io", login, home.env), {
    location: "docker-credential-keeper",
    plainText: false,
  });
  assert.deepEqual(JSON.parse(await Deno.readTextFile(path)), {
    auths: { "ghcr.io": {} },
    credsStore: "keeper",
  });
  assert.deepEqual(await savedCredentials(home.env)("ghcr.io", "me/files"), found);
  assert.deepEqual(await home.calls(), ["store ghcr.io", "get ghcr.io"]);
});

test("the helper of one host is used for that host alone", async (home, path) => {
  await home.write(CONFIG, '{"credHelpers":{"docker.io":"keeper"}}');
  assert.equal((await saveLogin("docker.io", login, home.env)).plainText, false);
  assert.equal((await saveLogin("ghcr.io", login, home.env)).plainText, true);
  assert.deepEqual(await home.calls(), ["store https://index.docker.io/v1/"]);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(path)).auths, {
    "https://index.docker.io/v1/": {},
    "ghcr.io": { auth: "bWU6cGFzcw==" },
  });
});

test("when the helper fails, the file stays as it is", async (home, path) => {
  const content = '{"auths":{"ghcr.io":{"auth":"b2xkOm9sZA=="}},"credsStore":"absent"}';
  await home.write(CONFIG, content);
  await assert.rejects(saveLogin("ghcr.io", login, home.env), /docker-credential-absent is not installed/);
  assert.equal(await Deno.readTextFile(path), content);
});

test("a login is forgotten, once", async (home, path) => {
  await saveLogin("ghcr.io", login, home.env);
  await saveLogin("quay.io", login, home.env);
  assert.equal(await eraseLogin("ghcr.io", home.env), true);
  assert.equal(await eraseLogin("ghcr.io", home.env), false);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(path)), {
    auths: { "quay.io": { auth: "bWU6cGFzcw==" } },
  });
  assert.equal(await modeOf(path), "600");
});

test("all names of Docker Hub are forgotten together", async (home, path) => {
  const auths = {
    "docker.io": { auth: "YTpi" },
    "https://index.docker.io/v1/": { auth: "YTpi" },
    "docker.io/me": {},
  };
  await home.write(CONFIG, JSON.stringify({ auths }));
  assert.equal(await eraseLogin("index.docker.io", home.env), true);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(path)).auths, { "docker.io/me": {} });
});

test("a login is forgotten in the file and in the helper", async (home, path) => {
  await home.write(CONFIG, '{"credsStore":"keeper"}');
  await saveLogin("docker.io", login, home.env);
  assert.equal(await eraseLogin("docker.io", home.env), true);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(path)), { credsStore: "keeper", auths: {} });
  assert.equal(await savedCredentials(home.env)("docker.io", "me/files"), undefined);
  assert.equal(await eraseLogin("docker.io", home.env), false);
  assert((await home.calls()).includes("erase https://index.docker.io/v1/"));
});

test("forgetting what was never there makes no file", async (home, path) => {
  assert.equal(await eraseLogin("ghcr.io", home.env), false);
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
});

test("a helper that fails at the sign-out leaves no password in the file", async (home, path) => {
  await home.install("broken", "#!/bin/sh\necho no such thing; exit 3\n");
  await home.write(
    CONFIG,
    JSON.stringify({ credsStore: "broken", auths: { "ghcr.io": { auth: "bWU6cGFzcw==" } } }),
  );
  await assert.rejects(eraseLogin("ghcr.io", home.env), LayerstashError);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(path)).auths, {});
});

Deno.test({
  name: "a file that root writes stays the user's, as under sudo",
  ...asRoot("a login under sudo"),
  async fn() {
    await using home = await helperHome();
    await home.write(CONFIG, "{}");
    const path = join(home.path, CONFIG);
    await Deno.chown(path, 1234, 2345);
    await saveLogin("ghcr.io", login, home.env);
    const { uid, gid, mode } = await Deno.stat(path);
    assert.deepEqual([uid, gid, mode! & 0o777], [1234, 2345, 0o600]);
  },
});

/** A registry with passwords, which accepts a login only when the test opens the gate. */
function gatedRegistry(gate: Promise<void>, asked: () => void) {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async ({ headers }) => {
    const challenge = { "www-authenticate": "Basic realm=test" };
    if (!headers.has("authorization")) return new Response(null, { status: 401, headers: challenge });
    asked();
    await gate;
    return new Response("{}");
  });
  return { host: `127.0.0.1:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

test("a login is saved where the file system has no locks", async (home, path) => {
  const { tryLock } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.tryLock = () => Promise.reject(new Deno.errors.NotSupported("no locks today"));
  try {
    await saveLogin("ghcr.io", login, home.env);
  } finally {
    Deno.FsFile.prototype.tryLock = tryLock;
  }
  assert.deepEqual(await savedCredentials(home.env)("ghcr.io", "me/files"), found);
  assert.deepEqual(await namesIn(join(path, "..")), ["config.json"]);
});

Deno.test("eight logins and sign-outs at once all count, in processes of their own", async () => {
  await using work = await makeWorkplace();
  await using servers = new AsyncDisposableStack();
  const all = Promise.withResolvers<void>();
  let waiting = 0;
  const registries = Array.from({ length: 8 }, () =>
    servers.use(gatedRegistry(all.promise, () => {
      if (++waiting === 8) all.resolve();
    })));
  const env = { HOME: work.directory, DOCKER_CONFIG: work.path("docker") };
  const login = (host: string) => work.run(["login", `http://${host}`, "-u", "me", "-p", "pass"], { env });
  const ends = await Promise.all(registries.map(({ host }) => login(host)));
  for (const { code, stderr } of ends) assert.equal(code, 0, stderr);
  const { auths } = JSON.parse(await Deno.readTextFile(work.path("docker/config.json")));
  assert.deepEqual(Object.keys(auths).sort(), registries.map(({ host }) => host).sort());
  assert.deepEqual(await namesIn(work.path("docker")), ["config.json"]);
  const erased = await Promise.all(registries.slice(1).map(({ host }) => eraseLogin(host, env)));
  assert.deepEqual(erased, erased.map(() => true));
  const left = JSON.parse(await Deno.readTextFile(work.path("docker/config.json"))).auths;
  assert.deepEqual(Object.keys(left), [registries[0]!.host]);
});

Deno.test("a full disk is named as the reason why a login is not saved", withSmallDisk, async () => {
  await using home = await helperHome();
  await using disk = await mountSmallDisk(join(home.path, ".docker"), "64k");
  await Deno.writeFile(join(home.path, ".docker/full"), new Uint8Array(64 * 1024)).catch(() => {});
  const error = await saveLogin("ghcr.io", login, home.env).catch((error) => error);
  assert(error instanceof LayerstashError && !(error instanceof NotAllowedError));
  assert.match(error.message, /no space is left on the disk for .*config\.json/);
  assert.ok(disk);
});
