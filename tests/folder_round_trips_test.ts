/** Directories as people have them come back the same from every registry, as `rsync` sees it, and to container engines. @module */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { goProgram } from "./compatibility/go_programs.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { someBytes } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { folderState, makeOddFolder } from "./rigs/folders.ts";
import { type RealRegistry, startRegistry } from "./rigs/real_registry.ts";
import { asRoot, onLinux } from "./rigs/system.ts";
import { runProgram } from "./rigs/tar.ts";

const linux = onLinux("names and times as Linux has them");
const hasJudge = await ensureTool("rsync", "rsync") && await ensureTool("python3", "python3");
const withJudge = { ignore: linux.ignore || !hasJudge };
const hasRegistry = await ensureTool("docker-registry", "docker-registry");
/** Neither is in a package of Debian. */
const [distribution, crane] = [await goProgram("distribution"), await goProgram("crane")];
const MiB = 1024 * 1024;

/** Fills a directory with what people store: sources, packages of node, photos, and names that are hard to store. */
async function makeTrees(directory: string): Promise<void> {
  await makeOddFolder(`${directory}/odd`);
  await Deno.chmod(`${directory}/odd/setuid`, 0o755); // the bit belongs to an owner, who is not stored
  await makeSources(`${directory}/go`);
  await makePackages(`${directory}/site/node_modules`);
  await makePhotos(`${directory}/photos`);
}

async function write(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  if (typeof content === "string") await Deno.writeTextFile(path, content);
  else await Deno.writeFile(path, content);
  await Deno.chmod(path, mode);
}

/** As Go keeps modules: files and directories that nobody may write to. */
async function makeSources(directory: string): Promise<void> {
  for (let index = 0; index < 200; index++) {
    const name = `pkg/mod/example.com/!mixed@v1.${index % 9}.0-rc+build/internal/p${
      index % 20
    }/file_${index}.go`;
    await write(`${directory}/${name}`, `package p\n\nconst N = ${index}\n`.repeat(1 + index % 40), 0o444);
  }
  await Deno.mkdir(`${directory}/testdata/empty`, { recursive: true });
  await runProgram("chmod", ["-R", "a-w", `${directory}/pkg/mod/example.com`]);
}

/** As npm and pnpm lay packages out: scopes, programs that are links, and one file under several names. */
async function makePackages(directory: string): Promise<void> {
  await Deno.mkdir(`${directory}/.bin`, { recursive: true });
  for (let index = 0; index < 60; index++) {
    const name = index % 3 === 0 ? `@scope/pkg-${index}` : `pkg-${index}`;
    await write(`${directory}/${name}/package.json`, `{"name": "${name}"}\n`);
    await write(`${directory}/${name}/cli.js`, "#!/usr/bin/env node\n", 0o755);
    await write(`${directory}/${name}/node_modules/dep/index.js`, `exports.n = ${index};\n`);
    await Deno.symlink(`../${name}/cli.js`, `${directory}/.bin/pkg-${index}`);
    if (index > 0) {
      await Deno.link(`${directory}/@scope/pkg-0/package.json`, `${directory}/${name}/same.json`);
    }
  }
}

/** As photos lie in albums: nothing compresses them, some are in two albums, and a film has a hole. */
async function makePhotos(directory: string): Promise<void> {
  for (let index = 0; index < 5; index++) {
    await write(`${directory}/2026/Tôkyô ${index}.jpg`, someBytes(MiB + index, index), 0o640);
  }
  await Deno.mkdir(`${directory}/best`);
  await Deno.link(`${directory}/2026/Tôkyô 3.jpg`, `${directory}/best/first.jpg`);
  using film = await Deno.open(`${directory}/film.raw`, { create: true, write: true });
  await film.truncate(40 * MiB);
  await film.seek(30 * MiB, Deno.SeekMode.Start);
  await film.write(someBytes(1000));
}

/** What `rsync` would change to make one directory as another is: contents, modes, times, links and attributes. */
async function changesBetween(one: string, other: string): Promise<string> {
  const options = ["-aHXn", "--exclude=pipe", "--checksum", "--delete", "--itemize-changes"];
  return new TextDecoder("latin1").decode(await runProgram("rsync", [...options, `${one}/`, `${other}/`]));
}

async function succeeded(place: Workplace, args: string[]): Promise<void> {
  const { code, stderr } = await place.run(args);
  assert.equal(code, 0, stderr);
}

/** Stores the trees at an address, brings them back twice, and compares. */
async function requireRoundTrip(place: Workplace, address: string): Promise<void> {
  await makeTrees(place.path("in"));
  await succeeded(place, ["upload", "in", address]);
  await succeeded(place, ["download", address, "out"]);
  assert.equal(await changesBetween(place.path("in"), place.path("out")), "");
  assert.deepEqual(await folderState(place.path("out")), await folderState(place.path("in")));
  assert.ok(Deno.statSync(place.path("out/photos/film.raw")).blocks! < 1000, "the hole is a hole");
  await succeeded(place, ["verify", address, "out", "--deep"]);

  await Deno.writeTextFile(place.path("out/site/node_modules/pkg-1/cli.js"), "#!/usr/bin/env nope\n");
  assert.match(
    await changesBetween(place.path("in"), place.path("out")),
    /^>fc.* site\/node_modules\/pkg-1\/cli.js$/m,
  );
  await succeeded(place, ["download", address, "out", "--overwrite", "--checksum", "--delete"]);
  assert.equal(await changesBetween(place.path("in"), place.path("out")), "");
}

Deno.test("what people store comes back the same from a directory", withJudge, async () => {
  await using place = await makeWorkplace();
  await requireRoundTrip(place, "oci:box:t");
});

for (
  const [name, program, ignore] of [
    ["docker-registry", "docker-registry", !hasRegistry],
    ["distribution 3", distribution, distribution === undefined],
  ] as const
) {
  Deno.test(
    `what people store comes back the same from ${name}`,
    { ignore: withJudge.ignore || ignore },
    async () => {
      await using place = await makeWorkplace();
      await using registry = await startRegistry({ program });
      await requireRoundTrip(place, `${registry.host}/me/files:t`);
    },
  );
}

/** Stores what every engine can make: no file of the odd ones has a mode or a time that one does not keep. */
async function storeForEngines(place: Workplace, registry: RealRegistry): Promise<string> {
  await makeSources(place.path("in/go"));
  await makePackages(place.path("in/node_modules"));
  await makePhotos(place.path("in/photos"));
  const address = `${registry.host}/me/files:t`;
  await succeeded(place, ["upload", "in", address]);
  return address;
}

const withSkopeo = {
  ignore: withJudge.ignore || !hasRegistry ||
    !await ensureTool("skopeo", "skopeo") || !await ensureTool("umoci", "umoci"),
};

Deno.test("what skopeo copies and umoci unpacks is the folder that was stored", withSkopeo, async () => {
  await using place = await makeWorkplace();
  await using registry = await startRegistry();
  const address = await storeForEngines(place, registry);
  const copied = `oci:${place.path("copied")}:t`;
  await runProgram("skopeo", ["copy", "--src-tls-verify=false", `docker://${address}`, copied]);
  await runProgram("umoci", [
    ...["unpack", "--rootless", "--image", `${place.path("copied")}:t`, place.path("bundle")],
  ]);
  assert.deepEqual(await folderState(place.path("bundle/rootfs")), await folderState(place.path("in")));
  const unpacked = await place.run(["verify", address, "bundle/rootfs"]); // which has two files of eStargz, too
  assert.equal(unpacked.code, 0, unpacked.stdout + unpacked.stderr);
  await place.write(
    "bundle/rootfs/photos/stargz.index.json",
    "one of the user's own, which is not at the top",
  );
  const { code, stdout } = await place.run(["diff", address, "bundle/rootfs", "--json"]);
  assert.ok(code === 1 && stdout.includes("photos/stargz.index.json"), stdout);
});

const withPodman = {
  ignore: asRoot("containers of podman").ignore || withJudge.ignore || !hasRegistry ||
    !await ensureTool("podman", "podman"),
};

Deno.test("podman pulls a folder, copies it out, and mounts it, as it was stored", withPodman, async () => {
  await using place = await makeWorkplace();
  await using registry = await startRegistry();
  const address = await storeForEngines(place, registry);
  const podman = async (...args: string[]) => {
    const own = ["--storage-driver=vfs", `--root=${place.path("root")}`, `--runroot=${place.path("run")}`];
    return new TextDecoder().decode(await runProgram("podman", [...own, ...args])).trim();
  };
  const created = await podman("create", "--pull=always", "--tls-verify=false", address, "none");
  const container = created.split("\n").at(-1)!;
  await podman("cp", `${container}:/`, place.path("out"));
  await requireFilesOf(place, "out");
  const mounted = await podman("image", "mount", address);
  const isTop = (line: string) => line.startsWith(".|d|"); // podman has made it, and gives it no time
  const [found, wanted] = [await folderState(mounted), await folderState(place.path("in"))];
  assert.deepEqual(found.filter((line) => !isTop(line)), wanted.filter((line) => !isTop(line)));
  await podman("image", "unmount", address);
});

/** Compares all but times, which podman rounds to seconds where it copies out of a container. */
async function requireFilesOf(place: Workplace, copy: string): Promise<void> {
  const [found, wanted] = [
    await folderState(place.path(copy), { times: false }),
    await folderState(place.path("in"), { times: false }),
  ];
  assert.deepEqual(found, wanted);
}

const withCrane = { ignore: withJudge.ignore || !hasRegistry || !crane };

Deno.test("what crane exports is the folder that was stored", withCrane, async () => {
  await using place = await makeWorkplace();
  await using registry = await startRegistry();
  const address = await storeForEngines(place, registry);
  await runProgram(crane!, ["export", "--insecure", address, place.path("out.tar")]);
  await Deno.mkdir(place.path("out"));
  await runProgram("tar", ["xpf", place.path("out.tar"), "-C", place.path("out")]);
  const states = [await folderState(place.path("out")), await folderState(place.path("in"))];
  // crane puts directories before what is in them, so that unpacking that gives them other times
  const [found, wanted] = states.map((lines) => lines.map((line) => line.replace(/(\|d\|\d+)\|.*/, "$1")));
  assert.deepEqual(found, wanted);
});
