/** The protocol of docker's credential helpers, spoken with real programs. @module */
import assert from "node:assert/strict";
import { LayerstashError } from "../lib/errors.ts";
import { credentialHelper } from "../lib/sign_in/credential_helper.ts";
import { savedCredentials } from "../lib/sign_in/saved_credentials.ts";
import { helperHome } from "./rigs/credential_helper.ts";
import { onPosix } from "./rigs/system.ts";

const { ignore } = onPosix("credential helpers that are shell scripts");
const login = { kind: "password", username: "me", password: 'p"a\\ss ö' } as const;

/** What `get` gives, or throws, with a helper whose script is this. */
async function answerOf(script: string) {
  await using home = await helperHome();
  await home.install("odd", `#!/bin/sh\n${script}\n`);
  return await credentialHelper("odd", home.env).get("ghcr.io");
}

async function errorOf(promise: Promise<unknown>): Promise<LayerstashError> {
  const error = await promise.then(() => undefined, (error) => error);
  assert(error instanceof LayerstashError, `not a LayerstashError: ${Deno.inspect(error)}`);
  assert(error.hint);
  return error;
}

Deno.test({
  name: "what a helper stores it gives again, until it is erased",
  ignore,
  async fn() {
    await using home = await helperHome();
    const helper = credentialHelper("keeper", home.env);
    assert.equal(helper.program, "docker-credential-keeper");
    assert.equal(await helper.get("ghcr.io"), undefined);
    await helper.store("ghcr.io", login);
    assert.deepEqual(await helper.get("ghcr.io"), login);
    assert.equal(await helper.get("quay.io"), undefined);
    await helper.erase("ghcr.io");
    assert.equal(await helper.get("ghcr.io"), undefined);
  },
});

Deno.test({
  name: "the user <token> means an identity token, both ways",
  ignore,
  async fn() {
    await using home = await helperHome();
    const helper = credentialHelper("keeper", home.env);
    await helper.store("acr.example", { kind: "identity", token: "refresh" });
    assert.deepEqual(
      JSON.parse(await Deno.readTextFile(`${home.env.HELPER_STORE}/acr.example`)),
      { ServerURL: "acr.example", Username: "<token>", Secret: "refresh" },
    );
    assert.deepEqual(await helper.get("acr.example"), { kind: "identity", token: "refresh" });
  },
});

Deno.test({
  name: "an answer with no name and no secret in it is none",
  ignore,
  async fn() {
    assert.equal(await answerOf(`echo '{"ServerURL":"","Username":"","Secret":""}'`), undefined);
  },
});

Deno.test({
  name: "a helper that fails is an error with its own reason",
  ignore,
  async fn() {
    const error = await errorOf(answerOf("cat; echo ': the keychain is locked'; echo more; exit 1"));
    assert.equal(
      error.message,
      "docker-credential-odd did not give the login of ghcr.io: ghcr.io: the keychain is locked",
    );
  },
});

Deno.test({
  name: "erasing what is not there is no error, and a helper that cannot erase is one",
  ignore,
  async fn() {
    await using home = await helperHome();
    await home.install("empty", "#!/bin/sh\necho 'credentials not found in native keychain'; exit 1\n");
    await credentialHelper("empty", home.env).erase("ghcr.io");
    await home.install("fixed", "#!/bin/sh\necho 'not implemented'; exit 1\n");
    const error = await errorOf(credentialHelper("fixed", home.env).erase("ghcr.io"));
    assert.equal(
      error.message,
      "docker-credential-fixed did not erase the login of ghcr.io: not implemented",
    );
  },
});

Deno.test({
  name: "a helper gets the environment that was given, and no other variable",
  ignore,
  async fn() {
    await using home = await helperHome();
    await home.install(
      "env",
      `#!/bin/sh\nprintf '{"Username":"%s","Secret":"%s"}' "$MINE" "$LAYERSTASH_TEST_LEAK"\n`,
    );
    Deno.env.set("LAYERSTASH_TEST_LEAK", "leak");
    try {
      const found = await credentialHelper("env", { ...home.env, MINE: "me", UNSET: undefined }).get(
        "ghcr.io",
      );
      assert.deepEqual(found, { kind: "password", username: "me", password: "" });
    } finally {
      Deno.env.delete("LAYERSTASH_TEST_LEAK");
    }
  },
});

Deno.test({
  name: "a helper that does not read its input does no harm",
  ignore,
  async fn() {
    await using home = await helperHome();
    await home.install("deaf", "#!/bin/sh\nexec <&-\nexit 0\n");
    const long = { ...login, password: "x".repeat(1_000_000) };
    await credentialHelper("deaf", home.env).store("ghcr.io", long);
  },
});

Deno.test({
  name: "no secret gets from a helper into an error",
  ignore,
  async fn() {
    const leaks = [
      `echo '{"Username":"me","Secret":"S3CRET"'`,
      `echo 'S3CRET'`,
      `echo '{"Username":"me","Secret":["S3CRET"]}'`,
      `echo '{"Username":"me","Secret":"S3CRET"}'; exit 1`,
      `echo S3CRET >&2; exit 1`,
    ];
    for (const leak of leaks) {
      const error = await errorOf(answerOf(leak));
      assert.doesNotMatch(Deno.inspect(error), /S3CRET/, leak);
    }
    await using home = await helperHome();
    await home.install("echo", "#!/bin/sh\nsed 's/.*Secret\":\"//'; exit 1\n");
    const secret = { kind: "identity", token: "S3CRET" } as const;
    const error = await errorOf(credentialHelper("echo", home.env).store("ghcr.io", secret));
    assert.equal(error.message, "docker-credential-echo did not store the login of ghcr.io");
  },
});

Deno.test({
  name: "a helper that is not installed is an error that says so",
  ignore,
  async fn() {
    await using home = await helperHome();
    const error = await errorOf(credentialHelper("absent", home.env).get("ghcr.io"));
    assert.equal(error.message, "docker-credential-absent is not installed");
    await home.write("bin/docker-credential-plain", "#!/bin/sh\n");
    assert.match(
      (await errorOf(credentialHelper("plain", home.env).get("ghcr.io"))).message,
      /plain (is not|cannot)/,
    );
  },
});

Deno.test("a suffix that could lead to another folder, or be no name, is refused", () => {
  for (const suffix of ["../evil", "a/b", "a\\b", "", "-rf", ".hidden", "a b", "a\n", "a;b"]) {
    assert.throws(() => credentialHelper(suffix, {}), LayerstashError, JSON.stringify(suffix));
  }
});

Deno.test({
  name: "a helper for the host comes before the store for all, and both before what is in the file",
  ignore,
  async fn() {
    await using home = await helperHome();
    const give = (name: string) => `#!/bin/sh\necho '{"Username":"${name}","Secret":"s"}'\n`;
    await home.install("own", give("own"));
    await home.install("all", give("all"));
    const auths = {
      "ghcr.io": { auth: btoa("file:f") },
      "quay.io": {},
      "open.example": { auth: btoa("file:f") },
    };
    const credHelpers = { "https://ghcr.io": "own", "open.example": "" };
    const user = async (host: string, config: unknown) => {
      await home.write(".docker/config.json", JSON.stringify(config));
      const found = await savedCredentials(home.env)(host, "me/files");
      return found?.kind === "password" ? found.username : found;
    };
    assert.equal(await user("ghcr.io", { auths, credHelpers, credsStore: "all" }), "own");
    assert.equal(await user("quay.io", { auths, credHelpers, credsStore: "all" }), "all");
    assert.equal(await user("open.example", { auths, credHelpers, credsStore: "all" }), "file");
    assert.equal(
      await user("ghcr.io", { auths, credHelpers: { "ghcr.io": "keeper" }, credsStore: "all" }),
      "all",
    );
    assert.equal(await user("ghcr.io", { auths, credsStore: "keeper" }), "file");
  },
});

Deno.test({
  name: "Docker Hub is asked for under docker's name, then under podman's",
  ignore,
  async fn() {
    await using home = await helperHome();
    await home.write(".config/containers/auth.json", '{"credHelpers":{"index.docker.io":"keeper"}}');
    const find = savedCredentials(home.env);
    assert.equal(await find("docker.io", "me/files"), undefined);
    assert.deepEqual(await home.calls(), ["get https://index.docker.io/v1/", "get docker.io"]);
    await credentialHelper("keeper", home.env).store("docker.io", login);
    assert.deepEqual(await find("docker.io", "me/files"), { ...login, saved: true });
  },
});

Deno.test({
  name: "a helper that fails ends the search, even where another place has a login",
  ignore,
  async fn() {
    await using home = await helperHome();
    const config = { auths: { "ghcr.io": { auth: btoa("me:pass") } }, credsStore: "absent" };
    await home.write(".docker/config.json", JSON.stringify(config));
    const error = await errorOf(savedCredentials(home.env)("ghcr.io", "me/files"));
    assert.equal(error.message, "docker-credential-absent is not installed");
  },
});

Deno.test("the helpers that DOCKER_AUTH_CONFIG names are not run", async () => {
  const json = JSON.stringify({ credsStore: "absent", auths: { "ghcr.io": { auth: btoa("me:pass") } } });
  const found = await savedCredentials({ DOCKER_AUTH_CONFIG: json })("ghcr.io", "me/files");
  assert.deepEqual(found, { kind: "password", username: "me", password: "pass", saved: true });
});
