/**
 * The round trips of each verb, one behind the other, as the documentation of `lib/registry/endpoints.ts` has them: with no
 * sign-in, with a password, and with a token. Each is felt over a distance, and so is each connection that has to be made.
 *
 * @module
 */
import assert from "node:assert/strict";
import { download, info, list, openStore, remove, type Store, upload } from "../main.ts";
import { pullBlobs, pushBlob } from "../lib/exports/blobs.ts";
import { makeServerCertificate } from "./rigs/certificates.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { makeWorkspace, sink, someBytes, type Workspace } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";
import { startHttp2Front } from "./rigs/http2_front.ts";
import { requireRounds } from "./rigs/rounds.ts";
import { USER } from "./rigs/user.ts";

const OPENSSL = { ignore: !await ensureTool("openssl", "openssl") };
const FIRST = "GET manifests/disk-1";
const LIST = "GET tags/list";
const BLOB = "GET blobs/blob";
const BEGIN = "POST blobs/uploads/";
const END = "PUT blobs/uploads/";

interface Verb {
  /** What is asked for, by rounds, where nobody signs in. */
  rounds: string[][];
  /** How many tokens are asked for, where tokens are wanted. */
  tokens: number;
  /** Whether a file is there before. */
  stored: boolean;
  run(store: Store, work: Workspace, signal: AbortSignal): Promise<unknown>;
}

const VERBS: Record<string, Verb> = {
  "upload a small file": {
    rounds: [[FIRST, LIST, BEGIN, BEGIN], ["HEAD manifests/disk-1", END, END], ["PUT manifests/disk-1"], [
      FIRST,
    ]],
    tokens: 1,
    stored: false,
    run: (store, work, signal) =>
      upload(store, "disk", { input: work.path("in"), stateDirectory: work.path("journals"), signal }),
  },
  "upload it again": {
    rounds: [[FIRST, LIST], ["HEAD manifests/disk-2"], [BLOB], [BLOB]],
    tokens: 1,
    stored: true,
    run: (store, work, signal) => upload(store, "disk", { input: work.path("in"), signal }),
  },
  "download to a file": {
    rounds: [[FIRST], [BLOB, BLOB]],
    tokens: 1,
    stored: true,
    run: (store, work, signal) => download(store, "disk", { output: work.path("out"), signal }),
  },
  "download to a stream": {
    rounds: [[FIRST], [BLOB, BLOB]],
    tokens: 1,
    stored: true,
    run: (store, _work, signal) => download(store, "disk", { output: sink().stream, signal }),
  },
  "list": {
    rounds: [[LIST], [FIRST], [BLOB]],
    tokens: 1,
    stored: true,
    run: (store, _work, signal) => Array.fromAsync(list(store, { signal })),
  },
  "info": {
    rounds: [[FIRST], [BLOB]],
    tokens: 1,
    stored: true,
    run: (store, _work, signal) => info(store, "disk", { signal }),
  },
  "remove": {
    rounds: [[LIST], ["HEAD manifests/disk-2"], [FIRST], [BLOB], ["DELETE manifests/disk-1"], [LIST]],
    tokens: 2,
    stored: true,
    run: (store, _work, signal) => remove(store, "disk", { signal }),
  },
  "blob push": {
    rounds: [[BLOB, BEGIN], [END]],
    tokens: 1,
    stored: false,
    run: (store, work, signal) =>
      pushBlob(store, work.path("in"), { stateDirectory: work.path("journals"), signal }),
  },
  "blob pull": {
    rounds: [["GET manifests/name"], [BLOB]],
    tokens: 1,
    stored: true,
    run: (store, work, signal) => pullBlobs(store, ["@name"], { output: work.path("out"), signal }),
  },
};

type Auth = "none" | "basic" | "bearer";

const openAs = ({ url, auth }: FakeRegistry & { auth: Auth }) =>
  openStore({
    registry: url,
    repository: "me/files",
    ...(auth !== "none" && { credentials: { kind: "password", ...USER } }),
  });

for (const auth of ["none", "basic", "bearer"] as const) {
  for (const [name, { rounds, tokens, stored, run }] of Object.entries(VERBS)) {
    Deno.test(`${name}: no round trip more than the documentation says, with the sign-in ${auth}`, async () => {
      await using work = await makeWorkspace();
      await using registry = await startFakeRegistry({ auth });
      const as = { ...registry, url: registry.url, auth };
      const input = await work.write("in", someBytes(1000));
      if (stored) {
        using before = openAs(as);
        await upload(before, "disk", { input });
        await pushBlob(before, input, { alias: "name" });
      }
      const asked = registry.tokens?.requests.length ?? 0;
      using store = openAs(as);
      const signedIn = auth === "none" ? rounds : [rounds[0]!, ...rounds]; // the first round is refused, with a challenge
      await requireRounds(registry, signedIn, (signal) => run(store, work, signal));
      const inAll = await documented(name);
      const askedFor = (registry.tokens?.requests.length ?? 0) - asked;
      assert.equal(askedFor, auth === "bearer" ? tokens : 0);
      assert.equal(inAll[auth], signedIn.length + askedFor, `${JSON.stringify(inAll)} is documented`);
    });
  }
}

Deno.test("list: the command takes no round trip more than the documentation says", async () => {
  await using place = await makeWorkplace();
  await using registry = await startFakeRegistry();
  using before = openAs({ ...registry, url: registry.url, auth: "none" });
  await upload(before, "disk", { input: await place.write("in", someBytes(1000)) });
  const { rounds } = VERBS["list"]!;
  await requireRounds(registry, rounds, async () => {
    const { code, stdout, stderr } = await place.run(["list", `${registry.url}/me/files`]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^disk +1$/m);
  });
  assert.equal((await documented("list")).none, rounds.length);
});

/** How many round trips the documentation says that a verb takes. */
async function documented(verb: string): Promise<Record<Auth, number>> {
  const text = await Deno.readTextFile(new URL("../lib/registry/endpoints.ts", import.meta.url));
  const [row] = text.split("\n").filter((line) => line.includes(`| ${verb} |`));
  assert.ok(row, `${verb} is documented`);
  const [none, basic, bearer] = row.split("|").slice(-4).map(Number);
  return { none: none!, basic: basic!, bearer: bearer! };
}

Deno.test(
  "a small file goes up over as many connections as there are requests side by side",
  OPENSSL,
  async () => {
    await using work = await makeWorkspace();
    await using fake = await startFakeRegistry({ faults: { locations: "relative" } });
    await Deno.mkdir(work.path("certificate"));
    const certificate = await makeServerCertificate(work.path("certificate"));
    await using front = startHttp2Front(fake, certificate);
    using store = openStore({ registry: front.url, repository: "me/files", caCerts: [certificate.caPem] });
    const input = await work.write("in", someBytes(1000));
    await upload(store, "disk", { input, stateDirectory: work.path("journals") });
    const ports = new Set([...front.connections].map((each) => each.split(" ")[1]));
    assert.ok(ports.size <= 4, `${ports.size} connections`);
  },
);
