/** The table of loads: what a row says, and the load that is made of it. @module */
import { join } from "node:path";
import { bareEnvironment } from "../rigs/system.ts";
import { makeFile, storeForReaders } from "./content.ts";
import { describeSize } from "./figures.ts";
import { type Ground, type GroundSettings, openGround } from "./ground.ts";
import { describeLine } from "./line.ts";
import type { Bench, Load, ReadyRace } from "./load.ts";
import { layerstash, OURS, USUAL, type Variant } from "./ours.ts";
import { PEERS } from "./peers.ts";
import type { Contender } from "./race.ts";
import type { Operation, Packing, Work } from "./work.ts";

/** A row of the table of loads. */
export interface Row extends Pick<Load, "name" | "proves">, GroundSettings {
  /** What is done, in words. */
  what: string;
  operation: Operation;
  /** The size of the file, in bytes; absent = an image is moved. */
  size?(bench: Bench): number;
  /** How the image's layer is packed; absent = a file is moved. */
  packing?: Packing;
  /** The ways in which layerstash takes part; the usual one where absent. */
  variants?(bench: Bench): readonly Variant[];
}

/** The load of a row. */
export function loadOf(row: Row): Load {
  const { name, proves } = row;
  return {
    name,
    proves,
    title: (bench) => titleOf(row, bench),
    prepare: (bench) => prepareRow(row, bench),
  };
}

/** What is done, how much of it, and where. */
function titleOf({ what, size, packing, server = "docker-registry", tls, line }: Row, bench: Bench): string {
  const amount = size ? describeSize(size(bench)) : `${bench.entries} entries, ${packing}`;
  const protocol = tls === undefined ? "plain http" : `TLS of ${tls === "nginx" ? "nginx" : server}`;
  const place = line ? describeLine(line) : "inside this machine";
  return `${what}: ${[amount, ...(tls === "registry" ? [] : [server]), protocol, place].join(", ")}`;
}

async function prepareRow(row: Row, bench: Bench): Promise<ReadyRace> {
  await using parts = new AsyncDisposableStack();
  const directory = await Deno.makeTempDir({ dir: bench.directory, prefix: "load-" });
  parts.defer(() => Deno.remove(directory, { recursive: true }));
  const ground = parts.use(await openGround(row, bench));
  const target = row.operation === "copyToRegistry" ? parts.use(await openGround({}, bench)) : undefined;
  const content = row.size
    ? await makeFile(directory, row.size(bench), row.operation === "upload")
    : await bench.image(row.packing ?? "gzip");
  const work: Work = {
    ...content,
    host: ground.host,
    isPlain: ground.authority === undefined,
    target: target?.host ?? "",
    output: join(directory, "output"),
    client: ground.client,
    env: environment(directory, ground),
  };
  if (row.operation !== "upload") await storeForReaders(work, ground.beside, bench);
  const kept = parts.move();
  return {
    contenders: contendersOf(row, work, bench),
    runs: bench.runs,
    bytes: content.size,
    env: work.env,
    servers: [...ground.servers, ...target?.servers ?? []],
    lacks: ground.lacks,
    async after() {
      for (const path of [work.output, join(directory, "state")]) {
        await Deno.remove(path, { recursive: true }).catch(() => {}); // a program that failed has not made it
      }
      if (row.operation === "upload") await ground.forget();
      await target?.forget();
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function contendersOf(row: Row, work: Work, bench: Bench): Contender[] {
  const ours = (row.variants?.(bench) ?? [USUAL]).map(({ name, options }): Contender => ({
    name,
    ours: true,
    verifies: true,
    command: (run) => [...work.client, ...layerstash([...OURS[row.operation](work, run), ...options])],
  }));
  const peers = PEERS.flatMap(({ name, program, only, commands, ...peer }): Contender[] => {
    const path = bench.programs.path(program);
    const command = path && commands(path)[row.operation];
    if (!command || only === (work.isPlain ? "tls" : "plain")) return [];
    const words = async () => [...work.client, ...await command(work)];
    const verifies = peer.verifies && !peer.trusting?.includes(row.operation);
    return [{ name: name ?? program, ours: false, verifies, command: words }];
  });
  return [...ours, ...peers];
}

/** No program is to find the settings of whoever runs the benchmark. */
function environment(directory: string, { authority }: Ground): Record<string, string> {
  const trust = authority && { SSL_CERT_FILE: authority, LAYERSTASH_CA_FILE: authority };
  return {
    ...bareEnvironment(directory),
    DOCKER_CONFIG: directory,
    LAYERSTASH_STATE_DIR: join(directory, "state"),
    LAYERSTASH_PROGRESS: "none",
    ...trust,
  };
}
