/** Odd values in answers: one entry that is not understood does not make the rest unreadable. @module */
import assert from "node:assert/strict";
import { LayerstashError, MismatchError, RegistryError } from "../lib/errors.ts";
import { azureCredentials } from "../lib/sign_in/acr_exchange.ts";
import { parseDockerConfig } from "../lib/sign_in/docker_config.ts";
import { parseHelperAnswer } from "../lib/sign_in/credential_helper.ts";
import { listRepositories } from "../main.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { failure, open } from "./rigs/opened.ts";

const DIGEST = `sha256:${"1".repeat(64)}`;
const JSON_TYPE = { "content-type": "application/json" };

/** Answers the next requests for a path with a value as JSON. */
function answering(fake: FakeRegistry, path: RegExp, value: unknown, headers = {}): void {
  const body = JSON.stringify(value);
  fake.faults.failNext = [{ path, status: 200, headers: { ...JSON_TYPE, ...headers }, body, times: 9 }];
}

Deno.test("of a list of tags, what is not a tag is passed over, and that is reported", async () => {
  await using fake = await startFakeRegistry();
  for (const odd of [null, 7, {}, ["c"]]) {
    using opened = open(fake);
    answering(fake, /tags/, { name: null, tags: ["a", odd, "b", odd] });
    assert.deepEqual(await Array.fromAsync(opened.store.tags()), ["a", "b"]);
    assert.deepEqual(opened.notices(), [
      "the list of tags of 127.0.0.1/me/files has entries that are not understood: they are passed over"
        .replace("127.0.0.1", fake.host),
    ]);
  }
});

Deno.test("a full page with an odd entry is followed by the next, where there is no link", async () => {
  await using fake = await startFakeRegistry();
  const asked: string[] = [];
  fake.faults.onRequest = ({ search }) => {
    asked.push(search);
    const size = Number(new URLSearchParams(search).get("n"));
    const tags = asked.length === 1 ? [...Array(size - 1).keys()].map((each) => `t${each}`) : ["last"];
    answering(fake, /tags/, { tags: asked.length === 1 ? [null, ...tags] : tags });
  };
  using opened = open(fake);
  assert.equal((await Array.fromAsync(opened.store.tags())).at(-1), "last");
  assert.equal(asked.length, 2);
});

Deno.test("of a list of referrers or repositories, what is none of them is passed over", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake);
  const referrer = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: DIGEST, size: 7 };
  const odd = [null, "x", { ...referrer, digest: "sha512:ab" }, { ...referrer, size: "7" }, { size: 1 }];
  answering(fake, /referrers/, { schemaVersion: 2, manifests: [...odd, referrer] });
  const found = await opened.store.referrers(`sha256:${"2".repeat(64)}`);
  assert.deepEqual(found.map(({ digest }) => digest), [DIGEST]);
  assert.match(opened.notices().join(), /^the list of what refers to .* has entries that are not understood/);
  answering(fake, /_catalog/, { repositories: ["me/files", null, 7] });
  assert.deepEqual(await Array.fromAsync(listRepositories({ registry: fake.url })), ["me/files"]);
});

Deno.test("a list that is not one is an error that names it", async () => {
  await using fake = await startFakeRegistry();
  for (const value of [{ tags: "a" }, { tags: { 0: "a" } }, [], null, "a"]) {
    using opened = open(fake);
    answering(fake, /tags/, value);
    const error = await failure(Array.fromAsync(opened.store.tags()));
    assert.ok(error instanceof MismatchError);
    assert.match(error.message, /list of tags of .* is malformed/);
  }
});

Deno.test("a list of millions of tags is left before it fills the memory, and the error says so", async () => {
  await using fake = await startFakeRegistry();
  let pages = 0;
  fake.faults.onRequest = () => {
    const first = ++pages * 100_000;
    const tags = Array.from({ length: 100_000 }, (_, each) => (first + each).toString(36));
    answering(fake, /tags/, { tags }, { link: `</v2/me/files/tags/list?last=${pages}>; rel="next"` });
  };
  using opened = open(fake);
  const error = await failure(Array.fromAsync(opened.store.tags()));
  assert.match(error.message, /^the list of tags of .* has no end: \d+ pages with \d+ entries were read$/);
  assert.ok(pages < 15, `${pages} pages`);
});

Deno.test("one odd error among the errors of an answer does not hide the others", async () => {
  await using fake = await startFakeRegistry();
  using opened = open(fake);
  const body = JSON.stringify({ errors: [null, { code: 7 }, { code: "DENIED", message: "go away" }] });
  fake.faults.failNext = [{ status: 403, headers: JSON_TYPE, body, times: 1 }];
  const { message } = await failure(Array.fromAsync(opened.store.tags()));
  assert.match(message, /: go away \(DENIED\)$/);
});

Deno.test("a malformed answer to the exchange of a token is the server's fault, and no mismatch of bytes", async () => {
  for (
    const answer of [{}, { refresh_token: null }, { refresh_token: 7 }, { refresh_token: "" }, null, "x"]
  ) {
    await using server = serve(() => Response.json(answer));
    const find = azureCredentials({ accessToken: "secret-token" }, { isMeant: () => true });
    const error = await failure(find(server.host, "me/files"), "secret-token");
    assert.ok(error instanceof RegistryError, `${error}`);
    assert.match(error.message, /answer of .* to the token exchange/);
  }
});

Deno.test("an access token that the exchange refuses is not allowed, and a server that fails is named", async () => {
  for (const status of [400, 401, 403, 500, 503]) {
    await using server = serve(() => Response.json({ errors: ["secret-token"] }, { status }));
    const find = azureCredentials({ accessToken: "secret-token" }, { isMeant: () => true });
    const error = await failure(find(server.host, "me/files"), "secret-token");
    assert.equal(error.kind, status < 500 ? "not-allowed" : "failed");
    assert.match(error.message, new RegExp(`${server.host} .*${status}`));
    if (status < 500) assert.match(error.hint ?? "", /az acr login/);
    assert.equal(server.asked, 1);
  }
});

function serve(answer: () => Response) {
  let asked = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    asked++;
    return answer();
  });
  return {
    host: `127.0.0.1:${server.addr.port}`,
    get asked() {
      return asked;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("a credential helper may write null where it has nothing, as programs in Go read it", () => {
  for (const text of ['{"Username":null,"Secret":null}', "{}", '{"ServerURL":"x","Username":""}']) {
    assert.equal(parseHelperAnswer(text, "docker-credential-x"), undefined, text);
  }
  for (const text of ["null", "[]", '{"Username":7}', '"x"', ""]) {
    assert.throws(() => parseHelperAnswer(text, "docker-credential-x"), LayerstashError, text);
  }
});

Deno.test("docker's config may have null where it has nothing", () => {
  const config = {
    auths: { "a.test": null, "b.test": { auth: null, email: null } },
    credHelpers: { "c.test": null },
    credsStore: null,
    HttpHeaders: null,
  };
  assert.deepEqual(parseDockerConfig(JSON.stringify(config), "config.json").config, config);
  assert.deepEqual(parseDockerConfig('{"auths":null,"credHelpers":null}', "config.json").config, {
    auths: null,
    credHelpers: null,
  });
});
