/** Loads of `layerstash serve`: one client, with it and with the servers in whose place it stands. @module */
import { join } from "node:path";
import { bareEnvironment } from "../rigs/system.ts";
import { makeFile, runWords } from "./content.ts";
import { describeSize } from "./figures.ts";
import type { Bench, Load, ReadyRace } from "./load.ts";
import {
  type ComparedServer,
  type ServerSettings,
  startFileServers,
  startRegistries,
} from "./compared_servers.ts";
import { STORED, type Words } from "./work.ts";

/** What a client does with each of several servers. */
interface ServeRow extends Pick<Load, "name" | "proves"> {
  /** What is done, in words. */
  what: string;
  /** Starts the servers, with what is to be read. */
  start(work: ServeWork): Promise<readonly ComparedServer[]>;
  /** The client's command. What it stores differs by the number of the run. */
  words(server: ComparedServer, work: ServeWork, run: number): Words;
  /** Whether the servers lose after each run what they have stored. */
  forgets?: boolean;
}

/** Where a load is prepared, and what is moved. */
interface ServeWork extends ServerSettings {
  /** An image layout with the file as its only layer. */
  layout: string;
  /** What the client writes to; it is not there before. */
  output: string;
}

const ROWS: readonly ServeRow[] = [
  {
    name: "serve-file",
    what: "A stored file of three chunks, read by curl",
    proves: "A file that is stored in chunks comes nearly as fast as one that lies on the disk.",
    start: startFileServers,
    words: ({ url }, { bench }) => [bench.programs.require("curl"), "-sSf", "-o", "/dev/null", url],
  },
  {
    name: "serve-save",
    what: "A stored file of three chunks, saved by curl",
    proves: "The same with a client that writes what it gets.",
    start: startFileServers,
    words: ({ url }, { bench, output }) => [bench.programs.require("curl"), "-sSf", "-o", output, url],
  },
  {
    name: "serve-pull",
    what: "Pull of an image by crane",
    proves: "A client of registries waits no longer than at other registries.",
    async start(work) {
      const registries = await startRegistries(work);
      for (const each of registries) await runWords(push(each, work), work.env);
      return registries;
    },
    words: ({ url }, { bench, output }) => [
      ...[bench.programs.require("crane"), "pull", "--insecure", `${url}/${STORED}0:t`, output],
    ],
  },
  {
    name: "serve-push",
    what: "Push of an image by crane",
    proves: "A blob is hashed while it comes, and is written once.",
    start: startRegistries,
    words: push,
    forgets: true,
  },
];

function push({ url }: ComparedServer, { bench, layout }: ServeWork, run = 0): Words {
  return [bench.programs.require("crane"), "push", "--insecure", layout, `${url}/${STORED}${run}:t`];
}

/** All of them. */
export const SERVE_LOADS: readonly Load[] = ROWS.map((row) => ({
  name: row.name,
  proves: row.proves,
  title: ({ large }) => `${row.what}: ${describeSize(large)}, plain http, inside this machine`,
  prepare: (bench) => prepare(row, bench),
}));

async function prepare(row: ServeRow, bench: Bench): Promise<ReadyRace> {
  await using parts = new AsyncDisposableStack();
  const directory = await Deno.makeTempDir({ dir: bench.directory, prefix: "serve-" });
  parts.defer(() => Deno.remove(directory, { recursive: true }));
  const env = { ...bareEnvironment(directory), DOCKER_CONFIG: directory };
  const { file, layout } = await makeFile(directory, bench.large, true);
  const work = { bench, directory, env, file, layout, output: join(directory, "output"), parts };
  const servers = await row.start(work);
  const kept = parts.move();
  return {
    contenders: servers.map((server) => ({
      name: server.name,
      ours: server.ours,
      verifies: server.verifies,
      command: (run) => row.words(server, work, run),
    })),
    runs: bench.runs,
    bytes: bench.large,
    env,
    servers: servers.map(({ pid }) => pid),
    async after() {
      await Deno.remove(work.output).catch(() => {}); // not every client writes
      if (row.forgets) { for (const { storage } of servers) await empty(storage); }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function empty(directory: string): Promise<void> {
  for await (const { name } of Deno.readDir(directory)) {
    await Deno.remove(join(directory, name), { recursive: true });
  }
}
