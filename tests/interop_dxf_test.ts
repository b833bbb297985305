/** dxf reads the blobs and aliases that are written here, and what it has written is read here. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Digest, digestOf } from "../lib/oci/digest.ts";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_INDEX } from "../lib/oci/media_types.ts";
import { type Ended, makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { sink, someBytes } from "./rigs/content.ts";
import { ensureTool, pythonPeer } from "./rigs/debian.ts";
import { linesOf } from "./rigs/line_reader.ts";
import { type RealRegistry, startRegistry } from "./rigs/real_registry.ts";
import { USER } from "./rigs/user.ts";
import { getAlias, pullBlobs, pushBlob, setAlias } from "../lib/exports/blobs.ts";
import { openStore } from "../main.ts";

const peer = await pythonPeer("python-dxf==12.1.1");
const ignore = peer === undefined || !await ensureTool("docker-registry", "docker-registry");
const REPOSITORY = "fred/datalogger";

/** Both programs at one registry, in one directory. */
interface Pair extends AsyncDisposable {
  registry: RealRegistry;
  work: Workplace;
  dxf(args: string[], options?: { env?: Record<string, string>; stdin?: string }): Promise<Ended>;
  ours(args: string[], options?: { env?: Record<string, string>; stdin?: string }): Promise<Ended>;
}

async function makePair(options: Parameters<typeof startRegistry>[0] = {}): Promise<Pair> {
  const registry = await startRegistry(options);
  const work = await makeWorkplace();
  const process = new Dxf(work.directory);
  const bytes = (text?: string) => text === undefined ? undefined : new TextEncoder().encode(text);
  const plain = options.tls ? undefined : { DXF_INSECURE: "1" };
  return {
    registry,
    work,
    dxf: (args, { env, stdin } = {}) =>
      process.run(args, { env: { DXF_HOST: registry.host, DXF_PROGRESS: "0", ...plain, ...env }, stdin }),
    ours: (args, { env, stdin } = {}) =>
      work.run(args, {
        env: { LAYERSTASH_REGISTRY: registry.url, LAYERSTASH_REPOSITORY: REPOSITORY, ...env },
        stdin: bytes(stdin),
      }),
    async [Symbol.asyncDispose]() {
      await process[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
    },
  };
}

/** dxf in one directory, loaded once. */
class Dxf implements AsyncDisposable {
  readonly #directory: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: AsyncIterator<string>;

  constructor(directory: string) {
    this.#directory = directory;
    this.#child = new Deno.Command(join(peer!, "python"), {
      args: [join(import.meta.dirname!, "rigs/dxf_process.py")],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#answers = linesOf(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Runs one command, as a process of its own would. */
  async run(
    args: string[],
    { env, stdin = "" }: { env: Record<string, string>; stdin?: string | undefined },
  ) {
    const call = { args, cwd: this.#directory, env, stdin };
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(call)}\n`));
    const { value } = await this.#answers.next();
    return JSON.parse(value) as Ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#answers.next();
    await this.#child.status;
  }
}

/** What a command prints; it has to succeed. */
async function said(ended: Promise<Ended>): Promise<string> {
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 0, stderr);
  return stdout;
}

Deno.test("dxf's command-line example gives the same with either program", { ignore }, async () => {
  await using pair = await makePair();
  const { work, dxf, ours } = pair;
  const text = "12.5 degrees\n13.1 degrees\n";
  await work.write("logger.dat", text);
  const digest = digestOf(new TextEncoder().encode(text));
  const pushed = [
    await said(ours(["blob", "push", "-i", "logger.dat", "--alias", "may15-readings"])),
    await said(dxf(["push-blob", REPOSITORY, "logger.dat", "@may15-readings"])),
  ];
  assert.deepEqual(pushed, [`${digest}\n`, `${digest}\n`]);
  const pulled = [
    await said(ours(["blob", "pull", "@may15-readings"])),
    await said(dxf(["pull-blob", REPOSITORY, "@may15-readings"])),
  ];
  assert.deepEqual(pulled, [text, text]);
  const set = [
    await said(ours(["alias", "set", "may15-readings", digest])),
    await said(dxf(["set-alias", REPOSITORY, "may15-readings", digest])),
  ];
  assert.equal(set[0], set[1]);
  const got = [
    await said(ours(["alias", "get", "may15-readings"])),
    await said(dxf(["get-alias", REPOSITORY, "may15-readings"])),
  ];
  assert.deepEqual(got, [`${digest}\n`, `${digest}\n`]);
  assert.equal(await said(ours(["blob", "pull", digest])), text);
  assert.equal(await said(dxf(["pull-blob", REPOSITORY, digest])), text);
});

Deno.test("dxf reads an alias in OCI's format", { ignore }, async () => {
  await using pair = await makePair();
  const { work, dxf, ours } = pair;
  await work.write("logger.dat", "12.5 degrees");
  const push = ["blob", "push", "-i", "logger.dat", "--alias", "readings", "--manifest-format", "oci"];
  const digest = await said(ours(push));
  assert.equal(await said(dxf(["get-alias", REPOSITORY, "readings"])), digest);
  assert.equal(await said(dxf(["pull-blob", REPOSITORY, "@readings"])), "12.5 degrees");
});

const MODULE_EXAMPLE = `
import sys
from dxf import DXF
dxf = DXF(sys.argv[1], 'fred/datalogger', insecure=True)
dgst = dxf.push_blob('logger.dat')
dxf.set_alias('may15-readings', dgst)
assert dxf.get_alias('may15-readings') == [dgst]
for chunk in dxf.pull_blob(dgst):
    sys.stdout.buffer.write(chunk)
`;

Deno.test("dxf's module example gives the same with either library", { ignore }, async () => {
  const text = "12.5 degrees\n13.1 degrees\n";
  const results = [];
  for (const library of ["ours", "dxf"]) {
    await using pair = await makePair();
    const { work, registry } = pair;
    const input = await work.write("logger.dat", text);
    using store = openStore({ registry: registry.url, repository: REPOSITORY });
    let pulled = "";
    if (library === "dxf") {
      const args = ["-c", MODULE_EXAMPLE, registry.host];
      const { success, stdout, stderr } = await new Deno.Command(join(peer!, "python"), {
        args,
        cwd: work.directory,
      }).output();
      assert.ok(success, new TextDecoder().decode(stderr));
      pulled = new TextDecoder().decode(stdout);
    } else {
      const { digest } = await pushBlob(store, input);
      await setAlias(store, "may15-readings", { digests: [digest] });
      assert.deepEqual(await getAlias(store, "may15-readings"), [digest]);
      const { stream, bytes } = sink();
      await pullBlobs(store, [digest], { output: stream });
      pulled = new TextDecoder().decode(bytes());
    }
    results.push({ pulled, manifest: await store.resolve("may15-readings") });
  }
  assert.equal(results[0]!.pulled, text);
  assert.deepEqual(results[0], results[1]);
});

for (const writer of ["ours", "dxf"] as const) {
  Deno.test(`what ${writer} writes, both read alike`, { ignore }, async () => {
    await using pair = await makePair();
    const { work, dxf, ours } = pair;
    const contents = ["first\n", "second, longer\n", ""];
    const digests: Digest[] = [];
    for (const [index, text] of contents.entries()) {
      await work.write(`${index}.txt`, text);
      const push = writer === "ours"
        ? ours(["blob", "push", "-i", `${index}.txt`])
        : dxf(["push-blob", REPOSITORY, `${index}.txt`]);
      digests.push((await said(push)).trim() as Digest);
    }
    const manifest = await said(
      writer === "ours"
        ? ours(["alias", "set", "all", digests[0]!, "./1.txt", digests[2]!])
        : dxf(["set-alias", REPOSITORY, "all", digests[0]!, "./1.txt", digests[2]!]),
    );
    const alike: [string[], string[]][] = [
      [["alias", "get", "all"], ["get-alias", REPOSITORY, "all"]],
      [["manifest", "all"], ["get-manifest", REPOSITORY, "all"]],
      [["digest", "all"], ["get-digest", REPOSITORY, "all"]],
      [["blob", "size", "@all", digests[1]!], ["blob-size", REPOSITORY, "@all", digests[1]!]],
      [["blob", "pull", "@all", digests[0]!], ["pull-blob", REPOSITORY, "@all", digests[0]!]],
      [["alias", "list"], ["list-aliases", REPOSITORY]],
      [["repos"], ["list-repos"]],
    ];
    for (const [mine, theirs] of alike) assert.equal(await said(ours(mine)), await said(dxf(theirs)));
    assert.equal(await said(ours(["manifest", "all"])), manifest);
    assert.equal(await said(ours(["blob", "pull", "@all"])), contents.join(""));
    const onStdin: [string[], string[]][] = [
      [["alias", "get"], ["get-alias", REPOSITORY]],
      [["digest"], ["get-digest", REPOSITORY]],
      [["blob", "size"], ["blob-size", REPOSITORY]],
      [["blob", "pull"], ["pull-blob", REPOSITORY]],
    ];
    for (const [mine, theirs] of onStdin) {
      const got = await said(ours([...mine, "--manifest", "-"], { stdin: manifest }));
      assert.equal(got, await said(dxf(theirs, { stdin: manifest })));
    }
  });
}

Deno.test("both write equal manifests for equal blobs", { ignore }, async () => {
  await using pair = await makePair();
  const { work, dxf, ours, registry } = pair;
  await work.write("disk.img", someBytes(100_000));
  await said(dxf(["push-blob", REPOSITORY, "disk.img", "@theirs"]));
  await said(ours(["blob", "push", "-i", "disk.img", "--alias", "ours"]));
  using store = openStore({ registry: registry.url, repository: REPOSITORY });
  assert.ok(await store.resolve("ours"));
  assert.equal(await store.resolve("ours"), await store.resolve("theirs"));
  const requests = await registry.requests();
  const puts = requests.filter(({ method, path }) => method !== "GET" && path.includes("/blobs/uploads/"));
  assert.ok(puts.some(({ method }) => method === "PUT"), "nothing was sent at all");
  assert.equal(puts.filter(({ method }) => method === "PUT").length, 1, "the blob was sent twice");
});

Deno.test("an alias is removed alone, where dxf takes its siblings with it", { ignore }, async () => {
  await using pair = await makePair();
  const { work, dxf, ours } = pair;
  await work.write("a.txt", "a\n");
  const digest = (await said(ours(["blob", "push", "-i", "a.txt", "--alias", "one"]))).trim();
  for (const alias of ["two", "three"]) await said(dxf(["set-alias", REPOSITORY, alias, digest]));
  assert.equal(await said(ours(["alias", "remove", "one"])), `${digest}\n`);
  assert.equal(await said(dxf(["get-alias", REPOSITORY, "two", "three"])), `${digest}\n${digest}\n`);
  assert.equal((await ours(["alias", "get", "one"])).code, 3);
  assert.equal((await dxf(["get-alias", REPOSITORY, "one"])).code, 2);
  assert.equal(await said(dxf(["del-alias", REPOSITORY, "two"])), `${digest}\n`);
  assert.equal((await ours(["alias", "get", "three"])).code, 3, "dxf's removal has changed");
  assert.equal(await said(ours(["blob", "pull", digest])), "a\n");
});

Deno.test("blobs are mounted and removed alike", { ignore }, async () => {
  await using pair = await makePair();
  const { work, dxf, ours } = pair;
  await work.write("a.txt", "a\n");
  const digest = (await said(ours(["blob", "push", "-i", "a.txt"]))).trim();
  const mount = ["blob", "mount", "--from", REPOSITORY, digest, "--alias", "copy"];
  assert.equal(await said(ours([...mount, "-r", "fred/ours"])), `${digest}\n`);
  assert.equal(
    await said(dxf(["mount-blob", "fred/theirs", REPOSITORY, digest, "@copy"])),
    `${digest}\n`,
  );
  assert.equal(await said(dxf(["pull-blob", "fred/ours", "@copy"])), "a\n");
  assert.equal(await said(ours(["blob", "pull", "-r", "fred/theirs", "@copy"])), "a\n");
  assert.equal(await said(ours(["blob", "remove", "-r", "fred/theirs", "@copy"])), `${digest}\n`);
  assert.equal((await dxf(["pull-blob", "fred/theirs", digest])).code, 2);
  assert.equal((await ours(["blob", "pull", "-r", "fred/theirs", digest])).code, 3);
  await said(dxf(["del-blob", "fred/ours", digest]));
  assert.equal((await ours(["blob", "size", "-r", "fred/ours", digest])).code, 3);
  assert.equal(await said(ours(["blob", "pull", digest])), "a\n");
});

Deno.test("blob info is printed as dxf prints it", { ignore }, async () => {
  await using pair = await makePair();
  const { work, dxf, ours } = pair;
  for (const name of ["a", "b"]) await work.write(name, `${name}\n`);
  for (const name of ["a", "b"]) await said(ours(["blob", "push", "-i", name]));
  await said(ours(["alias", "set", "ab", "./a", "./b"]));
  const theirs = await said(dxf(["pull-blob", REPOSITORY, "@ab"], { env: { DXF_BLOB_INFO: "1" } }));
  // Python prints its lines through another buffer than its bytes, and so they may stand elsewhere.
  const mine = await said(ours(["blob", "pull", "@ab", "--with-info"]));
  const [a, b] = ["a\n", "b\n"].map((text) => digestOf(new TextEncoder().encode(text)));
  assert.equal(mine, `${a} 2\na\n${b} 2\nb\n`);
  assert.deepEqual(theirs.split("\n").sort(), mine.split("\n").sort());
  const byVariable = await said(ours(["blob", "pull", "@ab"], { env: { LAYERSTASH_WITH_INFO: "1" } }));
  assert.equal(byVariable, mine);
});

Deno.test("of several platforms both answer with one JSON object", { ignore }, async () => {
  await using pair = await makePair();
  const { work, dxf, ours, registry } = pair;
  using store = openStore({ registry: registry.url, repository: REPOSITORY });
  const platforms = [["linux", "arm", "v7"], ["linux", "amd64"]] as const;
  const manifests = [];
  for (const [os, architecture, variant] of platforms) {
    await work.write(architecture, `for ${architecture}\n`);
    await said(ours(["blob", "push", "-i", architecture, "--alias", architecture]));
    const { mediaType, digest, bytes } = (await store.manifest(architecture))!;
    manifests.push({ mediaType, digest, size: bytes.length, platform: { os, architecture, variant } });
  }
  for (const [alias, mediaType] of Object.entries(IMAGE_INDEX)) {
    await store.putManifest(alias, encodeManifest({ schemaVersion: 2, mediaType, manifests }));
    const alike: [string[], string[]][] = [
      [["alias", "get", alias], ["get-alias", REPOSITORY, alias]],
      [["manifest", alias], ["get-manifest", REPOSITORY, alias]],
      [["digest", alias], ["get-digest", REPOSITORY, alias]],
      [["blob", "size", `@${alias}`], ["blob-size", REPOSITORY, `@${alias}`]],
      [["blob", "pull", `@${alias}`], ["pull-blob", REPOSITORY, `@${alias}`]],
    ];
    for (const [mine, theirs] of alike) {
      assert.deepEqual(JSON.parse(await said(ours(mine))), JSON.parse(await said(dxf(theirs))));
      for (const platform of ["linux/arm/v7", "linux/amd64"]) {
        const got = await said(ours(mine, { env: { LAYERSTASH_PLATFORM: platform } }));
        assert.equal(got, await said(dxf(theirs, { env: { DXF_PLATFORM: platform } })));
      }
    }
  }
  await store.putManifest("same", (await store.manifest("oci"))!);
  const removed = await said(ours(["alias", "remove", "same"]));
  assert.deepEqual(JSON.parse(removed), JSON.parse(await said(dxf(["del-alias", REPOSITORY, "oci"]))));
});

Deno.test("a token that is asked for here signs dxf in, and the other way round", { ignore }, async () => {
  await using pair = await makePair({ auth: "token", tls: true, tokens: { anonymousPull: false } });
  const { work, dxf, ours, registry } = pair;
  const ca = await work.write("ca.pem", registry.certificate!.caPem);
  const us = { LAYERSTASH_CA_FILE: ca };
  const them = { DXF_TLSVERIFY: ca };
  const mine = { ...us, LAYERSTASH_USERNAME: USER.username, LAYERSTASH_TOKEN: USER.password };
  const theirs = { ...them, DXF_USERNAME: USER.username, DXF_PASSWORD: USER.password };
  await work.write("a.txt", "a\n");
  await said(ours(["blob", "push", "-i", "a.txt", "--alias", "a"], { env: mine }));
  const token = (await said(ours(["token", "pull"], { env: mine }))).trim();
  assert.equal(
    await said(dxf(["pull-blob", REPOSITORY, "@a"], { env: { ...them, DXF_TOKEN: token } })),
    "a\n",
  );
  const denied = await dxf(["push-blob", REPOSITORY, "a.txt", "@b"], { env: { ...them, DXF_TOKEN: token } });
  assert.notEqual(denied.code, 0, "a token for pull may push");
  const other = (await said(dxf(["auth", REPOSITORY, "pull"], { env: theirs }))).trim();
  const bearer = { ...us, LAYERSTASH_BEARER_TOKEN: other };
  assert.equal(await said(ours(["blob", "pull", "@a"], { env: bearer })), "a\n");
  const header = `Basic ${btoa(`${USER.username}:${USER.password}`)}`;
  const raw = { ...us, LAYERSTASH_AUTHORIZATION: header };
  assert.equal(await said(ours(["blob", "pull", "@a"], { env: raw })), "a\n");
  assert.equal(
    await said(dxf(["pull-blob", REPOSITORY, "@a"], { env: { ...them, DXF_AUTHORIZATION: header } })),
    "a\n",
  );
  assert.equal((await ours(["blob", "pull", "@a"], { env: us })).code, 4);
});
