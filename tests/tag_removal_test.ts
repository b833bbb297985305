/** Tags are removed through the APIs of Docker Hub and GitHub, against stand-ins that keep state as they do. @module */
import assert from "node:assert/strict";
import { InvalidInputError, type LayerstashError, NotAllowedError, RegistryError } from "../lib/errors.ts";
import type { Credentials } from "../lib/sign_in/credentials.ts";
import { hubTagRemover } from "../lib/registry/tag_removal/docker_hub.ts";
import { githubTagRemover } from "../lib/registry/tag_removal/github_packages.ts";
import type { TagRemover } from "../lib/registry/tag_removal/tag_remover.ts";
import { openTransport } from "../lib/http/transport.ts";
import { openStore, remove, type Store, upload } from "../main.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";

const SECRET = "dckr_pat_very-secret";
const USER: Credentials = { kind: "password", username: "me", password: SECRET };

/** A stand-in on loopback that writes down what it was asked. */
async function serving(
  handler: (request: Request, url: URL) => Response | Promise<Response>,
  body: (server: { api: string; asked: string[] }) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const url = new URL(request.url);
    asked.push(`${request.method} ${url.pathname}${url.search}`);
    return handler(request, url);
  });
  try {
    await body({ api: `http://127.0.0.1:${server.addr.port}`, asked });
  } finally {
    await server.shutdown();
  }
}

/** Checks the error in full: nothing that can be printed of it holds the secret. */
async function failure(done: Promise<unknown>): Promise<LayerstashError> {
  const error = await done.then(() => assert.fail("it did not fail"), (error: LayerstashError) => error);
  assert.ok(!Deno.inspect(error).includes(SECRET), "the error holds the secret");
  return error;
}

interface Hub {
  tags: Set<string>;
  scope: "read" | "delete";
  tokens: Set<string>;
}

function hub(state: Hub): (request: Request, url: URL) => Promise<Response> {
  return async (request, url) => {
    if (url.pathname === "/v2/auth/token") {
      const { identifier, secret } = await request.json();
      if (identifier !== "me" || secret !== SECRET) {
        return Response.json({ detail: `incorrect ${secret}` }, { status: 401 });
      }
      const token = `jwt-${state.tokens.size + 1}`;
      state.tokens.add(token);
      return Response.json({ access_token: token });
    }
    if (!state.tokens.has(request.headers.get("authorization")?.replace("Bearer ", "") ?? "")) {
      return Response.json({ message: "unauthorized" }, { status: 401 });
    }
    if (state.scope === "read") return Response.json({ message: "access denied" }, { status: 403 });
    const tag = /^\/v2\/repositories\/me\/files\/tags\/([^/]+)\/$/.exec(url.pathname)?.[1];
    const gone = tag !== undefined && request.method === "DELETE" && state.tags.delete(tag);
    return gone ? new Response(null, { status: 204 }) : Response.json({ message: "none" }, { status: 404 });
  };
}

async function onHub(
  state: Partial<Hub>,
  body: (context: { remover: TagRemover; state: Hub; asked: string[] }) => Promise<void>,
  credentials: Credentials | undefined = USER,
): Promise<void> {
  const whole: Hub = { tags: new Set(["disk-1", "disk-2"]), scope: "delete", tokens: new Set(), ...state };
  const transport = openTransport();
  try {
    await serving(hub(whole), async ({ api, asked }) => {
      const remover = hubTagRemover({ transport, api, credentials, repository: "me/files" });
      await body({ remover, state: whole, asked });
    });
  } finally {
    transport.close();
  }
}

Deno.test("Docker Hub: tags are removed with one sign-in, and what is not there is no error", async () => {
  await onHub({}, async ({ remover, state, asked }) => {
    await remover.remove("disk-1");
    await remover.remove("disk-1");
    await remover.remove("other");
    assert.deepEqual([...state.tags], ["disk-2"]);
    assert.deepEqual(asked, [
      "POST /v2/auth/token",
      "DELETE /v2/repositories/me/files/tags/disk-1/",
      "DELETE /v2/repositories/me/files/tags/disk-1/",
      "DELETE /v2/repositories/me/files/tags/other/",
    ]);
  });
});

Deno.test("Docker Hub: a token that has expired is replaced, once", async () => {
  await onHub({}, async ({ remover, state, asked }) => {
    await remover.remove("disk-1");
    state.tokens.delete("jwt-1");
    state.tokens.add("another");
    await remover.remove("disk-2");
    assert.equal(state.tags.size, 0);
    assert.equal(asked.filter((line) => line.startsWith("POST")).length, 2);
  });
});

Deno.test("Docker Hub: a token without the right to delete is told which one is needed", async () => {
  await onHub({ scope: "read" }, async ({ remover, state }) => {
    const error = await failure(remover.remove("disk-1"));
    assert.ok(error instanceof NotAllowedError);
    assert.match(error.message, /answered 403: access denied$/);
    assert.match(error.hint ?? "", /"Read, Write, Delete"/);
    assert.equal(state.tags.size, 2);
  });
});

Deno.test("Docker Hub: a wrong password is refused, and does not reach the error even if the server repeats it", async () => {
  await onHub({}, async ({ asked, remover }) => {
    const error = await failure(remover.remove("disk-1"));
    assert.ok(error instanceof NotAllowedError);
    assert.doesNotMatch(error.message, /wrong-password/);
    assert.match(error.message, /answered 401: incorrect \*\*\*$/);
    assert.equal(asked.length, 1);
  }, { kind: "password", username: "me", password: "wrong-password" });
});

Deno.test("only a user name with a password can remove tags", async () => {
  const bearer: Credentials = { kind: "bearer", token: SECRET };
  const transport = openTransport();
  const options = { transport, api: "http://127.0.0.1:1", repository: "me/files", isolate: noIsolation };
  for (const credentials of [bearer, { kind: "identity", token: SECRET } as const, undefined]) {
    for (const make of [hubTagRemover, githubTagRemover]) {
      const error = await failure(make({ ...options, credentials }).remove("disk-1"));
      assert.ok(error instanceof NotAllowedError);
      assert.match(error.hint ?? "", /layerstash login/);
    }
  }
  transport.close();
});

Deno.test("an answer that is HTML, malformed or missing is a registry error", async () => {
  const answers = [
    () => new Response("<html>", { headers: { "content-type": "text/html" } }),
    () => new Response(`{"access_token": "${SECRET}`, { headers: { "content-type": "application/json" } }),
    () => new Response(SECRET, { headers: { "content-type": "application/json" } }),
    () => Response.json({ token: SECRET }),
    () => new Response("<html>busy", { status: 503, headers: { "content-type": "text/html" } }),
    () => Response.json({ message: "slow down" }, { status: 429, headers: { "retry-after": "60" } }),
  ];
  const transport = openTransport();
  for (const answer of answers) {
    await serving(answer, async ({ api }) => {
      const options = { transport, api, credentials: USER, repository: "me/files", isolate: noIsolation };
      for (const make of [hubTagRemover, githubTagRemover]) {
        assert.ok(await failure(make(options).remove("disk-1")) instanceof RegistryError);
      }
    });
  }
  const gone = { transport, api: "http://127.0.0.1:1", credentials: USER, repository: "me/files" };
  assert.match((await failure(hubTagRemover(gone).remove("disk-1"))).message, /does not answer/);
  transport.close();
});

Deno.test("a removal that is cancelled rejects with the signal's reason", async () => {
  await onHub({}, async ({ remover, asked }) => {
    const reason = new Error("stop");
    await assert.rejects(remover.remove("disk-1", { signal: AbortSignal.abort(reason) }), reason);
    assert.deepEqual(asked, []);
  });
});

Deno.test("a repository that the service cannot have is invalid input", async () => {
  const transport = openTransport();
  const options = { transport, credentials: USER, repository: "files", isolate: noIsolation };
  await assert.rejects(hubTagRemover(options).remove("disk-1"), InvalidInputError);
  assert.throws(() => githubTagRemover(options), InvalidInputError);
  transport.close();
});

function noIsolation(): Promise<void> {
  return Promise.reject(new Error("nothing was to be isolated"));
}

interface Github {
  owner: "User" | "Organization";
  versions: { id: number; tags: string[] }[];
  scopes: string[];
  pageSize: number;
  nextOrigin?: string;
}

/** As GitHub: 404 hides what a token may not see, the last tagged version stays, a version goes with all its tags. */
function github(state: Github): (request: Request, url: URL) => Response {
  const missing = () => Response.json({ message: "Package not found." }, { status: 404 });
  return (request, url) => {
    if (request.headers.get("authorization") !== `Bearer ${SECRET}`) {
      return Response.json({ message: "Bad credentials" }, { status: 401 });
    }
    assert.equal(request.headers.get("accept"), "application/vnd.github+json");
    assert.equal(request.headers.get("x-github-api-version"), "2022-11-28");
    if (url.pathname === "/users/me") return Response.json({ login: "me", type: state.owner });
    const route = state.owner === "User" ? "users" : "orgs";
    const base = `/${route}/me/packages/container/box%2Ffiles/versions`;
    if (!url.pathname.startsWith(base) || !state.scopes.includes("read:packages")) return missing();
    if (request.method === "GET") return page(state, url);
    if (state.scopes.includes("delete denied as 404")) return missing();
    if (!state.scopes.includes("delete:packages")) {
      return Response.json({ message: "Must have admin rights." }, { status: 403 });
    }
    return drop(state, Number(url.pathname.slice(base.length + 1))) ?? missing();
  };
}

function page(state: Github, url: URL): Response {
  const number = Number(url.searchParams.get("page") ?? 1);
  const from = (number - 1) * state.pageSize;
  const shown = state.versions.slice(from, from + state.pageSize);
  const next = new URL(url.pathname, state.nextOrigin ?? url.origin);
  next.search = `?per_page=100&page=${number + 1}`;
  const links = [`<${url.origin}${url.pathname}?page=1>; rel="first"`];
  if (from + state.pageSize < state.versions.length) links.unshift(`<${next}>; rel="next"`);
  const body = shown.map(({ id, tags }) => ({ id, name: `sha256:${id}`, metadata: { container: { tags } } }));
  return Response.json(body, { headers: { link: links.join(", ") } });
}

function drop(state: Github, id: number): Response | undefined {
  const index = state.versions.findIndex((version) => version.id === id);
  if (index < 0) return undefined;
  if (state.versions.filter((version) => version.tags.length > 0).length === 1) {
    const message =
      "You cannot delete the last tagged version of a package. You must delete the package instead.";
    return Response.json({ message }, { status: 400 });
  }
  state.versions.splice(index, 1);
  return new Response(null, { status: 204 });
}

interface GithubContext {
  remover: TagRemover;
  state: Github;
  asked: string[];
  isolated: string[];
}

async function onGithub(
  state: Partial<Github>,
  body: (context: GithubContext) => Promise<void>,
  isolates = true,
): Promise<void> {
  const whole: Github = {
    owner: "User",
    versions: [{ id: 3, tags: ["disk-2"] }, { id: 2, tags: ["a", "b", "c"] }, { id: 1, tags: ["disk-1"] }],
    scopes: ["read:packages", "delete:packages"],
    pageSize: 2,
    ...state,
  };
  const isolated: string[] = [];
  const isolate = (tag: string) => {
    isolated.push(tag);
    if (isolates) {
      for (const version of whole.versions) version.tags = version.tags.filter((one) => one !== tag);
      whole.versions.unshift({ id: 99, tags: [tag] });
    }
    return Promise.resolve();
  };
  const transport = openTransport();
  try {
    await serving(github(whole), async ({ api, asked }) => {
      const options = { transport, api, credentials: USER, repository: "me/box/files", isolate };
      await body({ remover: githubTagRemover(options), state: whole, asked, isolated });
    });
  } finally {
    transport.close();
  }
}

Deno.test("GitHub: a tag with a version of its own is found over pages and removed, for users and organizations", async () => {
  for (const [owner, route] of [["User", "users"], ["Organization", "orgs"]] as const) {
    await onGithub({ owner }, async ({ remover, state, asked, isolated }) => {
      await remover.remove("disk-1");
      await remover.remove("disk-1");
      assert.deepEqual(state.versions.map(({ id }) => id), [3, 2]);
      assert.deepEqual(isolated, []);
      const versions = `/${route}/me/packages/container/box%2Ffiles/versions`;
      assert.deepEqual(asked, [
        "GET /users/me",
        `GET ${versions}?per_page=100`,
        `GET ${versions}?per_page=100&page=2`,
        `DELETE ${versions}/1`,
        `GET ${versions}?per_page=100`,
      ]);
    });
  }
});

Deno.test("GitHub: a tag that shares its version is moved away first, and the others stay", async () => {
  await onGithub({}, async ({ remover, state, isolated }) => {
    await remover.remove("b");
    assert.deepEqual(isolated, ["b"]);
    assert.deepEqual(state.versions.flatMap(({ tags }) => tags), ["disk-2", "a", "c", "disk-1"]);
    assert.ok(state.versions.some(({ id }) => id === 2));
  });
});

Deno.test("GitHub: nothing is deleted while the list shows other tags on the version", async () => {
  await onGithub({}, async ({ remover, state, asked, isolated }) => {
    const error = await failure(remover.remove("b"));
    assert.ok(error instanceof NotAllowedError);
    assert.match(error.message, /would delete a, c with it$/);
    assert.deepEqual(isolated, ["b"]);
    assert.equal(state.versions.length, 3);
    assert.ok(!asked.some((line) => line.startsWith("DELETE")));
  }, false);
});

Deno.test("GitHub: the package's last tagged version stays, with a hint", async () => {
  await onGithub({ versions: [{ id: 1, tags: ["disk-1"] }] }, async ({ remover, state }) => {
    const error = await failure(remover.remove("disk-1"));
    assert.ok(error instanceof NotAllowedError);
    assert.match(error.message, /cannot delete the last tagged version/);
    assert.equal(error.hint, "delete the package box/files in its settings page on GitHub");
    assert.equal(state.versions.length, 1);
  });
});

Deno.test("GitHub: a token without the rights is told which one is needed", async () => {
  for (const scopes of [[], ["read:packages"], ["read:packages", "delete denied as 404"]]) {
    await onGithub({ scopes }, async ({ remover, state }) => {
      const error = await failure(remover.remove("disk-1"));
      assert.ok(error instanceof NotAllowedError);
      assert.match(error.hint ?? "", /delete:packages/);
      assert.equal(state.versions.length, 3);
    });
  }
});

Deno.test("GitHub: the token does not follow a next page to another origin", async () => {
  await serving(() => new Response(), async ({ api, asked }) => {
    await onGithub({ nextOrigin: api }, async ({ remover }) => {
      const error = await failure(remover.remove("disk-1"));
      assert.ok(error instanceof RegistryError);
      assert.deepEqual(asked, []);
    });
  });
});

/** A repository of a registry that deletes nothing, whose service has its API at an address of ours. */
function openRemovedThrough(removal: "docker-hub" | "github", registry: FakeRegistry, api: string): Store {
  return openStore({
    registry: registry.url,
    repository: removal === "github" ? "me/box/files" : "me/files",
    credentials: USER,
    profile: { removal },
    apis: { dockerHub: api, github: api },
  });
}

Deno.test("removing a stash goes through Docker Hub's API where the registry deletes nothing", async () => {
  await using registry = await startFakeRegistry({ faults: { refuseDeletes: 405 } });
  const state: Hub = { tags: new Set(["disk-1", "disk-2", "other-1"]), scope: "delete", tokens: new Set() };
  await serving(hub(state), async ({ api }) => {
    using store = openRemovedThrough("docker-hub", registry, api);
    await upload(store, "disk", { input: new Response("2 chunks").body!, chunkSize: 4 });
    assert.deepEqual(await remove(store, "disk"), { removed: ["disk-2", "disk-1"], kept: [] });
    assert.deepEqual([...state.tags], ["other-1"]);
    const deleted = registry.requests.filter(({ method }) => method === "DELETE").map(({ path }) => path);
    assert.equal(deleted.length, 1, "the manifest of a removed tag, and no other after the refusal");
    assert.match(deleted[0]!, /manifests\/sha256:/);
  });
});

Deno.test("removing a stash goes through GitHub's API, and moves a shared tag to a placeholder before", async () => {
  await using registry = await startFakeRegistry({ faults: { refuseDeletes: 405 } });
  const state: Github = {
    owner: "User",
    versions: [{ id: 1, tags: ["disk-1", "copy-1"] }, { id: 2, tags: ["other-1"] }],
    scopes: ["read:packages", "delete:packages"],
    pageSize: 10,
  };
  await serving(github(state), async ({ api }) => {
    using store = openRemovedThrough("github", registry, api);
    await upload(store, "disk", { input: new Response("one chunk").body! });
    const stored = await store.resolve("disk-1");
    registry.faults.onRequest = ({ method, path }) => { // GitHub sees what arrives at its registry
      if (method !== "PUT" || !path.endsWith("/manifests/disk-1")) return;
      state.versions[0]!.tags = ["copy-1"];
      state.versions.push({ id: 3, tags: ["disk-1"] });
    };
    assert.deepEqual(await remove(store, "disk"), { removed: ["disk-1"], kept: [] });
    assert.deepEqual(state.versions.map(({ tags }) => tags), [["copy-1"], ["other-1"]]);
    assert.notEqual(
      await store.resolve("disk-1"),
      stored,
      "it had a manifest of its own when it was removed",
    );
  });
});

Deno.test("what could not be removed is named, with the reason", async () => {
  await using registry = await startFakeRegistry();
  const state: Hub = { tags: new Set(["disk-1"]), scope: "read", tokens: new Set() };
  await serving(hub(state), async ({ api }) => {
    using store = openRemovedThrough("docker-hub", registry, api);
    await upload(store, "disk", { input: new Response("one chunk").body! });
    const { removed, kept } = await remove(store, "disk");
    assert.deepEqual([removed, kept.map(({ tag }) => tag)], [[], ["disk-1"]]);
    assert.match(kept[0]!.why, /answered 403: access denied/);
    assert.match(kept[0]!.error?.hint ?? "", /Read, Write, Delete/);
  });
});
