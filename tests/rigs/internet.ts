/**
 * What the documentation speaks of, on this machine: Docker Hub, GHCR, registry.example.com, GitHub's releases, JSR and npm
 * behind a proxy, and a registry at a local address. Programs find them under their real names, over https.
 *
 * @module
 */
import { openStore, type Store } from "../../main.ts";
import { makeServerCertificate, type ServerCertificate } from "./certificates.ts";
import { type FakeRegistry, startFakeRegistry } from "./fake_registry.ts";
import { FakeStorage } from "./fake_storage.ts";
import { serveReleases } from "./github.ts";
import { serveJsr } from "./jsr.ts";
import { serveNpm } from "./npm.ts";
import { startProxy } from "./proxy.ts";
import { USER } from "./user.ts";

const REGISTRIES = {
  docker: "registry-1.docker.io",
  ghcr: "ghcr.io",
  "registry.example.com": "registry.example.com",
};
const SITES = ["github.com", "jsr.io", "registry.npmjs.org", "hub.docker.com"];

/** A running internet. Who signs in as `USER` may write; everybody may read. */
export interface Internet extends AsyncDisposable {
  /** Variables with which programs find it. */
  readonly env: Record<string, string>;
  /** The local registry's address, such as `127.0.0.1:5000`. */
  readonly host: string;
  /** Opens a repository: of `docker`, `ghcr`, `registry.example.com`, or of the local registry's address. */
  open(registry: string, repository: string): Store;
  /** Remembers what is stored everywhere; the function that it gives puts it back. */
  remember(): () => void;
}

/** Starts it; the certificate of its authority is kept in a directory. */
export async function startInternet(directory: string): Promise<Internet> {
  const certificate = await makeServerCertificate(directory, [...Object.values(REGISTRIES), ...SITES]);
  const local = await startFakeRegistry();
  const fakes = new Map<string, FakeRegistry>();
  for (const name of Object.keys(REGISTRIES)) {
    const auth = name === "registry.example.com" ? "none" : "bearer";
    fakes.set(
      name,
      await startFakeRegistry({ auth, certificate, faults: { locations: "relative" } }),
    );
  }
  const sites = serveSites(certificate, fakes.get("docker")!);
  const proxy = await startProxy({
    leads: new Map([
      ...Object.entries(REGISTRIES).map(([name, host]) => [`${host}:443`, portOf(fakes.get(name)!)] as const),
      ...SITES.map((host) => [`${host}:443`, sites.addr.port] as const),
    ]),
  });
  return {
    host: local.host,
    env: {
      HTTPS_PROXY: proxy.url,
      LAYERSTASH_CA_FILE: certificate.caPath,
      CURL_CA_BUNDLE: certificate.caPath,
      DENO_CERT: certificate.caPath,
    },
    open(registry, repository) {
      const fake = fakes.get(registry) ?? local;
      const credentials = () => Promise.resolve({ kind: "password" as const, ...USER });
      return openStore({ registry: fake.url, repository, credentials, caCerts: [certificate.caPem] });
    },
    remember() {
      const memories = [local, ...fakes.values()].map(({ storage }) => {
        const memory = new FakeStorage(false);
        memory.addAll(storage);
        return () => storage.addAll(memory);
      });
      return () => memories.forEach((putBack) => putBack());
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await sites.shutdown();
      for (const fake of [local, ...fakes.values()]) await fake[Symbol.asyncDispose]();
    },
  };
}

function portOf({ url }: { url: string }): number {
  return Number(new URL(url).port);
}

function serveSites(certificate: ServerCertificate, docker: FakeRegistry): Deno.HttpServer<Deno.NetAddr> {
  const { certificatePem: cert, keyPem: key } = certificate;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, cert, key, onListen() {} }, (request) => {
    const { hostname, pathname } = new URL(request.url);
    if (hostname === "jsr.io") return serveJsr(pathname);
    if (hostname === "registry.npmjs.org") return serveNpm(pathname);
    if (hostname === "github.com") return serveReleases(pathname);
    return serveHubApi(docker, request.method, pathname);
  });
}

/** As much of Docker Hub's API as the removal of a tag takes. */
function serveHubApi(docker: FakeRegistry, method: string, path: string): Response {
  if (method === "POST" && path === "/v2/auth/token") return Response.json({ access_token: "a-token" });
  const [, repository, tag] = /^\/v2\/repositories\/([^/]+\/[^/]+)\/tags\/([^/]+)\/$/.exec(path) ?? [];
  const gone = method === "DELETE" && repository && docker.storage.repository(repository).tags.delete(tag!);
  return new Response(null, { status: gone ? 204 : 404 });
}
