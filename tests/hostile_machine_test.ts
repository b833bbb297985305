/** What this machine itself is asked: files and programs that are too talkative. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { savedCredentials } from "../lib/sign_in/saved_credentials.ts";
import { makeWorkplace } from "./rigs/command_line.ts";
import { helperHome } from "./rigs/credential_helper.ts";
import { ensureTool } from "./rigs/debian.ts";
import { fends } from "./rigs/guard.ts";
import { onLinux, onPosix } from "./rigs/system.ts";

const withLimits = {
  ignore: onLinux("limits of memory").ignore || !await ensureTool("prlimit", "util-linux"),
};

Deno.test(
  "a credential helper that does not stop talking is ended",
  onPosix("credential helpers that are shell scripts"),
  async () => {
    await using home = await helperHome();
    await home.install("keeper", "#!/bin/sh\nexec yes open-sesame\n");
    await home.write(".docker/config.json", JSON.stringify({ credsStore: "keeper" }));
    const error = await fends(() => savedCredentials(home.env)("ghcr.io", "me/files"), () => 0);
    assert.doesNotMatch(Deno.inspect(error), /sesame/);
  },
);

Deno.test("a docker config without an end is refused", onPosix("devices"), async () => {
  await using home = await helperHome();
  await Deno.mkdir(join(home.path, ".docker"));
  await Deno.symlink("/dev/zero", join(home.path, ".docker/config.json"));
  await fends(() => savedCredentials(home.env)("ghcr.io", "me/files"), () => 0);
});

Deno.test("a file of authorities without an end is refused", withLimits, async () => {
  await using work = await makeWorkplace();
  const args = ["list", "--registry", "https://127.0.0.1:9", "-r", "me/files", "--ca-file", "/dev/zero"];
  // So that a program that reads on fails this test, rather than the machine.
  const { code, stderr } = await work.run(args, { under: ["prlimit", "--data=1500000000", "timeout", "20"] });
  assert.equal(code, 2, stderr);
  assert.match(stderr, /\/dev\/zero/);
});
