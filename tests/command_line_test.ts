/** The command line as people use it: what goes where, and what it ends with. @module */
import assert from "node:assert/strict";
import { bytesSource, digestOf } from "../lib/exports/store.ts";
import { openImage } from "../lib/exports/images.ts";
import { OCTET_STREAM } from "../lib/oci/media_types.ts";
import { openStore } from "../main.ts";
import { putImage } from "./rigs/images.ts";
import { tarOf } from "./rigs/tar.ts";
import { digestless, makeWorkplace, timeless, type Workplace } from "./rigs/command_line.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { bareEnvironment, onLinux, onPosix } from "./rigs/system.ts";
import { USER } from "./rigs/user.ts";

const BOX = ["--registry", "oci:./box", "-r", "me/files"];
const TEN = new TextEncoder().encode("0123456789");

/** Stores three chunks. */
async function store(work: Workplace, name = "disk", content = TEN): Promise<void> {
  await work.write(`${name}.img`, content);
  const chunkSize = String(Math.ceil(content.length * 0.4));
  const args = ["upload", ...BOX, "-t", name, "-i", `${name}.img`, "--chunk-size", chunkSize];
  const { code, stderr } = await work.run(args);
  assert.equal(code, 0, stderr);
}

Deno.test("a file is stored, listed, described, checked, brought back and removed", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", TEN);
  const up = await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img", "--chunk-size", "4"]);
  assert.deepEqual({ ...up, stderr: digestless(timeless(up.stderr)) }, {
    code: 0,
    stdout: "",
    stderr: "layerstash: stored disk in oci:box/me/files: 10 B in 3 chunks, TIME\n" +
      "layerstash: digest: oci:box/me/files@DIGEST\n" +
      "layerstash: get it back: layerstash download oci:box/me/files:disk\n",
  });
  const again = await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img", "--chunk-size", "4"]);
  assert.match(
    timeless(again.stderr),
    /: 10 B in 3 chunks, TIME; nothing had to be sent\nlayerstash: digest: /,
  );
  const list = await work.run(["list", ...BOX]);
  assert.deepEqual(list, { code: 0, stdout: "STASH  CHUNKS\ndisk   3\n", stderr: "" });
  const exact = await work.run(["list", ...BOX, "--exact-size"]);
  assert.match(exact.stdout, /^disk {3}3 {7}10 B {2}disk\.img {2}\d{4}-\d\d-\d\d \d\d:\d\d$/m);
  const info = await work.run(["info", ...BOX, "-t", "disk"]);
  assert.match(info.stdout, /^size: {6}10 B \(10 bytes\)\n/m);
  assert.match(info.stdout, /^chunks: {4}3 of 4 B \(4 bytes\)\ncomplete: {2}yes\n/m);
  const verify = await work.run(["verify", ...BOX, "-t", "disk", "--deep"]);
  assert.equal(verify.stdout, "disk is OK: 10 B in 3 chunks, every byte was read\n");
  const down = await work.run(["download", ...BOX, "-t", "disk", "-o", "copy"]);
  const wrote = "layerstash: wrote copy: 10 B, verified, TIME\n";
  assert.deepEqual({ ...down, stderr: timeless(down.stderr) }, { code: 0, stdout: "", stderr: wrote });
  assert.deepEqual(await Deno.readFile(work.path("copy")), TEN);
  const remove = await work.run(["remove", ...BOX, "-t", "disk"]);
  assert.deepEqual(remove, { code: 0, stdout: "disk-3\ndisk-2\ndisk-1\n", stderr: "" });
  const empty = await work.run(["list", ...BOX]);
  assert.deepEqual(empty, {
    code: 0,
    stdout: "",
    stderr: "layerstash: oci:box/me/files has no stored files\n",
  });
});

Deno.test("standard input and standard output carry the bytes and nothing else", async () => {
  await using work = await makeWorkplace();
  const bytes = crypto.getRandomValues(new Uint8Array(50_000));
  const up = await work.run(["upload", ...BOX, "-t", "pipe", "-i", "-", "--chunk-size", "20kB"], {
    stdin: bytes,
  });
  assert.deepEqual([up.code, up.stdout], [0, ""], up.stderr);
  const down = await work.runForBytes(["download", ...BOX, "-t", "pipe", "-o", "-"]);
  assert.equal(down.code, 0);
  assert.deepEqual(new Uint8Array(down.stdout), bytes);
});

Deno.test("--json gives one event a line for transfers, the last with the result", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", TEN);
  const { stdout } = await work.run([
    "upload",
    "--json",
    ...BOX,
    "-t",
    "disk",
    "-i",
    "disk.img",
    "--chunk-size",
    "6",
  ]);
  const events = stdout.trimEnd().split("\n").map((each) => JSON.parse(each));
  assert.deepEqual(events[0], { event: "plan", chunkSize: 6, size: 10, blobs: 2 });
  assert.deepEqual(events.filter(({ event }) => event === "blob").map(({ state }) => state), [
    "sent",
    "sent",
  ]);
  assert.equal(
    events.filter(({ event }) => event === "progress").reduce((sum, { bytes }) => sum + bytes, 0),
    10,
  );
  const { event, baseTag, size, chunks } = events.at(-1);
  assert.deepEqual([event, baseTag, size, chunks.length], ["done", "disk", 10, 2]);
});

Deno.test("a transfer whose events nobody reads any more is not done", onPosix("pipes of bash"), async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", new Uint8Array(400_000));
  const args = ["-c", `"$@" | true; echo "\${PIPESTATUS[0]}"`, "bash"];
  const upload = ["upload", "--json", ...BOX, "-t", "disk", "-i", "disk.img", "--chunk-size", "1000"];
  assert.equal((await work.run(upload, { under: ["bash", ...args] })).stdout, "141\n");
});

Deno.test(
  "help whose reader has gone, or has no room, ends without a stack trace",
  onLinux("/dev/full"),
  async () => {
    await using work = await makeWorkplace();
    const under = (script: string) => ({ under: ["bash", "-c", script, "bash"] });
    for (const args of [["--help"], ["peek", "--help"], ["completions", "bash"], ["--version"]]) {
      const gone = await work.run(args, under(`"$@" | true; echo "\${PIPESTATUS[0]}"`));
      assert.deepEqual([gone.stdout, gone.stderr], ["141\n", ""]);
      const full = await work.run(args, under('"$@" >/dev/full'));
      assert.equal(full.code, 1);
      assert.match(
        full.stderr,
        /^layerstash: cannot write to standard output: no space is left on the disk.*\n$/,
      );
    }
  },
);

Deno.test("Ctrl-C ends what waits for who reads it", onPosix("signals"), async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", new Uint8Array(3_000_000));
  await work.run(["upload", ...BOX, "-t", "disk", "-i", "disk.img"]);
  await work.run(["blob", "push", ...BOX, "--alias", "bare", "-i", "disk.img"]);
  using image = openImage(`oci:${work.path("image")}:t`);
  await putImage(image.store, "t", [{ bytes: tarOf([{ name: "big", content: new Uint8Array(3_000_000) }]) }]);
  for (
    const args of [["download", ...BOX, "-t", "disk", "-o", "-"], [
      "extract",
      "oci:image:t",
      "big",
      "-o",
      "-",
    ], ["blob", "pull", ...BOX, "@bare", "-o", "-"]]
  ) {
    const child = work.start(args);
    const reader = child.stdout.getReader();
    await reader.read(); // it has begun, and more than a pipe holds is to come
    reader.releaseLock();
    child.kill("SIGINT");
    const [{ code }, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
    await child.stdout.cancel();
    assert.equal(code, 130);
    assert.match(
      stderr,
      /^layerstash: cannot (download disk to standard output|extract big from oci:image:t|fetch to standard output): interrupted\n$/,
    );
  }
});

Deno.test("a transfer that fails says so in its events, too", async () => {
  await using work = await makeWorkplace();
  await store(work);
  const absent = await work.run(["download", "--json", ...BOX, "-t", "dusk", "-o", "copy"]);
  assert.deepEqual(JSON.parse(absent.stdout), {
    event: "failure",
    kind: "not-found",
    message: "there is no stash dusk in oci:box/me/files",
    hint: "it has: disk",
  });
  assert.match(absent.stderr, /^layerstash: cannot download dusk to copy: there is no stash dusk/);
  await work.write("disk.img", "others");
  const other = await work.run(["upload", "--json", ...BOX, "-t", "disk", "-i", "disk.img"]);
  assert.equal(JSON.parse(other.stdout.trimEnd().split("\n").at(-1)!).kind, "conflict");
  const copied = await work.run(["copy", "--json", "oci:box/me/files:dusk", "oci:other:dusk"]);
  assert.equal(JSON.parse(copied.stdout).kind, "not-found");
});

Deno.test("a mistake that is found on the way is the last of the events, one before them is none", async () => {
  await using work = await makeWorkplace();
  using image = openImage(`oci:${work.path("image")}:t`);
  const bytes = tarOf([{ name: "a", content: "a" }]);
  await putImage(image.store, "t", [{ bytes }], { rootfs: { type: "layers", diff_ids: [digestOf(bytes)] } });
  const append = ["append", "--json", "--from", "oci:image:t"];
  const stdin = tarOf([{ name: "b", content: new Uint8Array(5000) }]).slice(0, 3000);
  const torn = await work.run(append, { stdin });
  assert.equal(torn.code, 2, torn.stderr);
  const events = torn.stdout.trimEnd().split("\n").map((each) => JSON.parse(each));
  assert.equal(events[0].event, "plan");
  assert.deepEqual([events.at(-1).event, events.at(-1).kind], ["failure", "usage"]);
  const unknown = await work.run([...append, "--platform", "nonsense"], { stdin });
  assert.deepEqual([unknown.code, unknown.stdout], [2, ""]);
});

Deno.test("what fails with --json prints a failure if it moves bytes, and nothing if it is a report", async () => {
  await using work = await makeWorkplace();
  const address = "oci:box/files:none";
  const printed = async (...args: string[]) => {
    const { code, stdout } = await work.run([...args, "--json"]);
    assert.equal(code, 3, args.join(" "));
    return stdout && JSON.parse(stdout);
  };
  for (const args of [["download", address], ["verify", address], ["save", address, "-o", "layout"]]) {
    const { event, kind, message } = await printed(...args);
    assert.deepEqual([event, kind, typeof message], ["failure", "not-found", "string"], args[0]);
  }
  for (const report of ["info", "inspect", "peek", "url"]) assert.equal(await printed(report, address), "");
  for (const args of [["extract", address, "file"], ["diff", address, address]]) {
    assert.equal(await printed(...args), "");
  }
  for (const list of ["list", "repos"]) assert.deepEqual(await printed(list, "oci:box"), []);
  const { removed, kept } = await printed("blob", "remove", `oci:box@sha256:${"a".repeat(64)}`);
  assert.deepEqual([removed.length, kept.length], [0, 1]);
});

Deno.test("events that find no room are a failure in plain words", onLinux("/dev/full"), async () => {
  await using work = await makeWorkplace();
  await store(work);
  const under = { under: ["bash", "-c", '"$@" >/dev/full', "bash"] };
  for (
    const args of [["copy", "--json", "--stash", "oci:box/me/files:disk", "oci:other:disk"], [
      "download",
      "--json",
      ...BOX,
      "-t",
      "disk",
      "-o",
      "copy",
    ]]
  ) {
    const { code, stderr } = await work.run(args, under);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^layerstash: cannot .*: no space is left on the disk.*\n$/);
  }
});

Deno.test("an empty standard input is stored, with a warning", async () => {
  await using work = await makeWorkplace();
  const { code, stderr } = await work.run(["upload", ...BOX, "-t", "pipe", "-i", "-"]);
  assert.equal(code, 0);
  assert.match(
    timeless(stderr),
    /^layerstash: standard input was empty\nlayerstash: stored pipe in .*: 0 B in 1 chunk, TIME\nlayerstash: digest: .*\nlayerstash: get .*\n$/,
  );
});

Deno.test("--json gives one document for reports", async () => {
  await using work = await makeWorkplace();
  await store(work);
  const list = JSON.parse((await work.run(["list", "--json", "--exact-size", ...BOX])).stdout);
  assert.deepEqual(
    list.map(({ baseTag, chunks, size, name }: Record<string, unknown>) => [baseTag, chunks, size, name]),
    [
      ["disk", 3, 10, "disk.img"],
    ],
  );
  const info = JSON.parse((await work.run(["info", "--json", ...BOX, "-t", "disk"])).stdout);
  assert.deepEqual(info.chunks.map(({ tag }: { tag: string }) => tag), ["disk-1", "disk-2", "disk-3"]);
  const verify = JSON.parse(
    (await work.run(["verify", "--json", ...BOX, "-t", "disk"])).stdout.split("\n").at(-2)!,
  );
  assert.deepEqual(verify.faults, []);
  const removed = JSON.parse((await work.run(["remove", "--json", ...BOX, "-t", "disk"])).stdout);
  assert.deepEqual(removed, { removed: ["disk-3", "disk-2", "disk-1"], kept: [] });
});

Deno.test("each global option has an environment variable", async () => {
  await using work = await makeWorkplace();
  await store(work);
  const env = { LAYERSTASH_REGISTRY: "oci:./box", LAYERSTASH_REPOSITORY: "me/files", LAYERSTASH_JSON: "1" };
  const { stdout } = await work.run(["list"], { env });
  assert.equal(JSON.parse(stdout)[0].baseTag, "disk");
  const no = await work.run(["list"], { env: { ...env, LAYERSTASH_JSON: "0" } });
  assert.match(no.stdout, /^STASH/);
});

Deno.test("a user name and token from the environment sign in, and are not printed", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry({ auth: "basic" });
  await work.write("disk.img", TEN);
  const to = ["--registry", registry.url, "-r", "me/files", "-t", "disk"];
  const env = { LAYERSTASH_USERNAME: "alice", LAYERSTASH_TOKEN: "open-sesame" };
  const right = { LAYERSTASH_USERNAME: USER.username, LAYERSTASH_TOKEN: USER.password };
  const wrong = await work.run(["upload", "--log-level", "debug", ...to, "-i", "disk.img"], { env });
  assert.equal(wrong.code, 4, wrong.stderr);
  assert.ok(!wrong.stderr.includes("open-sesame"));
  const good = await work.run(["upload", "--log-level", "trace", ...to, "-i", "disk.img"], { env: right });
  assert.equal(good.code, 0, good.stderr);
  assert.ok(!good.stderr.includes(USER.password));
});

Deno.test("-p works, and warns that others on the machine can read it", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry({ auth: "basic" });
  const words = [
    "list",
    "--registry",
    registry.url,
    "-r",
    "me/files",
    "-u",
    USER.username,
    "-p",
    USER.password,
  ];
  const { code, stderr } = await work.run(words);
  assert.equal(code, 3, stderr); // signed in, and nothing is stored
  assert.match(stderr, /there is no repository/);
  assert.match(stderr, /layerstash: -p shows the token to everybody on this machine/);
});

Deno.test("a login that nobody asks for is saved unchecked, and --password-stdin is the advice for -p", async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry();
  const env = { DOCKER_CONFIG: work.path("docker") };
  const login = ["login", registry.url, "-u", USER.username, "-p", USER.password];
  const { code, stderr } = await work.run(login, { env });
  assert.equal(code, 0, stderr);
  const lines = stderr.trimEnd().split("\n");
  assert.equal(lines.length, 3);
  assert.match(
    lines[0]!,
    /^layerstash: -p shows the token to everybody on this machine: use --password-stdin$/,
  );
  assert.match(lines[1]!, /asks nobody to sign in, so the password was not checked$/);
  assert.match(lines[2]!, /^layerstash: saved the login of \S+ for \S+ in .*config\.json, in plain text$/);
  for (const command of ["login", "logout"]) {
    assert.doesNotMatch((await work.run([command, "--help"])).stdout, /oci:DIR/);
  }
});

Deno.test("help of every command has examples and fits into 80 columns", async () => {
  await using work = await makeWorkplace();
  for (const command of ["upload", "download", "list", "info", "verify", "remove", "login", "logout"]) {
    const { code, stdout, stderr } = await work.run([command, "--help"], { env: { COLUMNS: "80" } });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, new RegExp(`Examples?:\\n  \\$ .*layerstash ${command}`));
    const options = stdout.slice(0, stdout.indexOf("Example"));
    assert.ok(options.split("\n").every((line) => line.length <= 80), options);
  }
});

Deno.test("help of a command within a command is that of --help", async () => {
  await using work = await makeWorkplace();
  const { stdout } = await work.run(["blob", "push", "--help"]);
  assert.match(stdout, /^Usage: layerstash blob push /);
  for (const words of [["help", "blob", "push"], ["blob", "help", "push"]]) {
    assert.deepEqual(await work.run(words), { code: 0, stdout, stderr: "" });
  }
  const whole = await work.run(["--help"]);
  assert.deepEqual(await work.run(["help"]), whole);
  assert.match(
    whole.stdout,
    /^layerstash COMMAND --help shows a command, layerstash help TOPIC a longer text\.$/m,
  );
});

Deno.test("--version names the version of deno.json", async () => {
  await using work = await makeWorkplace();
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
  assert.equal((await work.run(["--version"])).stdout, `layerstash v${version}\n`);
});

Deno.test(
  "a reader of standard output that goes away ends the command without a word",
  onPosix("pipes of bash"),
  async () => {
    await using work = await makeWorkplace();
    await store(work, "big", new Uint8Array(400_000));
    const args = ["-c", `"$@" | true; echo "\${PIPESTATUS[0]}"`, "bash"];
    const { stdout, stderr } = await work.run(["download", ...BOX, "-t", "big", "-o", "-"], {
      under: ["bash", ...args],
    });
    assert.deepEqual([stdout, stderr], ["141\n", ""]);
  },
);

Deno.test(
  "Ctrl-C ends an upload with 130, says how to go on, and leaves no tag that passes for a stash",
  onPosix("signals"),
  async () => {
    await using work = await makeWorkplace();
    const stuck = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const onRequest = async ({ method }: { method: string }) => {
      if (method !== "PUT") return;
      stuck.resolve();
      await release.promise;
    };
    await using registry = await startFakeRegistry({ faults: { onRequest } });
    await work.write("disk.img", TEN);
    const child = work.start([
      "upload",
      "--registry",
      registry.url,
      "-r",
      "me/files",
      "-t",
      "disk",
      "-i",
      "disk.img",
    ]);
    await stuck.promise;
    child.kill("SIGINT");
    const { code, stdout, stderr } = await child.output();
    release.resolve();
    assert.deepEqual([code, stdout.length], [130, 0]);
    assert.equal(
      new TextDecoder().decode(stderr),
      "layerstash: cannot store disk.img as disk: interrupted\n" +
        "hint: stored so far: 0 of 1 chunk; at most 10 B are sent again; go on with: " +
        `layerstash upload --registry ${registry.url} -r me/files -t disk -i disk.img\n`,
    );
    const after = await work.run(["list", "--registry", registry.url, "-r", "me/files"]);
    assert.equal(after.stdout, "");
  },
);

Deno.test(
  "Ctrl-C ends a removal with 130, and the same command removes the rest",
  onPosix("signals"),
  async () => {
    await using work = await makeWorkplace();
    const stuck = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const onRequest = async ({ method, path }: { method: string; path: string }) => {
      if (method !== "DELETE" || !path.endsWith("disk-2")) return;
      stuck.resolve();
      await release.promise;
    };
    await using registry = await startFakeRegistry({ faults: { onRequest } });
    await work.write("disk.img", TEN);
    const disk = ["--registry", registry.url, "-r", "me/files", "-t", "disk"];
    assert.equal((await work.run(["upload", ...disk, "-i", "disk.img", "--chunk-size", "4"])).code, 0);
    const child = work.start(["remove", ...disk]);
    await stuck.promise;
    child.kill("SIGINT");
    const { code, stderr } = await child.output();
    release.resolve();
    assert.equal(code, 130);
    assert.equal(
      new TextDecoder().decode(stderr),
      "layerstash: removed before the interruption: disk-3\n" +
        "layerstash: cannot remove disk: interrupted\n" +
        "hint: what was removed is gone; go on with: " +
        `layerstash remove --registry ${registry.url} -r me/files -t disk\n`,
    );
    const again = await work.run(["remove", ...disk]);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stdout, /^(disk-2\n)?disk-1\n$/);
  },
);

Deno.test("the demonstration does the main job and tells what to type next", async () => {
  await using work = await makeWorkplace();
  const demo = { args: ["task", "demo"], clearEnv: true, env: bareEnvironment(work.directory) };
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), demo).output();
  const text = new TextDecoder().decode(stdout);
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  for (const command of ["upload", "list", "info", "download", "verify"]) {
    assert.match(text, new RegExp(`\\$ layerstash ${command} `));
  }
  assert.match(text, /runtime is OK: .*, copy is the same/);
  assert.match(text, /Docker Hub {3}deno run -A main.ts login docker/);
  assert.match(text, /GHCR {9}deno run -A main.ts login ghcr/);
});

Deno.test("journals are kept where programs of this system keep their state", async () => {
  await using registry = await startFakeRegistry();
  const usual = { linux: ".local/state", darwin: "Library/Application Support", windows: "AppData/Local" };
  const own = usual[Deno.build.os as keyof typeof usual];
  for (const [place, state] of [[undefined, own], ["", own], ["relative", own], ["/xdg", "xdg"]] as const) {
    await using work = await makeWorkplace();
    await work.write("disk.img", TEN);
    const args = ["upload", "--registry", registry.url, "-r", "me/files", "-t", "disk", "-i", "disk.img"];
    const named = place?.startsWith("/") ? work.path(place.slice(1)) : place;
    const env: Record<string, string> = named === undefined ? {} : { XDG_STATE_HOME: named };
    const { code, stderr } = await work.run(args, { env });
    assert.equal(code, 0, stderr);
    assert.ok((await Deno.stat(work.path(`${state}/layerstash`))).isDirectory);
  }
});

Deno.test("a file of another tool comes back with the word that nothing proves it to be complete", async () => {
  await using work = await makeWorkplace();
  using box = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  for (const [index, text] of ["part 1", "part 2"].entries()) {
    const bytes = new TextEncoder().encode(text);
    const { digest, size } = await box.write(bytesSource(bytes));
    await putImage(box, `old-${index + 1}`, [{ mediaType: OCTET_STREAM, digest, size }], {});
  }
  const { code, stderr } = await work.run(["download", ...BOX, "-t", "old", "-o", "old"]);
  assert.equal(code, 0, stderr);
  assert.match(timeless(stderr), /wrote old: 12 B, verified, TIME; nothing proves that it is complete\n$/);
  await store(work);
  const proven = await work.run(["download", ...BOX, "-t", "disk", "-o", "back"]);
  assert.match(timeless(proven.stderr), /wrote back: 10 B, verified, TIME\n$/);
});
