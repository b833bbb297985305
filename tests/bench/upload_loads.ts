/** Loads that send. @module */
import { join } from "node:path";
import {
  curlTo,
  layerstash,
  type Setup,
  startTokens,
  storeBig,
  uploadTo,
  withFreshRegistry,
} from "./contenders.ts";
import { pushers } from "./peers.ts";
import { startServer } from "./servers.ts";

/** To a server that reads and forgets. */
export const uploadSink: Setup = async (bench, run) => {
  await using sink = await startServer("sink.ts");
  const contenders = [uploadTo(bench, sink.host), curlTo(bench, () => `http://${sink.host}/put`)];
  await run({ name: "upload to a sink", bytes: bench.size, contenders });
};

/** To a real registry, an empty one for each run. */
export const uploadRegistry: Setup = async (bench, run) => {
  await using tokens = startTokens();
  await storeBig(bench, `oci:${join(bench.directory, "box")}`);
  const layout = join(bench.directory, "box/bench/down");
  const work = { ...bench, layout, tag: "big-1", tokens: tokens.url };
  const session = async (host: string) => {
    const answer = await fetch(`http://${host}/v2/bench/curl/blobs/uploads/`, { method: "POST" });
    await answer.body?.cancel();
    return `${answer.headers.get("location")}&digest=${bench.digest}`;
  };
  const mine = (host: () => string) =>
    layerstash(bench, () => [
      ...["upload", "--registry", host(), "-r", "bench/up", "-t", "big", "-i", bench.file],
    ]);
  let current = () => "";
  const prepare = () => Promise.resolve({ ...work, host: current() });
  const contenders = [
    mine,
    (host: () => string) => curlTo(bench, () => session(host())),
    ...pushers(bench.present, prepare).map((peer) => (host: () => string) => ({
      name: peer.name,
      command: (run: number) => ((current = host), peer.command(run)),
    })),
  ].map((contender) => withFreshRegistry(bench, contender));
  await run({ name: "upload to docker-registry", bytes: bench.size, contenders });
  await Deno.remove(join(bench.directory, "box"), { recursive: true });
};

/** Four chunks over a long link. */
export const uploadFar: Setup = async (bench, run) => {
  await using sink = await startServer("sink.ts");
  await using link = await startServer("long_link.ts", sink.host);
  const chunks = ["--chunk-size", String(Math.ceil(bench.size / 4))];
  const contenders = [uploadTo(bench, link.host, chunks), curlTo(bench, () => `http://${link.host}/put`)];
  await run({ name: "upload of 4 chunks over a long link", bytes: bench.size, runs: 1, contenders });
};
