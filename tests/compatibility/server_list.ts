/** The servers that layerstash is tried against, each started where it is found or can be built. @module */
import { join } from "node:path";
import { ensureTool, pythonPeer } from "../rigs/debian.ts";
import { type RealRegistryOptions, startRegistry } from "../rigs/real_registry.ts";
import { startGitea } from "./gitea.ts";
import { GO_PROGRAMS, goProgram } from "./go_programs.ts";
import { behindNginx, freePort, listenOn, openServer, ownDirectory, type RunningServer } from "./server.ts";

/** A kind of server. */
export interface ServerKind {
  /** What it is, with its version. */
  title(): string | Promise<string>;
  /** Starts it; `undefined`, after a line that says why, where it cannot be had. */
  start(): Promise<RunningServer | undefined>;
}

const version = (name: keyof typeof GO_PROGRAMS) => GO_PROGRAMS[name].version.slice(1);
const distribution3 = `distribution ${version("distribution")}`;

/** All of them, by the name that the command line takes. */
export const SERVERS: Record<string, ServerKind> = {
  "docker-registry": {
    title: async () => `docker-registry ${await debianVersion("docker-registry")}`,
    start: () => startDistribution("docker-registry"),
  },
  "distribution": { title: () => distribution3, start: () => startDistribution("distribution") },
  "no-delete": {
    title: () => `${distribution3}, deletes disabled`,
    start: () => startDistribution("distribution", { deletes: false }),
  },
  "s3": { title: () => `${distribution3} on S3 (moto), 307`, start: () => startOnS3("distribution") },
  "older-s3": {
    title: () => `distribution ${version("older-distribution")} on S3 (moto), hides tags`,
    start: () => startOnS3("older-distribution"),
  },
  "nginx": {
    title: () => `${distribution3} behind nginx, bodies up to 20 MB`,
    start: startBehindNginx,
  },
  "crane": {
    title: () => `crane registry serve ${version("crane")}`,
    start: () =>
      startGo("crane", (port, directory) => [
        ...["registry", "serve", "--address", `127.0.0.1:${port}`, "--disk", directory],
      ]),
  },
  "olareg": {
    title: () => `olareg ${version("olareg")}`,
    start: () =>
      startGo("olareg", (port, directory) => [
        ...["serve", "--addr", "127.0.0.1", "--port", `${port}`, "--dir", directory],
        ...["--api-delete", "--api-blob-delete"],
      ]),
  },
  "gitea": { title: () => `Gitea ${version("gitea")}, tokens`, start: startGitea },
};

async function startDistribution(
  name: "docker-registry" | "distribution" | "older-distribution",
  options: RealRegistryOptions = {},
): Promise<RunningServer | undefined> {
  const program = name === "docker-registry" ? await ensureTool(name, name) && name : await goProgram(name);
  if (!program) return undefined;
  const registry = await startRegistry({ ...options, program });
  return openServer(registry.host, registry);
}

async function startBehindNginx(): Promise<RunningServer | undefined> {
  if (!await ensureTool("nginx", "nginx-light")) return undefined;
  const registry = await startDistribution("distribution");
  if (!registry) return undefined;
  const nginx = await behindNginx(registry.host, "20m");
  return openServer(nginx.host, nginx, registry);
}

/** Blobs are fetched from the storage, by signed URLs. */
async function startOnS3(name: "distribution" | "older-distribution"): Promise<RunningServer | undefined> {
  const programs = await pythonPeer("moto[server]==5.2.1");
  if (!programs) return undefined;
  const port = freePort();
  const moto = await listenOn(port, [join(programs, "moto_server"), "-H", "127.0.0.1", "-p", `${port}`]);
  const endpoint = `http://127.0.0.1:${port}`;
  await (await fetch(`${endpoint}/layers`, { method: "PUT" })).body?.cancel();
  const registry = await startDistribution(name, {
    s3: {
      region: "us-east-1",
      regionendpoint: endpoint,
      bucket: "layers",
      accesskey: "any",
      secretkey: "any",
      secure: false,
      forcepathstyle: true,
    },
  });
  return registry && openServer(registry.host, registry, moto);
}

async function startGo(
  name: "crane" | "olareg",
  words: (port: number, directory: string) => string[],
): Promise<RunningServer | undefined> {
  const program = await goProgram(name);
  if (!program) return undefined;
  const port = freePort();
  const directory = await ownDirectory();
  const server = await listenOn(port, [program, ...words(port, directory.path)]);
  return openServer(`127.0.0.1:${port}`, server, directory);
}

/** The version of a package of Debian, such as `2.8.2`. */
export async function debianVersion(name: string): Promise<string> {
  const { stdout } = await new Deno.Command("dpkg-query", { args: ["-W", "-f", "${Version}", name] })
    .output();
  return new TextDecoder().decode(stdout).replace(/[+~-].*$/, "");
}
