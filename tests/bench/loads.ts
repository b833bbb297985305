/** The work that the benchmark lets programs do. @module */
import { join } from "node:path";
import { openStore, upload } from "../../main.ts";
import { digestOfFile, writeSparseFile } from "../rigs/sparse_file.ts";
import { commandWords } from "../rigs/command_line.ts";
import { startRegistry } from "../rigs/real_registry.ts";
import type { Contender, Load } from "./race.ts";
import { startNginx, startServer } from "./servers.ts";

/** Where a benchmark works, and how much it moves. */
export interface Bench {
  /** A directory of its own, in memory where that can be had. */
  directory: string;
  /** In bytes. */
  size: number;
  /** Which other programs there are. */
  has(program: string): boolean;
}

/** Sets a load up, hands it over, and tidies up. */
export type Setup = (bench: Bench, run: (load: Load) => Promise<void>) => Promise<void>;

const only = (has: (program: string) => boolean, contenders: Record<string, Contender>) =>
  Object.entries(contenders).filter(([program]) => has(program)).map(([, contender]) => contender);

function layerstash(args: (run: number) => string[], after?: Contender["after"]): Contender {
  return {
    name: "layerstash",
    command: (run) => commandWords([...args(run), "--progress", "none"]),
    ...(after && { after }),
  };
}

const uploadTo = (bench: Bench, host: string, more: string[] = []) =>
  layerstash((run) => [
    ...[
      "upload",
      "--registry",
      host,
      "-r",
      "bench/up",
      "-t",
      `up${run}`,
      "-i",
      join(bench.directory, "file"),
    ],
    ...["--state-dir", join(bench.directory, `state${run}`), ...more],
  ]);

const downloadFrom = (bench: Bench, host: string) => {
  const file = join(bench.directory, "mine");
  return layerstash(
    () => ["download", "--registry", host, "-r", "bench/down", "-t", "big", "-o", file],
    () => Deno.remove(file),
  );
};

const curlTo = (bench: Bench, url: (run: number) => string | Promise<string>): Contender => ({
  name: "curl -T",
  command: async (run) => ["curl", "-sSf", "-T", join(bench.directory, "file"), await url(run)],
});

const curlFrom = (bench: Bench, url: string): Contender => ({
  name: "curl -o",
  command: () => ["curl", "-sSf", "-o", join(bench.directory, "theirs"), url],
  after: () => Deno.remove(join(bench.directory, "theirs")),
});

/** Stores the file in a registry or directory, so that others can fetch it. */
async function store(bench: Bench, registry: string, chunkSize?: number): Promise<void> {
  using opened = openStore({ registry, repository: "bench/down" });
  await upload(opened, { baseTag: "big", input: join(bench.directory, "file"), chunkSize });
}

const uploadSink: Setup = async (bench, run) => {
  await using sink = await startServer("sink.ts");
  const contenders = [uploadTo(bench, sink.host), curlTo(bench, () => `http://${sink.host}/put`)];
  await run({ name: "upload to a sink", bytes: bench.size, contenders });
};

const uploadRegistry: Setup = async (bench, run) => {
  await using registry = await startRegistry({ storage: join(bench.directory, "storage") });
  await store(bench, `oci:${join(bench.directory, "layout")}`);
  const layout = `oci:${join(bench.directory, "layout/bench/down")}:big-1`;
  const target = (name: string, tag: number) => `${registry.host}/bench/${name}:t${tag}`;
  const digest = await digestOfFile(join(bench.directory, "file"));
  const session = async (each: number) => {
    const answer = await fetch(`${registry.url}/v2/bench/curl${each}/blobs/uploads/`, { method: "POST" });
    await answer.body?.cancel();
    return `${answer.headers.get("location")}&digest=${digest}`;
  };
  // Blobs that are there are not sent again: each run has a repository of its own.
  const mine = layerstash((each) => [
    ...["upload", "--registry", registry.host, "-r", `bench/up${each}`, "-t", "big"],
    ...["-i", join(bench.directory, "file"), "--state-dir", join(bench.directory, "state")],
  ]);
  const theirs = only(bench.has, {
    curl: curlTo(bench, session),
    skopeo: {
      name: "skopeo copy",
      command: (each) => [
        ...["skopeo", "copy", "--dest-tls-verify=false", layout, `docker://${target(`skopeo${each}`, 0)}`],
      ],
    },
    oras: {
      name: "oras push",
      command: (each) => [
        ...["oras", "push", "--plain-http", "--disable-path-validation", target(`oras${each}`, 0)],
        join(bench.directory, "file"),
      ],
    },
  });
  await run({ name: "upload to docker-registry", bytes: bench.size, contenders: [mine, ...theirs] });
};

const downloadRegistry: Setup = async (bench, run) => {
  await using registry = await startRegistry({ storage: join(bench.directory, "storage") });
  await store(bench, registry.url);
  const digest = await digestOfFile(join(bench.directory, "file"));
  const theirs = only(bench.has, {
    curl: curlFrom(bench, `${registry.url}/v2/bench/down/blobs/${digest}`),
    oras: {
      name: "oras blob fetch",
      command: () => [
        ...["oras", "blob", "fetch", "--plain-http", "-o", join(bench.directory, "theirs")],
        `${registry.host}/bench/down@${digest}`,
      ],
      after: () => Deno.remove(join(bench.directory, "theirs")),
    },
  });
  const contenders = [downloadFrom(bench, registry.host), ...theirs];
  await run({ name: "download from docker-registry", bytes: bench.size, contenders });
};

/** Lays a stash out so that a server of files answers as a registry does. */
async function layOut(bench: Bench): Promise<{ root: string; digest: string }> {
  const root = join(bench.directory, "www");
  const repository = join(root, "v2/bench/down");
  for (const each of ["manifests", "blobs"]) await Deno.mkdir(join(repository, each), { recursive: true });
  await using registry = await startServer("fake.ts");
  await store(bench, registry.host);
  using opened = openStore({ registry: registry.host, repository: "bench/down" });
  const manifest = (await opened.manifest("big-1"))!;
  const { config } = JSON.parse(new TextDecoder().decode(manifest.bytes));
  await Deno.writeFile(join(repository, "manifests/big-1"), manifest.bytes);
  const answer = await fetch(`http://${registry.host}/v2/bench/down/blobs/${config.digest}`);
  if (!answer.ok) throw new Error(`the config could not be had: ${answer.status}`);
  await Deno.writeFile(join(repository, "blobs", config.digest), await answer.bytes());
  const digest = await digestOfFile(join(bench.directory, "file"));
  await Deno.link(join(bench.directory, "file"), join(repository, "blobs", digest));
  return { root, digest };
}

const downloadNginx: Setup = async (bench, run) => {
  const { root, digest } = await layOut(bench);
  await using nginx = await startNginx(root);
  const url = `http://${nginx.host}/v2/bench/down/blobs/${digest}`;
  const contenders = [downloadFrom(bench, nginx.host), curlFrom(bench, url)];
  await run({ name: "download from nginx", bytes: bench.size, contenders });
  await using link = await startServer("long_link.ts", nginx.host);
  const far = [downloadFrom(bench, link.host), curlFrom(bench, url.replace(nginx.host, link.host))];
  await run({ name: "download over a long link", bytes: bench.size, contenders: far });
};

const uploadFar: Setup = async (bench, run) => {
  await using sink = await startServer("sink.ts");
  await using link = await startServer("long_link.ts", sink.host);
  const chunks = ["--chunk-size", String(Math.ceil(bench.size / 4))];
  const contenders = [uploadTo(bench, link.host, chunks), curlTo(bench, () => `http://${link.host}/put`)];
  await run({ name: "upload of 4 chunks over a long link", bytes: bench.size, contenders });
};

const rerun: Setup = async (bench, run) => {
  await using registry = await startServer("fake.ts");
  const file = join(bench.directory, "rerun");
  await writeSparseFile(file, 10 * bench.size);
  const args = ["upload", "--registry", registry.host, "-r", "bench/rerun", "-t", "big", "-i", file];
  const contenders = [layerstash(() => [...args, "--state-dir", join(bench.directory, "state")])];
  await run({ name: "upload once more, nothing to do", bytes: 0, contenders });
  await Deno.remove(file);
};

const startup: Setup = async (_, run) => {
  const contenders = ["--version", "--help"].map((flag) => ({
    name: `layerstash ${flag}`,
    command: () => commandWords([flag]),
  }));
  await run({ name: "start", bytes: 0, contenders });
};

const growth: Setup = async (bench, run) => {
  const contenders: Contender[] = [];
  await using registry = await startServer("fake.ts");
  for (const chunks of [10, 1000, 10_000]) {
    const file = join(bench.directory, `chunks${chunks}`);
    await writeSparseFile(file, chunks * 64);
    contenders.push({
      name: `${chunks} chunks`,
      command: (each) =>
        commandWords([
          ...[
            "upload",
            "--registry",
            registry.host,
            "-r",
            `bench/growth${each}`,
            "-t",
            `n${chunks}`,
            "-i",
            file,
          ],
          ...[
            "--chunk-size",
            "64",
            "--progress",
            "none",
            "--state-dir",
            join(bench.directory, `growth${each}`),
          ],
        ]),
    });
  }
  await run({ name: "upload of many small chunks", bytes: 0, contenders });
};

/** All loads, by the names that choose them. */
export const LOADS: Readonly<Record<string, Setup>> = {
  "upload-sink": uploadSink,
  "upload-registry": uploadRegistry,
  "download-registry": downloadRegistry,
  "download-nginx": downloadNginx,
  "upload-far": uploadFar,
  rerun,
  startup,
  growth,
};
