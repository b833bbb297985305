/** A TLS server in front of a registry, which offers HTTP/2 as the large registries and their storage do. @module */
import type { ServerCertificate } from "./certificates.ts";

/** A running front. */
export interface Http2Front extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** The connections over which requests came so far, each by its method and the client's port. */
  readonly connections: Set<string>;
  /** Makes the requests whose paths end with these names wait until all of them are there. */
  gather(names: readonly string[]): void;
}

/** Starts a front for a registry that gives relative locations. */
export function startHttp2Front(target: { url: string }, certificate: ServerCertificate): Http2Front {
  const connections = new Set<string>();
  const missing = new Set<string>();
  let together = Promise.withResolvers<void>();
  const { certificatePem: cert, keyPem: key } = certificate;
  const where = { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} };
  const server = Deno.serve(where, async ({ method, url, headers, body }, { remoteAddr }) => {
    connections.add(`${method} ${remoteAddr.port}`);
    const { pathname, search } = new URL(url);
    if (missing.delete(pathname.split("/").pop()!)) {
      if (missing.size === 0) together.resolve();
      await together.promise;
    }
    const request = { method, headers, redirect: "manual" as const, ...(body && { body }) };
    return await fetch(target.url + pathname + search, request);
  });
  return {
    url: `https://127.0.0.1:${server.addr.port}`,
    connections,
    gather(names) {
      together = Promise.withResolvers<void>();
      for (const name of names) missing.add(name);
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
    },
  };
}
