/** What each use has to be allowed, as the README says: the package of JSR, with that and no more. @module */
import assert from "node:assert/strict";
import { digestless, timeless } from "./rigs/command_line.ts";
import { type } from "./rigs/bash.ts";
import { ensureTool } from "./rigs/debian.ts";
import { makeReader, type Reader } from "./rigs/reader.ts";
import { onPosix } from "./rigs/system.ts";

const ignore = onPosix("permissions, in bash").ignore ||
  !(await ensureTool("openssl", "openssl") && await ensureTool("bash", "bash"));
const BOX = "--registry oci:./box -r me/files -t disk";
const LOGINS = "$HOME/.docker,$HOME/.config/containers";

/** Chunks of more than 8 MiB are hashed in a thread of their own. */
const DISK = new Uint8Array(9 * 1024 * 1024);

/** A command of layerstash, with these permissions and without questions. */
function allowed(permissions: string, command: string): string {
  return `deno run --quiet --no-prompt ${permissions} jsr:@layerstash/cli ${command}`;
}

/** Runs a command and gives its exit code and its output, as one text. */
async function run(reader: Reader, command: string): Promise<string> {
  const { LAYERSTASH_CA_FILE: _, ...env } = reader.env; // it would have to be read
  const { code, output } = await type(reader.replace(command), { directory: reader.directory, env });
  return `${code} ${output}`;
}

/** The registry was asked, and had nothing to list. */
const ANSWERED = /^3 [^\n]*there is no repository/;

const modules = await Deno.makeTempDir({ prefix: "layerstash-modules-" });
Deno.test.afterAll(() => Deno.remove(modules, { recursive: true }));

async function makeOwner(): Promise<Reader> {
  const reader = await makeReader({ modules });
  await Deno.writeFile(`${reader.directory}/disk.img`, DISK);
  return reader;
}

Deno.test("a file goes to a directory and back with nothing but these", { ignore }, async () => {
  await using reader = await makeOwner();
  const up = allowed(
    "--allow-env --allow-read=disk.img,box,state --allow-write=box,state",
    `upload ${BOX} -i disk.img`,
  );
  assert.equal(
    digestless(timeless(await run(reader, `${up} --state-dir state`))),
    "0 layerstash: stored disk in oci:box/me/files: 9.44 MB in 1 chunk, TIME\n" +
      "layerstash: digest: oci:box/me/files@DIGEST\n" +
      "layerstash: get it back: layerstash download oci:box/me/files:disk\n",
  );
  const down = allowed(
    "--allow-env --allow-read=. --allow-write=. --allow-sys=statfs",
    `download ${BOX} -o copy.img`,
  );
  const wrote = timeless(await run(reader, `${down} --state-dir .`));
  assert.equal(wrote, "0 layerstash: wrote copy.img: 9.44 MB, verified, TIME\n");
});

Deno.test("without a journal and the check of free space it goes on, and says so", { ignore }, async () => {
  await using reader = await makeOwner();
  const up = await run(
    reader,
    allowed("--allow-env --allow-read=disk.img,box --allow-write=box", `upload ${BOX} -i disk.img`),
  );
  assert.match(up, /^0 layerstash: cannot keep a journal in [^\n]*\nlayerstash: stored disk/);
  const down = await run(
    reader,
    allowed("--allow-env --allow-read=. --allow-write=.", `download ${BOX} -o copy.img`),
  );
  assert.match(down, /^0 [^]*free space is not checked: that needs --allow-sys=statfs\n/);
  assert.match(timeless(down), /wrote copy\.img: 9\.44 MB, verified, TIME\n$/);
});

Deno.test("a registry needs its host, and the files of logins", { ignore }, async () => {
  await using reader = await makeOwner();
  const list = "list --registry localhost:5000 -r me/files";
  assert.match(
    await run(reader, allowed(`--allow-env --allow-net=localhost:5000 --allow-read=${LOGINS}`, list)),
    ANSWERED,
  );
  const named = "LAYERSTASH_USERNAME=a LAYERSTASH_TOKEN=b " +
    allowed("--allow-env --allow-net=localhost:5000", list);
  assert.match(await run(reader, named), ANSWERED);
});

Deno.test("images are taken apart with a directory and the registry", { ignore }, async () => {
  await using reader = await makeOwner();
  const permissions = `--allow-env --allow-net=localhost:5000 --allow-read=.,${LOGINS} --allow-write=.`;
  for (
    const command of [
      "extract localhost:5000/base:1 etc -o out",
      "save localhost:5000/base:1 -o saved",
      "save localhost:5000/base:1 --layer all -o layers",
    ]
  ) {
    assert.match(await run(reader, allowed(permissions, `${command}`)), /^0 /);
  }
});

Deno.test("what is not allowed is named, with the flag that allows it", { ignore }, async () => {
  await using reader = await makeOwner();
  const refused = async (permissions: string, command: string, said: RegExp) =>
    assert.match(await run(reader, allowed(permissions, command)), said);
  await refused("", "list -r me/files", /^4 [^\n]*env access[^]*hint: /);
  await refused(
    "--allow-env",
    `upload ${BOX} -i disk.img`,
    /^4 [^\n]*disk\.img may not be read[^]*hint: Deno has to allow it: --allow-read\n/,
  );
  await refused(
    "--allow-env --allow-read",
    `upload ${BOX} -i disk.img`,
    /^4 [^]*box[^]*hint: Deno has to allow it: --allow-write\n/,
  );
  await run(reader, allowed("-A", `upload ${BOX} -i disk.img`));
  await refused(
    "--allow-env --allow-read=box",
    `download ${BOX} -o copy.img`,
    /^4 [^\n]*copy\.img cannot be written[^]*--allow-read\n/,
  );
  await refused(
    "--allow-env --allow-read",
    "list --registry localhost:5000 -r me/files",
    /^4 [^\n]*may not speak to[^]*--allow-net=/,
  );
  await refused(
    "--allow-env",
    "list --registry localhost:5000 -r me/files",
    /^4 [^\n]*cannot be read\nhint: [^\n]*saved logins[^\n]*--allow-read/,
  );
});

Deno.test(
  "the library is imported with no permission, and used without the environment",
  { ignore },
  async () => {
    await using reader = await makeOwner();
    const program = `
    import { openStore, upload } from "jsr:@layerstash/cli";
    if (Deno.args[0] === "upload") {
      using store = openStore({ registry: "oci:./box", repository: "me/files" });
      await upload(store, "disk", { input: "disk.img" });
    }
    console.log("done");`;
    await Deno.writeTextFile(`${reader.directory}/program.ts`, program);
    assert.equal(await run(reader, "deno run --quiet --no-prompt program.ts"), "0 done\n");
    const use = "deno run --quiet --no-prompt --allow-read=disk.img,box --allow-write=box program.ts upload";
    assert.equal(await run(reader, use), "0 done\n");
  },
);
