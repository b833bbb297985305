/** The command line in a real terminal of 80 columns. @module */
import assert from "node:assert/strict";
import { commandWords, makeWorkplace, timeless, type Workplace } from "./rigs/command_line.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { openScreen, unbroken } from "./rigs/screen.ts";
import { bareEnvironment } from "./rigs/system.ts";
import { USER } from "./rigs/user.ts";

const withTmux = { ignore: !await ensureTool("tmux", "tmux") };

function environment(work: Workplace): Record<string, string> {
  return { ...bareEnvironment(work.directory), DOCKER_CONFIG: work.path("docker") };
}

Deno.test(
  "login asks for the name and the password, shows no password, and keeps the login",
  withTmux,
  async () => {
    await using work = await makeWorkplace();
    await using registry = await startFakeRegistry({ auth: "basic" });
    await using screen = await openScreen(commandWords(["login", registry.url]), environment(work));
    await screen.until(/User name for 127\.0\.0\.1:\d+/);
    await screen.type(USER.username, "Enter");
    await screen.until(/Password or token for 127\.0\.0\.1:\d+/);
    await screen.type(USER.password, "Enter");
    const shown = await screen.until(/ended with 0/);
    assert.match(
      shown,
      new RegExp(`layerstash: signed in to ${registry.host} as ${USER.username}; saved in`),
    );
    assert.ok(!shown.includes(USER.password));
    const config = JSON.parse(await Deno.readTextFile(work.path("docker/config.json")));
    assert.equal(config.auths[registry.host].auth, btoa(`${USER.username}:${USER.password}`));
    assert.equal((await Deno.stat(work.path("docker/config.json"))).mode! & 0o777, 0o600);
  },
);

Deno.test("a wrong password is not kept", withTmux, async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry({ auth: "basic" });
  await using screen = await openScreen(commandWords(["login", registry.url, "-u", "me"]), environment(work));
  await screen.until(/Password or token/);
  await screen.type("wrong", "Enter");
  await screen.until(/ended with 4/);
  await assert.rejects(Deno.stat(work.path("docker/config.json")), Deno.errors.NotFound);
});

Deno.test("Ctrl-C at the question ends with 130", withTmux, async () => {
  await using work = await makeWorkplace();
  await using registry = await startFakeRegistry({ auth: "basic" });
  await using screen = await openScreen(commandWords(["login", registry.url]), environment(work));
  await screen.until(/User name/);
  await screen.type("C-c");
  await screen.until(/cannot sign in to \S+: interrupted\nended with 130/);
});

Deno.test("login says for which registry it asks, and where that makes tokens", withTmux, async () => {
  await using work = await makeWorkplace();
  const registries = [
    ["docker", "docker.io", "at https://app.docker.com/"],
    ["ghcr", "ghcr.io", "at https://github.com/"],
    ["registry.gitlab.com", "registry.gitlab.com", "at https://gitlab.com/-/"],
    ["1.dkr.ecr.eu-west-1.amazonaws.com", "1.dkr.ecr", "for the user AWS: aws ecr get-login-password"],
  ] as const;
  for (const [name, said, where] of registries) {
    await using screen = await openScreen(commandWords(["login", name, "-u", "me"]), environment(work));
    const shown = await screen.until(new RegExp(`Password or token for ${said}`));
    assert.match(unbroken(shown), new RegExp(`layerstash: ${said}\\S* makes tokens ${where}`));
    await screen.type("C-c");
    await screen.until(/ended with 130/);
  }
});

Deno.test("an upload shows a bar that fits, and leaves the screen clean", withTmux, async () => {
  await using work = await makeWorkplace();
  const release = Promise.withResolvers<void>();
  const onRequest = ({ method }: { method: string }) => method === "PUT" ? release.promise : undefined;
  await using registry = await startFakeRegistry({ faults: { onRequest } });
  await work.write("disk.img", new Uint8Array(3_000_000));
  const to = ["--registry", registry.url, "-r", "me/files", "-t", "disk", "-i", work.path("disk.img")];
  await using screen = await openScreen(commandWords(["upload", ...to]), environment(work));
  const shown = await screen.until(/storing .*\n█*[▏▎▍▌▋▊▉]?░* +\d+ %/);
  assert.ok(!shown.includes("100 %"), "not done before the registry has said so");
  release.resolve();
  const left = timeless(unbroken(await screen.until(/ended with 0/)));
  assert.match(
    left,
    /^layerstash: stored disk in \S+: 3 MB in 1 chunk, TIMElayerstash: digest: \S+@sha256:\w{64}layerstash: get it back: layerstash download \S+:diskended with 0$/,
  );
});

Deno.test(
  "Ctrl-C leaves on the screen how far it came, and says how to go on, also at 40 columns",
  withTmux,
  async () => {
    for (const columns of [80, 40]) {
      await using work = await makeWorkplace();
      const release = Promise.withResolvers<void>();
      const onRequest = ({ method }: { method: string }) => method === "PUT" ? release.promise : undefined;
      await using registry = await startFakeRegistry({ faults: { onRequest } });
      const file = await work.write("disk.img", new Uint8Array(3_000_000));
      const words = commandWords(["upload", file, `${registry.host}/me/files:disk`]);
      await using screen = await openScreen(words, environment(work), { columns, rows: 24 });
      await screen.until(/█+[▏▎▍▌▋▊▉]?░* +99 %/);
      await screen.type("C-c");
      const shown = await screen.until(/ended with 130/);
      release.resolve();
      assert.match(
        shown,
        /^storing \S+ +0\/1 chunk\n█+[▏▎▍▌▋▊▉]?░* +99 % +3 MB \/ 3 MB.*\nlayerstash: cannot /,
      );
      assert.match(
        unbroken(shown),
        /hint: stored so far: 0 of 1 chunk; at most 3 MB are sent again; go on with: layerstash upload /,
      );
    }
  },
);

for (
  const [method, shown] of [
    ["POST", / +0 % .* waiting: attempt 2 in (1m|5\ds)\n/],
    ["PUT", / waiting: it goes on in (1m|5\ds)\n/], // before it is tried again, it is asked whether all has come
  ] as const
) {
  Deno.test(`waiting is shown as waiting, with its countdown: after a ${method}`, withTmux, async () => {
    await using work = await makeWorkplace();
    const headers = { "retry-after": "60" };
    await using registry = await startFakeRegistry({
      faults: { failNext: [{ method, path: /blobs/, status: 503, headers, times: 9 }] },
    });
    const file = await work.write("disk.img", new Uint8Array(3_000_000));
    const words = commandWords(["upload", file, `${registry.host}/me/files:disk`]);
    await using screen = await openScreen(words, environment(work));
    await screen.until(shown);
    await screen.type("C-c");
    await screen.until(/ended with 130/);
  });
}

Deno.test("a terminal shows the beginnings of digests, and a pipe gets them whole", withTmux, async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", new Uint8Array(30));
  const address = `oci:${work.path("box")}:disk`;
  await work.run(["upload", "disk.img", address, "--chunk-size", "10"]);
  const words = commandWords(["info", address]);
  await using screen = await openScreen(words, environment(work));
  assert.match(await screen.until(/ended with 0/), /^disk-1 +sha256:\w{12} +10 B$/m);
  const { stdout } = await work.run(["info", address]);
  assert.match(stdout, /^disk-1 +sha256:\w{64} +10 B$/m);
});

Deno.test("a report that is piped to the same terminal keeps its rows", withTmux, async () => {
  await using work = await makeWorkplace();
  const release = Promise.withResolvers<void>();
  const onRequest = ({ path }: { path: string }) =>
    path.includes("/manifests/") ? release.promise : undefined;
  await using registry = await startFakeRegistry();
  const to = ["--registry", registry.url, "-r", "me/files"];
  await work.write("disk.img", new Uint8Array(30));
  await work.run(["upload", ...to, "-t", "disk", "-i", work.path("disk.img"), "--chunk-size", "10"]);
  registry.faults.onRequest = onRequest;
  const list = commandWords(["list", ...to, "--exact-size"]).join(" ");
  const words = ["bash", "-c", `${list} | cat`];
  await using screen = await openScreen(words, environment(work));
  await screen.until(/so far|listing/);
  release.resolve();
  assert.match(await screen.until(/ended with 0/), /\ndisk +3 +30 B +disk\.img /);
});

Deno.test(
  "a passphrase is asked for at the terminal also where all streams lead elsewhere",
  withTmux,
  async () => {
    await using work = await makeWorkplace();
    const stored = `oci:${work.path("box")}:secret`;
    const typed = async (line: (command: string) => string, args: string[], ...answers: string[][]) => {
      const words = ["bash", "-c", `${line(commandWords(args).join(" "))}; echo went $?`];
      await using screen = await openScreen(words, environment(work));
      for (const [index, answer] of answers.entries()) {
        await screen.until(index === 0 ? /Passphrase:/ : /passphrase again:/);
        await screen.type(...answer);
      }
      const shown = await screen.until(/went \d/);
      assert.ok(!shown.includes("sesame"));
      return shown;
    };
    const up = ["upload", "-", stored, "--passphrase"];
    const upload = (command: string) => `echo a secret | ${command} 2> ${work.path("log")}`;
    assert.match(await typed(upload, up, ["open-sesame", "C-c"]), /went 130/);
    const [right, corrected] = [["open-sesame", "Enter"], [
      "wrong",
      "C-u",
      "open-sesaé",
      "BSpace",
      "me",
      "Enter",
    ]];
    assert.match(await typed(upload, up, corrected, right), /went 0/);
    assert.match(await Deno.readTextFile(work.path("log")), /stored secret in/);
    const down = ["download", stored, "-", "--passphrase"];
    const pipe = (command: string) => `set -o pipefail; ${command} < /dev/null | cat > ${work.path("copy")}`;
    assert.match(await typed(pipe, down, ["close-sesame", "Enter"]), /went 4/);
    assert.match(await typed(pipe, down, right), /went 0/);
    assert.equal(await Deno.readTextFile(work.path("copy")), "a secret\n");
  },
);

Deno.test("a new passphrase is asked for twice, a known one once, and neither shows", withTmux, async () => {
  await using work = await makeWorkplace();
  const file = await work.write("file", "a secret text");
  const blob = `oci:${work.path("box")}:secret`;
  const typed = async (args: string[], ...answers: string[]) => {
    await using screen = await openScreen(commandWords(args), environment(work));
    const questions = ["Passphrase", "The same passphrase again"];
    for (const [index, answer] of answers.entries()) {
      await screen.until(new RegExp(questions[index]!));
      await screen.type(answer, "Enter");
    }
    const shown = await screen.until(/ended with \d/);
    assert.ok(!shown.includes("sesame"));
    return shown;
  };
  const push = ["blob", "push", file, blob, "--passphrase"];
  const unlike = await typed(push, "open-sesame", "open-sesamy");
  assert.match(unbroken(unlike), /the two passphrases are not the same[^]*ended with 2/);
  assert.match(await typed(push, "open-sesame", "open-sesame"), /stored 1 blob[^]*ended with 0/);
  const pull = ["blob", "pull", blob, "--passphrase", "-o", work.path("copy")];
  assert.match(await typed(pull, "close-sesame"), /ended with 4/);
  assert.match(await typed(pull, "open-sesame"), /ended with 0/);
  assert.equal(await Deno.readTextFile(work.path("copy")), "a secret text");
});
