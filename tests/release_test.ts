/** What a release is made of says the same thing in all places. @module */
import assert from "node:assert/strict";
import { programName, TARGETS } from "../lib/releases/released_program.ts";
import { onPosix } from "./rigs/system.ts";

const read = (path: string) => Deno.readTextFile(new URL(`../${path}`, import.meta.url));

Deno.test("every action is pinned by its commit, with its version beside it", async () => {
  for (const name of ["ci", "release"]) {
    const uses = (await read(`.github/workflows/${name}.yml`)).match(/uses: .*/g) ?? [];
    assert.ok(uses.length > 1);
    for (const line of uses.filter((each) => each !== "uses: ./.github/workflows/ci.yml")) {
      assert.match(line, /^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
  }
});

Deno.test("a release has a program for every target", async () => {
  const made = [...(await read(".github/workflows/release.yml")).matchAll(/target: ([\w-]+) }/g)];
  assert.deepEqual(made.map(([, target]) => target), [...TARGETS]);
});

Deno.test({
  name: "a pre-release does not become the latest release",
  ...onPosix("scripts of sh"),
  async fn() {
    const [, script = ""] = /^ {8}run: \|\n((?: {10}.*\n)+)/m.exec(
      (await read(".github/workflows/release.yml")).split("- name: Release\n")[1]!,
    ) ?? [];
    const made = async (tag: string) => {
      const args = ["-c", `gh() { echo "$@"; }\n${script}`];
      const { stdout } = await new Deno.Command("sh", { args, env: { GITHUB_REF_NAME: tag } }).output();
      return new TextDecoder().decode(stdout);
    };
    assert.match(await made("v1.2.3"), /^release create v1\.2\.3 --prerelease=false /);
    assert.match(await made("v1.2.3-rc.1"), /^release create v1\.2\.3-rc\.1 --prerelease=true /);
  },
});

Deno.test("the installers know every target and the names of the programs", async () => {
  const [sh, powershell] = [await read("install.sh"), await read("install.ps1")];
  for (const target of TARGETS) {
    const [cpu, ...system] = target.split("-");
    if (target.includes("windows")) assert.ok(powershell.includes(`'${target}'`), target);
    else assert.ok(sh.includes(`cpu=${cpu}`) && sh.includes(`$cpu-${system.join("-")}`), target);
  }
  assert.equal(programName("1.2.3", "x86_64-pc-windows-msvc"), "layerstash-1.2.3-x86_64-pc-windows-msvc.exe");
  assert.equal(programName("1.2.3", "aarch64-apple-darwin"), "layerstash-1.2.3-aarch64-apple-darwin");
});

Deno.test("the version has one source", async () => {
  const { version } = JSON.parse(await read("deno.json"));
  const others = ["install.sh", "install.ps1", "main.ts", ".github/workflows/release.yml"];
  for (const path of others) assert.ok(!(await read(path)).includes(version), path);
});
