/** Layerstash run by Deno in a directory that somebody else has filled: none of its code is run. @module */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { type } from "./rigs/bash.ts";
import { ensureTool } from "./rigs/debian.ts";
import { makeReader } from "./rigs/reader.ts";
import { onPosix } from "./rigs/system.ts";

const ROOT = join(import.meta.dirname!, "..");
const RUN = "deno run --no-config -A jsr:@layerstash/cli --version";
const CODE = 'console.log("code of the directory");\n';
const PACKAGE = JSON.stringify({ name: "valibot", version: "1.5.0", exports: "./index.js" });
const LOCK = { version: "5", specifiers: { "jsr:@layerstash/cli@*": "9.9.9" } };

/** What a directory may have to change what Deno runs. Each does, unless Deno takes no settings from it. */
const SETTINGS: Record<string, Record<string, string>> = {
  "an import map": {
    "deno.json": JSON.stringify({ imports: { "jsr:@layerstash/cli": "./code.ts" } }),
    "code.ts": CODE,
  },
  "an import map for a dependency": {
    "deno.json": JSON.stringify({ imports: { "npm:valibot@^1.5.0": "./code.ts" } }),
    "code.ts": CODE,
  },
  "a workspace with a package of this name": {
    "deno.json": JSON.stringify({ workspace: ["./cli"] }),
    "cli/deno.json": JSON.stringify({ name: "@layerstash/cli", version: "9.9.9", exports: "./code.ts" }),
    "cli/code.ts": CODE,
  },
  "modules of its own": {
    "deno.json": JSON.stringify({ vendor: true, nodeModulesDir: "manual" }),
    "vendor/jsr.io/@layerstash/cli/0.1.0/main.ts": CODE,
    "node_modules/valibot/package.json": PACKAGE,
    "node_modules/valibot/index.js": CODE,
  },
  "packages of npm": {
    "package.json": JSON.stringify({ dependencies: { valibot: "*" } }),
    "node_modules/valibot/package.json": PACKAGE,
    "node_modules/valibot/index.js": CODE,
  },
  "a lock file": { "deno.json": "{}", "deno.lock": JSON.stringify(LOCK) },
};

Deno.test("run as the README says, nothing of the current directory is run or obeyed", {
  ignore: onPosix("commands in bash").ignore || !await ensureTool("openssl", "openssl"),
}, async () => {
  await using reader = await makeReader();
  for (const [index, [what, files]] of Object.entries(SETTINGS).entries()) {
    const place = { ...reader, directory: join(reader.directory, `${index}`) };
    for (const [name, text] of Object.entries(files)) {
      const path = join(place.directory, name);
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.writeTextFile(path, text);
    }
    const obeyed = await type(RUN.replace("--no-config ", ""), place);
    assert.doesNotMatch(obeyed.output, /^layerstash v/m, `${what} is no test: ${obeyed.output}`);
    const { code, output } = await type(RUN, place);
    assert.equal(code, 0, `${what}: ${output}`);
    assert.match(output, /^layerstash v\d+\.\d+\.\d+\S*\n$/, what);
  }
});

/** The texts that name commands: the README, the sources with their help and hints, the scripts and the workflows. */
async function* texts(directory = ROOT): AsyncGenerator<readonly [path: string, text: string]> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (
      isDirectory && /^(lib|\.github|workflows|ISSUE_TEMPLATE)$|^[a-z_]+$/.test(name) &&
      !/^(tests|dist|node_modules)$/.test(name)
    ) {
      yield* texts(path);
    } else if (/\.(md|ts|sh|ps1|yml)$/.test(name)) yield [path, await Deno.readTextFile(path)];
  }
}

Deno.test("every command that runs layerstash from elsewhere with Deno takes no settings from the directory", async () => {
  const found: string[] = [];
  for await (const [path, text] of texts()) {
    const commands =
      text.replaceAll(/\\\n\s*/g, "").match(/deno run[^\n`"]*(jsr:@layerstash|layerstash\.js)/g) ?? [];
    for (const command of commands) {
      assert.match(command, / --no-config /, path);
      found.push(command);
    }
  }
  assert.ok(found.length >= 6, found.join("\n"));
  const shebang = await Deno.readTextFile(join(ROOT, "lib/ship/bundle.ts"));
  assert.match(shebang, /#!\/usr\/bin\/env -S deno run --no-config -A /);
});
