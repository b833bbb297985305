/** The servers that `layerstash serve` is compared with, each in a process of its own. @module */
import { basename, dirname, join } from "node:path";
import { startRegistry } from "../rigs/real_registry.ts";
import { runWords } from "./content.ts";
import type { Bench } from "./load.ts";
import { layerstash } from "./ours.ts";
import { type Server, startFileServer, startListening, startServer } from "./servers.ts";
import { STORED } from "./work.ts";

/** A server, with what is read from it or stored in it. */
export interface ComparedServer {
  name: string;
  /** Whether it is layerstash. */
  ours: boolean;
  /** Whether it verifies digests of what it gives, or takes. */
  verifies: boolean;
  /** The URL of the file, or `HOST:PORT` of the registry. */
  url: string;
  pid: number;
  /** The directory that it stores in. */
  storage: string;
}

/** Where servers are started. */
export interface ServerSettings {
  bench: Bench;
  directory: string;
  env: Record<string, string>;
  /** The file that is served. */
  file: string;
  /** What ends with the load. */
  parts: AsyncDisposableStack;
}

/** How many chunks a stored file has. */
const CHUNKS = 3;

/** Servers of one file: layerstash from chunks, the others as it is. */
export async function startFileServers(
  { bench, directory, env, file, parts }: ServerSettings,
): Promise<ComparedServer[]> {
  const storage = join(directory, "served");
  const chunkSize = String(Math.ceil(bench.large / CHUNKS));
  await runWords(
    layerstash([
      ...["upload", "--registry", `oci:${storage}`, "-r", STORED, "-t", "file", "-i", file],
      ...["--chunk-size", chunkSize],
    ]),
    env,
  );
  const ours = parts.use(await serve(storage, env));
  const bare = parts.use(await startServer("bare_server.ts", file));
  const place = (name: string, { pid }: Pick<Server, "pid">, url: string): ComparedServer => {
    return { name, ours: name === "layerstash", verifies: name === "layerstash", url, pid, storage };
  };
  const places = [
    place("layerstash", ours, `http://${ours.host}/files/${STORED}/file`),
    place("bare Deno", bare, `http://${bare.host}/`),
  ];
  if (bench.programs.path("nginx") === undefined) return places;
  const nginx = parts.use(await startFileServer(directory, dirname(file)));
  return [...places, place("nginx", nginx, `http://127.0.0.1:${nginx.port}/${basename(file)}`)];
}

/** Registries of programs that take part. */
export async function startRegistries(
  { bench, directory, env, parts }: ServerSettings,
): Promise<ComparedServer[]> {
  const storageOf = async (name: string) => {
    const storage = join(directory, `of-${name}`);
    await Deno.mkdir(storage);
    return storage;
  };
  const place = (
    name: string,
    { host, pid }: Pick<Server, "host" | "pid">,
    storage: string,
  ): ComparedServer => {
    return { name, ours: name === "layerstash", verifies: true, url: host, pid, storage };
  };
  const own = await storageOf("layerstash");
  const places = [place("layerstash", parts.use(await serve(own, env)), own)];
  for (const name of ["docker-registry", "distribution"] as const) {
    const program = bench.programs.path(name);
    if (program === undefined) continue;
    const storage = await storageOf(name);
    places.push(place(name, parts.use(await startRegistry({ program, storage })), storage));
  }
  const storage = await storageOf("crane");
  const words = [bench.programs.require("crane"), "registry", "serve"];
  const crane = await startListening(
    [...words, "--address", "127.0.0.1:0", "--disk", storage],
    /serving on .*?(\d+)$/,
  );
  return [...places, place("crane registry serve", parts.use(crane), storage)];
}

async function serve(directory: string, env: Record<string, string>): Promise<Server> {
  const words = layerstash(["serve", "--listen", "127.0.0.1:0", `oci:${directory}`]);
  return await startListening(words, / at http:\/\/127\.0\.0\.1:(\d+)\/$/, env);
}
