/** Saved logins are found as docker and podman find them. @module */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { type Credentials, firstCredentials } from "../lib/sign_in/credentials.ts";
import { credentialFilePaths } from "../lib/sign_in/docker_config_file.ts";
import { scopeOfKey } from "../lib/sign_in/docker_login.ts";
import { savedCredentials } from "../lib/sign_in/saved_credentials.ts";
import { LayerstashError, NotAllowedError } from "../lib/errors.ts";
import { onPosix } from "./rigs/system.ts";

/** A home directory with these files in it, removed at the end of the block. */
async function homeWith(files: Record<string, unknown>) {
  const path = await Deno.makeTempDir({ prefix: "layerstash-home-" });
  for (const [name, content] of Object.entries(files)) {
    const file = join(path, name);
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeTextFile(file, typeof content === "string" ? content : JSON.stringify(content));
  }
  return {
    path,
    env: { HOME: path, USERPROFILE: path },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

const DOCKER = ".docker/config.json";
const PODMAN = ".config/containers/auth.json";

function auth(pair: string) {
  return { auth: new TextEncoder().encode(pair).toBase64() };
}

function password(username: string, password: string): Credentials {
  return { kind: "password", username, password, saved: true };
}

/** What is found for `me/files` of a host where docker's file has these entries. */
async function inDocker(auths: Record<string, unknown>, host = "ghcr.io", repository = "me/files") {
  await using home = await homeWith({ [DOCKER]: { auths } });
  return await savedCredentials(home.env)(host, repository);
}

/** What is thrown where docker's file has this text. */
async function failure(content: string): Promise<LayerstashError & { path: string }> {
  await using home = await homeWith({ [DOCKER]: content });
  try {
    await savedCredentials(home.env)("ghcr.io", "me/files");
  } catch (error) {
    assert(error instanceof LayerstashError);
    return Object.assign(error, { path: join(home.path, DOCKER) });
  }
  throw new Error("nothing was thrown");
}

Deno.test("a login is found in docker's config.json", async () => {
  assert.deepEqual(await inDocker({ "ghcr.io": auth("me:pass") }), password("me", "pass"));
});

Deno.test("the password begins after the first colon and ends before docker's NULs", async () => {
  assert.deepEqual(await inDocker({ "ghcr.io": auth("me:a:b:\0\0") }), password("me", "a:b:"));
});

Deno.test("names and passwords may have letters outside of ASCII", async () => {
  assert.deepEqual(await inDocker({ "ghcr.io": auth("zoë:pässwörd€") }), password("zoë", "pässwörd€"));
});

Deno.test("user name and password may stand on their own", async () => {
  const entry = { username: "me", password: "pass" };
  assert.deepEqual(await inDocker({ "ghcr.io": entry }), password("me", "pass"));
});

Deno.test("an identity token comes before the name that stands beside it", async () => {
  const entry = { ...auth("00000000-0000-0000-0000-000000000000:"), identitytoken: "refresh" };
  assert.deepEqual(await inDocker({ "ghcr.io": entry }), { kind: "identity", token: "refresh", saved: true });
});

Deno.test("a registry token is a bearer token", async () => {
  assert.deepEqual(await inDocker({ "ghcr.io": { registrytoken: "t" } }), {
    kind: "bearer",
    token: "t",
    saved: true,
  });
});

Deno.test("an empty entry is no login, and neither is one for another host or port", async () => {
  const auths = { "ghcr.io": {}, "ghcr.io:443": auth("a:b"), "notghcr.io": auth("c:d"), "x": null };
  assert.equal(await inDocker(auths), undefined);
});

Deno.test("a key that is a URL stands for its host", async () => {
  for (
    const key of ["https://ghcr.io", "https://ghcr.io/v1/", "http://ghcr.io/v2/", "ghcr.io/v2/", "ghcr.io/"]
  ) {
    assert.deepEqual(await inDocker({ [key]: auth("me:pass") }), password("me", "pass"), key);
  }
});

Deno.test("Docker Hub's names are one, and docker's own key comes first", async () => {
  const names = [
    "https://index.docker.io/v1/",
    "docker.io",
    "index.docker.io",
    "https://registry-1.docker.io",
  ];
  for (const key of names) {
    assert.deepEqual(await inDocker({ [key]: auth("me:pass") }, "docker.io"), password("me", "pass"), key);
    assert.equal(scopeOfKey(key), "docker.io");
  }
  const both = { "docker.io": auth("old:old"), "https://index.docker.io/v1/": auth("me:pass") };
  assert.deepEqual(await inDocker(both, "docker.io"), password("me", "pass"));
});

Deno.test("of podman's keys with a path, the longest that fits wins", async () => {
  const auths = {
    "quay.io": auth("host:1"),
    "quay.io/team": auth("team:2"),
    "quay.io/team/app": auth("app:3"),
    "quay.io/team/ap": auth("wrong:4"),
  };
  await using home = await homeWith({ [PODMAN]: { auths } });
  const find = savedCredentials(home.env);
  assert.deepEqual(await find("quay.io", "team/app"), password("app", "3"));
  assert.deepEqual(await find("quay.io", "team/app/deep"), password("app", "3"));
  assert.deepEqual(await find("quay.io", "team/other"), password("team", "2"));
  assert.deepEqual(await find("quay.io", "teamster/app"), password("host", "1"));
  assert.deepEqual(await find("quay.io", ""), password("host", "1"));
});

Deno.test("a path under one of Docker Hub's names is a path under docker.io", async () => {
  await using home = await homeWith({ [PODMAN]: { auths: { "index.docker.io/me": auth("me:pass") } } });
  assert.deepEqual(await savedCredentials(home.env)("docker.io", "me/files"), password("me", "pass"));
  assert.equal(await savedCredentials(home.env)("docker.io", "library/nginx"), undefined);
});

Deno.test("the variable comes before docker's file, and that before podman's", async () => {
  const of = (pair: string) => ({ auths: { "ghcr.io": auth(pair) } });
  await using home = await homeWith({
    [DOCKER]: of("docker:1"),
    [PODMAN]: of("podman:2"),
    "named.json": of("named:3"),
  });
  const variable = { DOCKER_AUTH_CONFIG: JSON.stringify(of("variable:4")) };
  const named = { REGISTRY_AUTH_FILE: join(home.path, "named.json") };
  const elsewhere = { DOCKER_CONFIG: join(home.path, "none") };
  const user = async (env: Record<string, string>) => {
    const found = await savedCredentials({ ...home.env, ...env })("ghcr.io", "me/files");
    return found?.kind === "password" ? found.username : found;
  };
  assert.equal(await user({}), "docker");
  assert.equal(await user(variable), "variable");
  assert.equal(await user({ ...variable, ...named }), "named");
  assert.equal(await user(elsewhere), "podman");
  assert.equal(await user({ ...elsewhere, REGISTRY_AUTH_FILE: join(home.path, "absent.json") }), undefined);
});

Deno.test("a source that does not know the host is passed over", async () => {
  const other = { auths: { "quay.io": auth("other:0") } };
  await using home = await homeWith({ [DOCKER]: other, [PODMAN]: { auths: { "ghcr.io": auth("me:pass") } } });
  const find = savedCredentials({ ...home.env, DOCKER_AUTH_CONFIG: JSON.stringify(other) });
  assert.deepEqual(await find("ghcr.io", "me/files"), password("me", "pass"));
});

Deno.test({
  name: "the files to look in follow docker's and podman's variables",
  ...onPosix("the paths of other systems"),
  fn() {
    assert.deepEqual(credentialFilePaths({}), []);
    assert.deepEqual(credentialFilePaths({ HOME: "/h", DOCKER_CONFIG: "", REGISTRY_AUTH_FILE: "" }), [
      "/h/.docker/config.json",
      "/h/.config/containers/auth.json",
    ]);
    const env = { HOME: "/h", DOCKER_CONFIG: "/d", XDG_RUNTIME_DIR: "/run/1", XDG_CONFIG_HOME: "/c" };
    assert.deepEqual(credentialFilePaths(env), [
      "/d/config.json",
      "/run/1/containers/auth.json",
      "/c/containers/auth.json",
    ]);
    assert.deepEqual(credentialFilePaths({ ...env, REGISTRY_AUTH_FILE: "/a.json" }), [
      "/a.json",
      "/d/config.json",
    ]);
  },
});

Deno.test("without any file there is no login", async () => {
  await using home = await homeWith({});
  assert.equal(await savedCredentials(home.env)("ghcr.io", "me/files"), undefined);
  assert.equal(await savedCredentials({})("ghcr.io", "me/files"), undefined);
});

Deno.test("an empty file, a byte order mark and null fields are no fault", async () => {
  for (const content of ["", "\n", "\uFEFF{}", '{"auths":null,"credHelpers":null,"credsStore":null}']) {
    await using home = await homeWith({ [DOCKER]: content });
    assert.equal(await savedCredentials(home.env)("ghcr.io", "me/files"), undefined);
  }
});

Deno.test("a malformed file is named, and nothing of what stands in it", async () => {
  const contents = {
    "it is not JSON": '{"auths": {"ghcr.io": {"auth": "S3CRET" oops',
    "auths.ghcr.io.auth should be": '{"auths": {"ghcr.io": {"auth": ["S3CRET"]}}}',
    "auths should be": '{"auths": "S3CRET"}',
    "credsStore should be": '{"credsStore": {"x": "S3CRET"}}',
    "it should be": '["S3CRET"]',
    "the auth of ghcr.io is not": '{"auths": {"ghcr.io": {"auth": "S3CRET"}}}',
  };
  for (const [reason, content] of Object.entries(contents)) {
    const error = await failure(content);
    assert(error.message.startsWith(`${error.path} is malformed: ${reason}`), error.message);
    assert.doesNotMatch(Deno.inspect(error), /S3CRET/);
    assert(error.hint);
  }
});

Deno.test("an entry that cannot be decoded troubles no other host", async () => {
  const auths = { "quay.io": { auth: "%%" }, "ghcr.io": auth("me:pass") };
  assert.deepEqual(await inDocker(auths), password("me", "pass"));
  await assert.rejects(inDocker(auths, "quay.io"), /the auth of quay\.io is not user:password in base64/);
  await assert.rejects(inDocker({ "ghcr.io": auth("nocolon") }), /is not user:password/);
  await assert.rejects(inDocker({ "ghcr.io": auth(":nouser") }), /is not user:password/);
});

Deno.test("a malformed DOCKER_AUTH_CONFIG is named, and nothing of what stands in it", async () => {
  const error = await savedCredentials({ DOCKER_AUTH_CONFIG: "S3CRET" })("ghcr.io", "a/b").catch((e) => e);
  assert.equal(error.message, "DOCKER_AUTH_CONFIG is malformed: it is not JSON");
  assert.doesNotMatch(Deno.inspect(error), /S3CRET/);
});

Deno.test("a file that cannot be read is an error that names it", async () => {
  await using home = await homeWith({ [`${DOCKER}/sub`]: "a folder where the file should be" });
  await assert.rejects(savedCredentials(home.env)("ghcr.io", "a/b"), (error: unknown) => {
    assert(error instanceof NotAllowedError);
    assert.equal(error.message, `${join(home.path, DOCKER)} cannot be read`);
    return true;
  });
});

Deno.test("firstCredentials asks no further than the first that finds", async () => {
  const asked: string[] = [];
  const finder = (name: string, found?: Credentials) => (host: string, repository: string) => {
    asked.push(`${name} ${host}/${repository}`);
    return Promise.resolve(found);
  };
  const find = firstCredentials(finder("a"), finder("b", password("me", "pass")), finder("c"));
  assert.deepEqual(await find("ghcr.io", "me/files"), password("me", "pass"));
  assert.deepEqual(asked, ["a ghcr.io/me/files", "b ghcr.io/me/files"]);
  assert.equal(await firstCredentials()("ghcr.io", "me/files"), undefined);
});
