/** Somebody who types what the documentation shows: a home, a directory with files, and the internet. @module */
import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "../../lib/oci/digest.ts";
import { type Place, type } from "./bash.ts";
import { ensureTool } from "./debian.ts";
import { type Example, isShown } from "./examples.ts";
import { LOG, makeFiles, storeExamples, storeImages } from "./documented.ts";
import { PROGRAM } from "./github.ts";
import { type Internet, startInternet } from "./internet.ts";
import { sharePackages } from "./npm.ts";
import { onLinux } from "./system.ts";
import { USER } from "./user.ts";

const CERTIFICATES = ".certificates";

/** A reader. */
export interface Reader extends Place, AsyncDisposable {
  /** Puts what is there on this machine in the place of what the documentation says. */
  replace(text: string): string;
  /** Does what the examples take for granted: installs the program, signs in, stores. What else there is stays. */
  getReady(): Promise<void>;
  /** Empties the directory. */
  tidyUp(): Promise<void>;
}

/**
 * For tests in which a reader types many commands, such as those of `the README`: what they need, and the time that they
 * may take beside others.
 */
export async function withReader(what: string): Promise<{ ignore: boolean; timeout: number }> {
  const needed = [await ensureTool("bash", "bash"), await ensureTool("openssl", "openssl")];
  const ignore = onLinux(`the commands of ${what}`).ignore || needed.includes(false);
  return { ignore, timeout: 10 * 60_000 };
}

/**
 * Makes a reader who has nothing yet; what is public is in the registries. Where a directory of modules is named, Deno keeps
 * there what it has fetched and compiled, for the next reader.
 */
export async function makeReader({ modules }: { modules?: string } = {}): Promise<Reader> {
  const home = await Deno.makeTempDir({ prefix: "layerstash-reader-" });
  const directory = join(home, "work");
  const certificates = join(directory, CERTIFICATES); // what may be read in the directory may read them
  await Deno.mkdir(certificates, { recursive: true });
  const internet = await startInternet(certificates);
  const cache = modules ?? join(home, "deno");
  await sharePackages(cache); // those of JSR are not the real ones
  await storeImages(internet);
  await installDatabase(join(home, ".local/bin"));
  let putReady: ((directory: string) => Promise<void>) | undefined;
  return {
    directory,
    env: {
      PATH: `${join(home, ".local/bin")}:${Deno.env.get("PATH")}`,
      HOME: home,
      PROFILE: join(home, "profile.ps1"),
      DENO_DIR: cache,
      NO_COLOR: "1",
      TOKEN: USER.password,
      LAYERSTASH_PROGRESS: "none", // on a busy machine a line every ten seconds would stand between what is shown
      LAYERSTASH_LISTEN: "127.0.0.1:0", // other tests may listen where the documentation does
      ...internet.env,
    },
    replace: (text) => replaceAll(text, internet.host),
    async getReady() {
      await install(home);
      putReady ??= await prepare(internet, join(home, "ready"));
      await putReady(directory);
    },
    async tidyUp() {
      for await (const { name } of Deno.readDir(directory)) {
        if (name !== CERTIFICATES) await Deno.remove(join(directory, name), { recursive: true });
      }
    },
    async [Symbol.asyncDispose]() {
      await internet[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** Words of the documentation, and what a reader puts in their places. */
function replaceAll(text: string, host: string): string {
  const replacements: Record<string, string> = {
    "localhost:5000": host,
    "127.0.0.1:8080": "127.0.0.1:0",
    YOU: USER.username,
    "sha256:2cf2...": digestOf(new TextEncoder().encode(LOG)),
    HOST: host,
    "OLD-REPO:TAG": "me/base:1",
    "NEW-REPO:TAG": "me/new:1",
    "REPO:TAG": "me/base:1",
    "OLD-TAG": "1",
    "NEW-TAG": "2",
    REPO: "me/base",
  };
  return Object.entries(replacements).reduce(
    (whole, [word, here]) => whole.replaceAll(new RegExp(`(?<![\\w$])${word}(?!\\w)`, "g"), here),
    text,
  );
}

/** Makes files and stores examples once; the function that it gives puts all of it in place. */
async function prepare(internet: Internet, ready: string): Promise<(directory: string) => Promise<void>> {
  await Deno.mkdir(ready);
  await makeFiles(ready);
  await storeExamples(internet, ready);
  const putBack = internet.remember();
  return async (directory) => {
    putBack();
    await cp(ready, directory, { recursive: true });
  };
}

/** Stand-ins for the programs of a database. */
const DATABASE = {
  "pg_dump": `#!/bin/sh\necho "SELECT '$1';"\n`,
  "psql": `#!/bin/sh\ntest "$(cat)" = "SELECT '$1';"\n`,
};

async function installDatabase(programs: string): Promise<void> {
  await Deno.mkdir(programs, { recursive: true });
  for (const [name, script] of Object.entries(DATABASE)) {
    await Deno.writeTextFile(join(programs, name), script, { mode: 0o755 });
  }
}

async function install(home: string): Promise<void> {
  const auth = btoa(`${USER.username}:${USER.password}`);
  const config = { auths: { "https://index.docker.io/v1/": { auth }, "ghcr.io": { auth } } };
  for (const directory of ["Documents", ".local/bin", ".docker", ".config/fish/completions"]) {
    await Deno.mkdir(join(home, directory), { recursive: true });
  }
  await Deno.writeTextFile(join(home, ".docker/config.json"), JSON.stringify(config));
  await Deno.writeTextFile(join(home, ".local/bin/layerstash"), PROGRAM, { mode: 0o755 });
}

/** Types a command, which does what is shown; what it sets, such as a function or a variable, holds for the rest of the session. */
export async function typeExample(
  reader: Reader,
  { command, shown }: Example,
  session: string[],
): Promise<void> {
  const { code, output } = await type(reader.replace(command), reader, session);
  if (/^(\w+\(\) \{|[A-Z]+=\$\(|export |set -o )/.test(command)) session.push(reader.replace(command));
  const isError = shown.some((line) => line.startsWith("layerstash: cannot"));
  const tellsDifferences = code === 1 && /^layerstash diff /.test(command);
  assert.equal(code === 0 || tellsDifferences, !isError, `${command}\nended with ${code}\n${output}`);
  if (shown.length === 0) return;
  assert.ok(
    isShown(shown.map((line) => reader.replace(line)), output),
    `${command}\nshows something else:\n${output}`,
  );
}
