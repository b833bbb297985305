/** Loads that fetch. @module */
import { join } from "node:path";
import { openStore } from "../../main.ts";
import { startRegistry } from "../rigs/real_registry.ts";
import { type Bench, curlFrom, downloadFrom, type Setup, storeBig } from "./contenders.ts";
import { pullers } from "./peers.ts";
import { startNginx, startServer } from "./servers.ts";

/** From a real registry. */
export const downloadRegistry: Setup = async (bench, run) => {
  await using registry = await startRegistry({ storage: join(bench.directory, "storage") });
  await storeBig(bench, registry.url);
  await storeForOthers(bench, registry.url);
  const contenders = [
    downloadFrom(bench, registry.host),
    curlFrom(bench, `${registry.url}/v2/bench/down/blobs/${bench.digest}`),
    ...pullers(bench.present, { ...bench, host: registry.host }),
  ];
  await run({ name: "download from docker-registry", bytes: bench.size, contenders });
  await Deno.remove(join(bench.directory, "storage"), { recursive: true });
};

/** skopeo reads no docker image with a layer that is no archive; in an OCI image it does not mind. */
async function storeForOthers(bench: Bench, registry: string): Promise<void> {
  const box = join(bench.directory, "box");
  await storeBig(bench, `oci:${box}`);
  using layout = openStore({ registry: `oci:${box}`, repository: "bench/down" });
  using store = openStore({ registry, repository: "bench/down" });
  await store.putManifest("oci", (await layout.manifest("big-1"))!);
  await Deno.remove(box, { recursive: true });
}

/** Lays a stash out so that a server of files answers as a registry does. */
async function layOut(bench: Bench): Promise<string> {
  const root = join(bench.directory, "www");
  const repository = join(root, "v2/bench/down");
  for (const each of ["manifests", "blobs"]) await Deno.mkdir(join(repository, each), { recursive: true });
  await using registry = await startServer("fake.ts");
  await storeBig(bench, registry.host);
  using opened = openStore({ registry: registry.host, repository: "bench/down" });
  const manifest = (await opened.manifest("big-1"))!;
  const { config } = JSON.parse(new TextDecoder().decode(manifest.bytes));
  await Deno.writeFile(join(repository, "manifests/big-1"), manifest.bytes);
  const answer = await fetch(`http://${registry.host}/v2/bench/down/blobs/${config.digest}`);
  if (!answer.ok) throw new Error(`the config could not be had: ${answer.status}`);
  await Deno.writeFile(join(repository, "blobs", config.digest), await answer.bytes());
  await Deno.link(bench.file, join(repository, "blobs", bench.digest));
  return root;
}

/** From a server of files: as it is, over a long link, and held to a rate. */
export const downloadNginx: Setup = async (bench, run) => {
  await using nginx = await startNginx(await layOut(bench));
  const url = (host: string) => `http://${host}/v2/bench/down/blobs/${bench.digest}`;
  const near = [downloadFrom(bench, nginx.host), curlFrom(bench, url(nginx.host))];
  await run({ name: "download from nginx", bytes: bench.size, contenders: near });
  await using link = await startServer("long_link.ts", nginx.host);
  const far = [downloadFrom(bench, link.host), curlFrom(bench, url(link.host))];
  await run({ name: "download over a long link", bytes: bench.size, runs: 1, contenders: far });
  const rate = Math.ceil(bench.size / 5);
  const limit = ["--limit-rate", String(rate)];
  const slow = [downloadFrom(bench, nginx.host, limit), curlFrom(bench, url(nginx.host), limit)];
  await run({
    name: "download held to a rate that takes 5 seconds",
    bytes: bench.size,
    runs: 1,
    contenders: slow,
  });
};
