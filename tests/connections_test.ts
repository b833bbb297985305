/** Connections: one for each request that runs, also where servers offer HTTP/2, and to ports that `fetch` refuses. @module */
import assert from "node:assert/strict";
import { download, openStore, upload } from "../main.ts";
import { makeServerCertificate } from "./rigs/certificates.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";
import { startHttp2Front } from "./rigs/http2_front.ts";

const OPENSSL = { ignore: !await ensureTool("openssl", "openssl") };

Deno.test("four chunks come over four connections, though the server offers HTTP/2", OPENSSL, async () => {
  await using work = await makeWorkspace();
  await using fake = await startFakeRegistry({ faults: { locations: "relative" } });
  await Deno.mkdir(work.path("certificate"));
  const certificate = await makeServerCertificate(work.path("certificate"));
  await using front = startHttp2Front(fake, certificate);
  using store = openStore({ registry: front.url, repository: "me/files", caCerts: [certificate.caPem] });
  const { chunks } = await upload(store, "disk", { input: streamOf(someBytes(4000)), chunkSize: 1000 });
  const own = Deno.createHttpClient({ caCerts: [certificate.caPem] });
  const ask = async () => await (await fetch(`${front.url}/v2/`, { client: own })).body?.cancel();
  front.connections.clear();
  await Promise.all([ask(), ask(), ask(), ask()]);
  assert.equal(front.connections.size, 1, "HTTP/2 is offered");
  own.close();
  front.connections.clear();
  front.gather(chunks.map(({ digest }) => digest));
  await download(store, "disk", { output: work.path("out"), jobs: 4 });
  // That of the manifests is free again for a chunk, or not yet.
  assert.ok(front.connections.size >= 4, `${front.connections.size} connections`);
});

Deno.test("a registry on a port that fetch refuses is written to and read", async () => {
  await using fake = await startFakeRegistry({ port: 6566 });
  await assert.rejects(fetch(`${fake.url}/v2/`), /port/);
  using store = openStore({ registry: fake.url, repository: "me/files" });
  await upload(store, "disk", { input: streamOf(someBytes(4000)), chunkSize: 1000 });
  await using work = await makeWorkspace();
  await download(store, "disk", { output: work.path("out") });
  assert.deepEqual(await Deno.readFile(work.path("out")), someBytes(4000));
});
