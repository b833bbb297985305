/** layerstash and curl as contenders, and the ground that the work is done on. @module */
import { join } from "node:path";
import { openStore, upload } from "../../main.ts";
import { commandWords } from "../rigs/command_line.ts";
import { startRegistry } from "../rigs/real_registry.ts";
import type { Contender, Load } from "./race.ts";

/** Where a benchmark works, and how much it moves. */
export interface Bench {
  /** A directory of its own, in memory where that can be had. */
  directory: string;
  /** The size of the file, in bytes. */
  size: number;
  /** The file: nothing in it can be packed. */
  file: string;
  /** Its digest. */
  digest: string;
  /** Which other programs there are. */
  present: ReadonlySet<string>;
}

/** Sets a load up, hands it over, and tidies up. */
export type Setup = (bench: Bench, run: (load: Load) => Promise<void>) => Promise<void>;

/** layerstash with these arguments; each run has a directory of its own for journals. */
export function layerstash(
  bench: Bench,
  args: (run: number) => string[] | Promise<string[]>,
  more: Partial<Contender> = {},
): Contender {
  const state = (run: number) => ["--state-dir", join(bench.directory, `state${run}`)];
  const command = async (run: number) => {
    const words = await args(run);
    return commandWords([...words, "--progress", "none", ...(words[0] === "list" ? [] : state(run))]);
  };
  return { name: "layerstash", command, ...more };
}

/** Fetches what `storeBig` has stored. */
export function downloadFrom(bench: Bench, host: string, options: string[] = []): Contender {
  const output = join(bench.directory, "mine");
  const words = ["download", "--registry", host, "-r", "bench/down", "-t", "big", "-o", output, ...options];
  return layerstash(bench, () => words, { after: () => Deno.remove(output) });
}

/** Stores the file under a name of its own for each run. */
export function uploadTo(bench: Bench, host: string, options: string[] = []): Contender {
  return layerstash(bench, (run) => [
    ...["upload", "--registry", host, "-r", "bench/up", "-t", `up${run}`, "-i", bench.file, ...options],
  ]);
}

/** Sends the file to a URL. */
export function curlTo(bench: Bench, url: (run: number) => string | Promise<string>, options: string[] = []) {
  const command = async (run: number) => ["curl", "-sSf", ...options, "-T", bench.file, await url(run)];
  return { name: "curl -T", command };
}

/** Fetches a URL. */
export function curlFrom(bench: Bench, url: string, options: string[] = []): Contender {
  const output = join(bench.directory, "theirs");
  const command = () => ["curl", "-sSf", ...options, "-o", output, url];
  return { name: "curl -o", command, after: () => Deno.remove(output) };
}

/** Stores the file as `bench/down:big-1`, so that others can fetch it. */
export async function storeBig(bench: Bench, registry: string): Promise<void> {
  using store = openStore({ registry, repository: "bench/down" });
  await upload(store, "big", { input: bench.file });
}

/** A contender that has an empty registry for each run: none knows what another has sent. */
export function withFreshRegistry(
  bench: Bench,
  contender: (host: () => string) => Omit<Contender, "after">,
): Contender {
  const storage = join(bench.directory, "storage");
  let registry: Awaited<ReturnType<typeof startRegistry>> | undefined;
  const { name, command } = contender(() => registry!.host);
  return {
    name,
    async command(run) {
      registry = await startRegistry({ storage });
      return await command(run);
    },
    async after() {
      await registry?.[Symbol.asyncDispose]();
      await Deno.remove(storage, { recursive: true });
    },
  };
}

/** A server that gives everybody a token, for who will not go without. */
export function startTokens(): { url: string } & AsyncDisposable {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const server = Deno.serve(options, () => Response.json({ token: "any", access_token: "any" }));
  return {
    url: `http://127.0.0.1:${server.addr.port}/token`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
