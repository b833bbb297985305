/** `layerstash browse` in a real terminal: tmux types, and its screens are read. @module */
import assert from "node:assert/strict";
import { openImage } from "../lib/exports/images.ts";
import { commandWords, makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { ForeignLayout } from "./rigs/foreign_layout.ts";
import { gzip, putImage, putIndex } from "./rigs/images.ts";
import { openScreen, type Screen, unbroken } from "./rigs/screen.ts";
import { bareEnvironment } from "./rigs/system.ts";
import { runProgram, tarOf } from "./rigs/tar.ts";

const withTmux = { ignore: !await ensureTool("tmux", "tmux") };
const LONG = Array.from({ length: 200 }, (_, index) => `line ${index + 1}\n`).join("");

/** A layout `box` with the tags `one`, of two layers, and `many`, for two platforms. */
async function makePlace(): Promise<Workplace> {
  const place = await makeWorkplace();
  using image = openImage(`oci:${place.path("box")}:one`);
  const base = tarOf([
    { name: "etc/", flag: "5" },
    { name: "etc/gone", content: "x" },
    { name: "etc/long.txt", content: LONG },
    { name: "etc/motd", content: "old\n" },
    { name: "message", flag: "2", target: "etc/motd" },
    { name: "raw", content: new Uint8Array([0, 1, 2, 65, 66]) },
    { name: "\x1b[2Jevil", content: "a\x1b]0;owned\x07b\n" },
  ]);
  const top = tarOf([
    { name: "etc/", flag: "5" },
    { name: "etc/.wh.gone" },
    { name: "etc/motd", content: "new\n", mode: 0o640 },
  ]);
  const config = (architecture: string) => ({
    os: "linux",
    architecture,
    history: [{ created_by: "COPY base /" }, { created_by: "ENV A=b", empty_layer: true }, {
      created_by: "COPY top /",
    }],
  });
  const layers = [{ bytes: await gzip(base) }, { bytes: await gzip(top) }];
  const manifest = await putImage(image.store, "one", layers, config("amd64"));
  const arm = await putImage(image.store, "arm", layers.slice(0, 1), config("arm64"));
  await putIndex(image.store, "many", [
    { manifest, platform: { os: "linux", architecture: "amd64" } },
    { manifest: arm, platform: { os: "linux", architecture: "arm64" } },
  ]);
  await image.store.removeManifest("arm");
  return place;
}

function environment(place: Workplace): Record<string, string> {
  return { ...bareEnvironment(place.directory), DOCKER_CONFIG: place.path("docker") };
}

/** Names in messages are relative, so that they fit into the window wherever temporary files are. */
async function browse(
  place: Workplace,
  args: string[],
  size?: { columns: number; rows: number },
  env: Record<string, string> = {},
) {
  const words = ["sh", "-c", 'cd "$0" && exec "$@"', place.directory];
  return await openScreen(
    [...words, ...commandWords(["browse", ...args])],
    { ...environment(place), ...env },
    size,
  );
}

/** Whether the terminal is as it was: no alternate screen, the cursor shown, and typed lines echoed and passed on. */
async function assertClean(screen: Screen): Promise<void> {
  assert.deepEqual(await screen.modes(), { alternate: false, cursor: true });
  await screen.type("still here", "Enter");
  await screen.until(/^still here\nstill here$/m);
}

Deno.test(
  "browse leads from the tags over a platform to the files, shows one, saves it, and goes back",
  withTmux,
  async () => {
    await using place = await makePlace();
    await using screen = await browse(place, ["oci:./box", "--log-file", place.path("log")]);
    await screen.until(/^oci:\S+box: tags\n> many\n {2}one\n/);
    await screen.type("Enter");
    await screen.until(/platforms[^\n]*\n> linux\/amd64 +sha256:\w{12}\n {2}linux\/arm64 +sha256/);
    await screen.type("Enter");
    await screen.until(/linux\/amd64\n> files of all layers together +\d+ B\n {2}build steps +3\n/);
    await screen.until(/\n {2}layer 1 {2}COPY base \/ +\d+ B\n {2}layer 2 {2}COPY top \/ +\d+ B\n/);
    await screen.type("Down", "Enter");
    await screen.until(/: build steps\n> 1 {2}COPY base \/\n {2}- {2}ENV A=b\n {2}2 {2}COPY top \/\n/);
    await screen.type("Left");
    await screen.until(/> build steps/);
    await screen.type("Up", "Enter");
    await screen.until(/fetched (\S+ B) of \1, verified/);
    await screen.until(/\n> \?\[2Jevil +13 B {2}\[1\] {2}-rw-r--r--\n {2}etc\/ +\[2\] {2}drwxr-xr-x\n/);
    await screen.until(/\n {2}message -> etc\/motd +\[1\] {2}lrw-r--r--\n {2}raw +5 B {2}\[1\]/);
    await screen.type("Down", "Enter");
    const etc = await screen.until(
      /\/etc\n> long\.txt +1\.\d+ KB {2}\[1\] {2}-rw-r--r--\n {2}motd +4 B {2}\[2\] {2}-rw-r-----\n\n/,
    );
    assert.ok(!etc.includes("gone"));
    await screen.type("Down", "Enter");
    await screen.until(/\/etc\/motd\nnew\n\n/);
    await screen.type("s");
    await screen.until(/^Save etc\/motd as\n: motd_/);
    await screen.type("C-u", "./saved", "Enter");
    await screen.until(/saved \S+saved, 4 B; fetched/);
    assert.equal(await Deno.readTextFile(place.path("saved")), "new\n");
    assert.equal((await Deno.stat(place.path("saved"))).mtime!.getTime(), 1_600_000_000_000);
    await screen.type("s", "C-u", "./saved", "Enter");
    await screen.until(/saved already exists: use another name/);
    await screen.type("Escape");
    await screen.until(/\/etc\/motd\nnew\n/);
    await screen.type("q");
    await screen.until(/^ended with 0\n/);
    await assertClean(screen);
    const log = await Deno.readTextFile(place.path("log"));
    assert.match(log, /box: tags\n {2}many\n {2}one\n\n/);
    assert.match(log, /\/etc\/motd\nnew\nfetched /);
    // deno-lint-ignore no-control-regex
    assert.ok(!/[\x00-\x09\x0b-\x1f\x7f]/.test(log));
  },
);

Deno.test(
  "browse of a registry begins with the tags where none is named, and --platform asks no more",
  withTmux,
  async () => {
    await using place = await makeWorkplace();
    await using registry = await startFakeRegistry({});
    using image = openImage(`${registry.url}/me/app:1.0`);
    const layers = [{ bytes: tarOf([{ name: "motd", content: "hello\n" }]) }];
    const manifest = await putImage(image.store, "1.0", layers);
    const platforms = ["amd64", "arm64"].map((architecture) => ({ os: "linux", architecture }));
    await putIndex(image.store, "2.0", platforms.map((platform) => ({ manifest, platform })));
    await using screen = await browse(place, [`${registry.url}/me/app`, "--platform", "linux/arm64"]);
    await screen.until(/\/me\/app: tags\n> 1\.0\n {2}2\.0\n/);
    await screen.type("j", "l");
    await screen.until(/\/me\/app:2\.0 .*\n> files/);
    await screen.type("Enter");
    await screen.until(/> motd +6 B {2}\[1\]/);
    await screen.type("Enter");
    await screen.until(/\/motd\nhello\n/);
    await screen.type("h", "h", "h");
    await screen.until(/: tags\n {2}1\.0\n> 2\.0\n/);
    await screen.type("q");
    await screen.until(/ended with 0/);
  },
);

Deno.test(
  "browse walks a single layer as it is, and shows what is no text byte by byte",
  withTmux,
  async () => {
    await using place = await makePlace();
    await using screen = await browse(place, ["oci:./box:one"]);
    await screen.until(/> files/);
    await screen.type("End", "Enter");
    await screen.until(/ \/ {2}\(layer 2\)\n> etc\/ +drwxr-xr-x\n/);
    await screen.type("Enter");
    await screen.until(/\/etc {2}\(layer 2\)\n> \.wh\.gone +0 B {2}-rw-r--r--\n {2}motd +4 B/);
    await screen.type("Left", "Left", "Up");
    await screen.until(/> layer 1/);
    await screen.type("Enter");
    await screen.until(/\(layer 1\)/);
    await screen.type("End", "Enter");
    await screen.until(/\/raw\n00000000 {2}00 01 02 41 42 +\.\.\.AB\n/);
    await screen.type("Left", "Home", "Enter");
    await screen.until(/\/\?\[2Jevil\na\?\]0;owned\?b\n/);
    await screen.type("q");
    await screen.until(/ended with 0/);
    await assertClean(screen);
  },
);

Deno.test(
  "c marks what a layer adds, changes and hides, and what was hidden can be read",
  withTmux,
  async () => {
    await using place = await makePlace();
    await using screen = await browse(place, ["oci:./box:one"]);
    await screen.until(/> files/);
    await screen.type("End", "Enter");
    await screen.until(/\(layer 2\)\n> etc\/ +drwxr-xr-x\n[\s\S]* c compare /);
    await screen.type("Enter");
    await screen.until(/> \.wh\.gone/);
    await screen.type("c");
    await screen.until(/0 added, 1 changed, 1 hidden; fetched (\S+ B) of \1, verified/);
    await screen.until(
      /\/etc {2}\(layer 2\)\n> - gone +1 B {2}\[1\] {2}-rw-r--r--\n {2}~ motd +4 B {2}-rw-r-----\n[^]*\n(?!.* c compare ).*q quit\n$/,
    );
    assert.match(await screen.colours(), /33m[^\n]* ~ motd/);
    await screen.type("Enter");
    await screen.until(/\/etc\/gone\nx\n/);
    await screen.type("Left", "Left");
    await screen.until(/ \/ {2}\(layer 2\)\n> {3}etc\/ +drwxr-xr-x\n/);
    await screen.type("Left", "c");
    await screen.until(/> layer 2[\s\S]*only a layer above another can be compared/);
    await screen.type("q");
    await screen.until(/ended with 0/);
  },
);

Deno.test("browse searches as one types, in colour, and ? shows the keys", withTmux, async () => {
  await using place = await makePlace();
  await using screen = await browse(place, ["oci:./box:one"]);
  await screen.until(/> files/);
  await screen.type("Enter");
  await screen.until(/fetched/);
  await screen.type("/", "mo");
  await screen.until(/:one {2}\/etc\n {2}long\.txt.*\n> motd [\s\S]*\n\/mo_ {2}1 of 1\nEnter keep/);
  await screen.type("Enter", "?");
  await screen.until(/^Keys\n[\s\S]*\nn N +next, previous match\n/);
  await screen.type("Left");
  await screen.until(/> motd/);
  assert.ok((await screen.colours()).includes("[7m> motd"));
  await screen.type("Left", "/", "nowhere");
  await screen.until(/\n> etc\/ [\s\S]*\n\/nowhere_ {2}nothing found\n/);
  assert.ok((await screen.colours()).includes("[34m> etc/"));
  await screen.type("Escape", "q");
  await screen.until(/ended with 0/);
});

Deno.test(
  "browse has no colours where NO_COLOR is set, and ASCII alone where the locale has no more",
  withTmux,
  async () => {
    await using place = await makeWorkplace();
    using image = openImage(`oci:${place.path("box")}:one`);
    await putImage(image.store, "one", [{ bytes: tarOf([{ name: "größe", content: "x\n" }]) }]);
    await using screen = await browse(place, ["oci:./box:one"], undefined, { NO_COLOR: "1", LC_ALL: "C" });
    await screen.until(/> files/);
    await screen.type("Enter");
    await screen.until(/\n> gr\?\?e +2 B /);
    assert.ok(!(await screen.colours()).includes("\x1b"));
    await screen.type("q");
    await screen.until(/ended with 0/);
  },
);

Deno.test("browse fits into small terminals, and follows when they change", withTmux, async () => {
  await using place = await makePlace();
  await using screen = await browse(place, ["oci:./box:one"], { columns: 30, rows: 8 });
  await screen.until(/> files/);
  await screen.type("Enter");
  await screen.until(/fetched/);
  await screen.type("Down", "Enter");
  await screen.until(/> long\.txt/);
  await screen.type("Enter");
  await screen.until(/\nline 1\nline 2\nline 3\nline 4\nline 5\n\S/);
  await screen.type("Space");
  await screen.until(/\nline 5\nline 6\n/);
  await screen.resize(50, 12);
  await screen.until(/\nline 5\nline 6\nline 7\nline 8\nline 9\nline 10\nline 11\nline 12\nline 13\n/);
  await screen.type("End");
  await screen.until(/line 200\n/);
  await screen.resize(20, 3);
  await screen.until(/\nline 192\n/);
  await screen.type("C-c");
  await screen.resize(80, 24);
  await screen.until(/cannot\s+browse\s[\s\S]*ended with 130/);
  await assertClean(screen);
});

Deno.test("browse walks through an archive, and opens an image by its full name", withTmux, async () => {
  await using place = await makeWorkplace();
  const layout = new ForeignLayout(place.path("box"));
  layout.image("example.org/app", [layout.layer(tarOf([{ name: "file", content: "of an archive\n" }]))]);
  layout.image("example.org/other:1", [layout.layer(tarOf([]))]);
  await runProgram("tar", ["-C", place.path("box"), "-cf", place.path("box.tar"), "."]);
  await using screen = await browse(place, ["oci-archive:box.tar:example.org/app"]);
  await screen.until(/^oci-archive:box\.tar:example\.org\/app[^\n]*\n> file/);
  await screen.type("Enter");
  await screen.until(/\n> file .* 14 B /);
  await screen.type("Enter");
  await screen.until(/of an archive/);
  await screen.type("q");
  await screen.until(/ended with 0/);
});

Deno.test("browse says what went wrong, and another image can be named", withTmux, async () => {
  await using place = await makePlace();
  await using screen = await browse(place, ["oci:./box:none"]);
  await screen.until(/^Image to look into.*\n: oci:\S+none_\n(.*\n)*there is no none in oci:/);
  await screen.type("BSpace", "BSpace", "BSpace", "BSpace", "one", "Enter");
  await screen.until(/> files/);
  await screen.type("C-c");
  await screen.until(/^layerstash: cannot browse oci:[\s\S]+ended with 130/);
  await assertClean(screen);
});

Deno.test("browse without an image asks for one, and Esc at the question ends it", withTmux, async () => {
  await using place = await makePlace();
  await using screen = await browse(place, []);
  await screen.until(/Image to look into/);
  await screen.type("Enter");
  await screen.until(/nothing was typed/);
  await screen.type("Escape");
  await screen.until(/^ended with 0/);
  await assertClean(screen);
});

Deno.test(
  "browse gives the terminal back when it is told to end, even while it waits for a registry",
  withTmux,
  async () => {
    await using place = await makePlace();
    const { promise: never } = Promise.withResolvers<void>();
    await using registry = await startFakeRegistry({ faults: { onRequest: () => never } });
    const words = ["sh", "-c", 'echo $$ > "$1"; shift; exec "$@"', "sh", place.path("pid")];
    const command = commandWords(["browse", `${registry.url}/me/app:1`]);
    await using screen = await openScreen([...words, ...command], environment(place));
    await screen.until(/one moment \.\.\. \(Esc stops\)/);
    assert.equal((await screen.modes()).alternate, true);
    Deno.kill(Number(await Deno.readTextFile(place.path("pid"))), "SIGTERM");
    await screen.until(/cannot\s+browse\s[\s\S]*ended with 130/);
    await assertClean(screen);
  },
);

Deno.test("what takes too long can be stopped with Esc, and the person goes on", withTmux, async () => {
  await using place = await makePlace();
  const { promise: never } = Promise.withResolvers<void>();
  await using registry = await startFakeRegistry({ faults: { onRequest: () => never } });
  await using screen = await browse(place, [`${registry.url}/me/app:1`]);
  await screen.until(/one moment/);
  await screen.type("Escape");
  await screen.until(/\nstopped\n/);
  await screen.type("Escape");
  await screen.until(/^ended with 0/);
  await assertClean(screen);
});

Deno.test("an error in the middle of a session leaves the terminal clean, too", withTmux, async () => {
  await using place = await makePlace();
  await using screen = await browse(place, ["oci:./box:one", "--log-file", "/dev/full"]);
  const left = unbroken(await screen.until(/cannot browse [\s\S]*ended with 1\n/));
  assert.match(left, /no space is left on the disk for \/dev\/full/);
  await assertClean(screen);
});

Deno.test("without a terminal browse says what to use instead", async () => {
  await using place = await makeWorkplace();
  const { code, stdout, stderr } = await place.run(["browse", "oci:box:t"]);
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.equal(
    stderr,
    "layerstash: cannot browse oci:box:t: there is no terminal\n" +
      "hint: use layerstash peek IMAGE to list files, and layerstash extract IMAGE PATH to get them\n",
  );
});
