/** What oras, helm, dxf and others have stored comes back through the program, under the names that they give. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { openStore, upload } from "../main.ts";
import { goProgram } from "./compatibility/go_programs.ts";
import { filesIn, plantArtifact, putArtifact } from "./rigs/artifact_fixtures.ts";
import { type Ended, makeWorkplace, timeless, type Workplace } from "./rigs/command_line.ts";
import { streamOf } from "./rigs/content.ts";
import { ensureTool, pythonPeer } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { putImage } from "./rigs/images.ts";
import { type RealRegistry, startRegistry } from "./rigs/real_registry.ts";
import { onPosix } from "./rigs/system.ts";

const BOX = ["--registry", "oci:box", "-r", "me/tiny"];

const hasRegistry = !onPosix("docker-registry").ignore &&
  await ensureTool("docker-registry", "docker-registry");
const oras = hasRegistry ? await goProgram("oras") : undefined;
const helm = hasRegistry && await ensureTool("gpg", "gpg") ? await goProgram("helm") : undefined;
const dxf = hasRegistry ? await pythonPeer("python-dxf==12.1.1") : undefined;

async function succeeded(place: Workplace, args: string[]): Promise<Ended> {
  const ended = await place.run(args);
  assert.equal(ended.code, 0, `${args.join(" ")}: ${ended.stderr}`);
  return ended;
}

/** Runs another program in the workplace; it has to succeed. */
async function runPeer(place: Workplace, command: string, args: string[], env: Record<string, string> = {}) {
  const options = {
    args,
    cwd: place.directory,
    stdin: "null",
    env: { HOME: place.directory, ...env },
  } as const;
  const { success, stdout, stderr } = await new Deno.Command(command, options).output();
  assert.ok(success, `${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

async function beside(body: (place: Workplace, registry: RealRegistry) => Promise<void>): Promise<void> {
  await using place = await makeWorkplace();
  await using registry = await startRegistry();
  await body(place, registry);
}

Deno.test(
  "three files and a directory that oras pushed come back byte for byte",
  { ignore: !oras },
  () =>
    beside(async (place, registry) => {
      for (const name of ["from/deep", "from/conf/d"]) {
        await Deno.mkdir(place.path(name), { recursive: true });
      }
      for (const name of ["a.txt", "b.bin", "deep/c.txt", "conf/app.ini", "conf/d/run.sh"]) {
        await place.write(`from/${name}`, `the content of ${name}`);
      }
      await Deno.chmod(place.path("from/conf/d/run.sh"), 0o755);
      await Deno.symlink("d/run.sh", place.path("from/conf/link"));
      const push = [
        "push",
        "--plain-http",
        `${registry.host}/me/files:v1`,
        "a.txt",
        "b.bin",
        "deep/c.txt",
        "conf",
      ];
      await runPeer(place, "sh", ["-c", `cd from && "$@"`, "sh", oras!, ...push]);
      const args = ["download", "--registry", registry.host, "-r", "me/files", "-t", "v1"];
      const { stdout, stderr } = await succeeded(place, [...args, "-o", "to"]);
      assert.deepEqual(await filesIn(place.path("to")), await filesIn(place.path("from")));
      assert.equal((await Deno.stat(place.path("to/conf/d/run.sh"))).mode! & 0o777, 0o755);
      assert.equal(await Deno.readLink(place.path("to/conf/link")), "d/run.sh");
      assert.equal(stdout, ["a.txt", "b.bin", "deep/c.txt", "conf"].map((name) => `to/${name}\n`).join(""));
      assert.match(timeless(stderr), /wrote 4 files: [\d.]+ B, verified, TIME; oras artifact\n$/);
      const again = await succeeded(place, [...args, "-o", "to"]);
      assert.match(again.stderr, /wrote 4 files/);
      await succeeded(place, [...args, "-o", "some", "--only", "deep", "--only", "*.bin"]);
      assert.deepEqual([...(await filesIn(place.path("some"))).keys()], ["b.bin", "deep/c.txt"]);
      const piped = await succeeded(place, [...args, "-o", "-", "--only", "a.txt"]);
      assert.equal(piped.stdout, "the content of a.txt");
      const both = await place.run([...args, "-o", "-"]);
      assert.equal(both.code, 2);
      assert.match(
        both.stderr,
        /v1 is several files\nhint: name a directory with -o, or one file with --only\n$/,
      );
    }),
);

Deno.test("a signed chart that helm pushed comes back with its signature, which helm verifies", {
  ignore: !helm,
}, () =>
  beside(async (place, registry) => {
    const env = { GNUPGHOME: place.path("gpg") };
    await Deno.mkdir(env.GNUPGHOME, { mode: 0o700 });
    const gpg = ["--batch", "--pinentry-mode", "loopback", "--passphrase", ""];
    try {
      await runPeer(place, "gpg", [...gpg, "--quick-gen-key", "chart@example.org", "rsa2048", "sign"], env);
      await runPeer(place, "gpg", [...gpg, "-o", "secret.gpg", "--export-secret-keys"], env);
      await runPeer(place, "gpg", [...gpg, "-o", "public.gpg", "--export"], env);
    } finally {
      await runPeer(place, "gpgconf", ["--kill", "gpg-agent"], env);
    }
    await Deno.mkdir(place.path("web/templates"), { recursive: true });
    await place.write("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0+build.1\n");
    const sign = ["--sign", "--key", "chart@example.org", "--keyring", "secret.gpg"];
    await runPeer(place, helm!, ["package", "web", ...sign], env);
    const name = "web-0.1.0+build.1.tgz";
    await runPeer(place, helm!, ["push", name, `oci://${registry.host}/charts`, "--plain-http"]);
    await succeeded(place, [
      ...["download", "--registry", registry.host, "-r", "charts/web", "-t", "0.1.0_build.1", "-o", "back"],
    ]);
    for (const each of [name, `${name}.prov`]) {
      assert.deepEqual(
        await Deno.readFile(place.path(`back/${each}`)),
        await Deno.readFile(place.path(each)),
      );
    }
    await runPeer(place, helm!, ["verify", `back/${name}`, "--keyring", "public.gpg"]);
  }));

Deno.test(
  "what dxf has stored under an alias comes back",
  { ignore: !dxf },
  () =>
    beside(async (place, registry) => {
      await place.write("logger.dat", "12.5 degrees\n");
      const env = { DXF_HOST: registry.host, DXF_INSECURE: "1" };
      await runPeer(place, join(dxf!, "dxf"), ["push-blob", "fred/datalogger", "logger.dat", "@may15"], env);
      const from = ["--registry", registry.host, "-r", "fred/datalogger", "-t", "may15"];
      await succeeded(place, ["download", ...from]);
      await succeeded(place, ["download", ...from, "-o", "copy.dat"]);
      for (const path of ["may15", "copy.dat"]) {
        assert.equal(await Deno.readTextFile(place.path(path)), "12.5 degrees\n");
      }
    }),
);

for (
  const name of ["modelpack", "docker_model", "docker_safetensors", "docker_files", "ollama", "homebrew"]
) {
  Deno.test(`${name} comes back through the program, with JSON that tells the files`, async () => {
    await using place = await makeWorkplace();
    using store = openStore({ registry: `oci:${place.path("box")}`, repository: "me/tiny" });
    const expected = await plantArtifact(store, name, "v1");
    const args = ["download", ...BOX, "-t", "v1", "-o", "out/", "--json", "--platform", "linux/arm64"];
    const { stdout } = await succeeded(place, args);
    const done = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
    assert.equal(done.event, "done");
    const found = await filesIn(place.path("out"));
    assert.ok(found.size > 0);
    for (const [path, content] of found) assert.deepEqual(content, expected.get(path), path);
    if (name !== "homebrew") assert.equal(found.size, expected.size);
    assert.deepEqual(
      done.files.map(({ path }: { path: string }) => path).toSorted()[0]?.startsWith("out/"),
      true,
    );
  });
}

Deno.test("info tells what lies there, and an image is named as one with what can be done", async () => {
  await using place = await makeWorkplace();
  using store = openStore({ registry: `oci:${place.path("box")}`, repository: "me/tiny" });
  await plantArtifact(store, "oras", "v1");
  await putImage(store, "app", [{ bytes: new Uint8Array(10) }]);
  await upload(store, "disk", { input: streamOf(new Uint8Array(5)) });
  const { stdout } = await succeeded(place, ["info", ...BOX, "-t", "v1"]);
  assert.match(stdout, /^kind: +oras artifact$/m);
  assert.match(stdout, /^deep\/two\.txt +sha256:\w{64} +4 B$/m);
  assert.match(stdout, /^conf\/ +sha256/m);
  const document = JSON.parse((await succeeded(place, ["info", ...BOX, "-t", "v1", "--json"])).stdout);
  assert.equal(document.kind, "oras artifact");
  assert.deepEqual(document.files[1].path, "deep/two.txt");
  assert.equal(document.files[2].packed, true);
  const image = await place.run(["download", ...BOX, "-t", "app", "-o", "x"]);
  assert.equal(image.code, 3);
  assert.match(image.stderr, /app is a container image, not files\nhint: layerstash extract .*save.*copy/);
  const chunk = await place.run(["download", ...BOX, "-t", "disk-1", "-o", "x"]);
  assert.equal(chunk.code, 3);
  assert.match(
    chunk.stderr,
    /disk-1 is a chunk of a stored file, not files\nhint: name the stored file, disk\n/,
  );
  const nothing = await place.run(["download", ...BOX, "-t", "nope", "-o", "x"]);
  assert.equal(nothing.code, 3);
  assert.match(nothing.stderr, /there is no stash nope in oci:box\/me\/tiny\nhint: it has: app, disk, v1\n$/);
  await succeeded(place, ["remove", ...BOX, "-t", "disk"]);
  const stranger = await place.run(["download", ...BOX, "-t", "nope", "-o", "x"]);
  assert.match(stranger.stderr, /there is no stash nope .*\nhint: it has: app, v1\n$/);
});

Deno.test("a model comes back from a registry that lists no tags, as that of ollama", async () => {
  await using place = await makeWorkplace();
  await using fake = await startFakeRegistry();
  {
    using store = openStore({ registry: fake.url, repository: "library/tiny" });
    await plantArtifact(store, "ollama", "1b");
  }
  for (const status of [404, 405, 403]) {
    fake.faults.failNext = [{ path: /tags\/list/, status, times: 9 }];
    const from = ["--registry", fake.url, "-r", "library/tiny", "-t", "1b"];
    await succeeded(place, ["download", ...from, "-o", "model"]);
    assert.match((await succeeded(place, ["info", ...from])).stdout, /^kind: +ollama model$/m);
    const missing = await place.run(["info", ...from.with(-1, "2b")]);
    assert.notEqual(missing.code, 0);
  }
});

Deno.test("list --all adds what else lies there, after the stored files", async () => {
  await using place = await makeWorkplace();
  using store = openStore({ registry: `oci:${place.path("box")}`, repository: "me/tiny" });
  await upload(store, "disk", { input: streamOf(new Uint8Array(5)), chunkSize: 3 });
  const plain = (await succeeded(place, ["list", ...BOX])).stdout;
  await plantArtifact(store, "oras", "v1");
  await putImage(store, "app-2", [{ bytes: new Uint8Array(10) }]);
  assert.equal((await succeeded(place, ["list", ...BOX])).stdout, plain);
  const all = (await succeeded(place, ["list", ...BOX, "--all"])).stdout;
  assert.ok(all.startsWith(`${plain}\nTAG `), all);
  const rows = all.slice(plain.length).trim().split("\n").map((row) => row.split(/ {2,}/));
  assert.deepEqual(rows, [
    ["TAG", "KIND", "FILES", "SIZE"],
    ["app-2", "container image", "10 B"],
    ["v1", "oras artifact", "3", rows[2]?.[3]],
  ]);
  const [stash, image, artifact] = JSON.parse(
    (await succeeded(place, ["list", ...BOX, "--all", "--json"])).stdout,
  );
  assert.deepEqual([stash.baseTag, stash.kind], ["disk", undefined]);
  assert.deepEqual([image.tag, image.kind, image.files], ["app-2", "container image", 0]);
  assert.deepEqual([artifact.tag, artifact.kind, artifact.files], ["v1", "oras artifact", 3]);
});

Deno.test("a stored file comes before an artifact of its name, and without -o it gets the name that it had", async () => {
  await using place = await makeWorkplace();
  using store = openStore({ registry: `oci:${place.path("box")}`, repository: "me/tiny" });
  await putArtifact(store, "disk", [{ content: "artifact", title: "a.txt" }]);
  await place.write("disk.img", "stored");
  await succeeded(place, ["upload", ...BOX, "-t", "disk", "-i", "disk.img"]);
  await Deno.remove(place.path("disk.img"));
  const { stderr } = await succeeded(place, ["download", ...BOX, "-t", "disk"]);
  assert.match(stderr, /wrote disk\.img: 6 B, verified/);
  assert.equal(await Deno.readTextFile(place.path("disk.img")), "stored");
  const chosen = await place.run(["download", ...BOX, "-t", "disk", "-o", "x", "--only", "a.txt"]);
  assert.equal(chosen.code, 2);
  assert.match(chosen.stderr, /disk is one stored file, to which --only does not apply/);
  const { digest } = (await store.manifest("disk"))!;
  await succeeded(place, ["download", ...BOX, "-t", digest, "-o", "out/"]);
  assert.equal(await Deno.readTextFile(place.path("out/a.txt")), "artifact");
});

Deno.test("hostile names end the program with nothing written, and --only gets the rest", async () => {
  await using place = await makeWorkplace();
  using store = openStore({ registry: `oci:${place.path("box")}`, repository: "me/tiny" });
  await putArtifact(store, "v1", [{ content: "a", title: "a.txt" }, {
    content: "b",
    title: "../../b\x1b[2J",
  }]);
  const before = await filesIn(place.directory);
  const { code, stderr } = await place.run(["download", ...BOX, "-t", "v1", "-o", "x"]);
  assert.equal(code, 5);
  assert.ok(!stderr.includes("\x1b[2J"), "the terminal got control characters");
  assert.match(
    stderr,
    /the artifact has a file "\.\.\/\.\.\/b\?\[2J": .*\nhint: nothing was written; --only/,
  );
  assert.deepEqual(await filesIn(place.directory), before);
  await succeeded(place, ["download", ...BOX, "-t", "v1", "-o", "x", "--only", "a.txt"]);
  assert.equal(await Deno.readTextFile(place.path("x/a.txt")), "a");
});
