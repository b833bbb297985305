/**
 * Serves what is stored over HTTP: as an OCI registry to docker, podman and others, and as files, pages and WebDAV.
 *
 * @example Answer a request
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { serveHandler } from "@layerstash/cli/serve";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore(`oci:${directory}`);
 * const handler = serveHandler({ "me/files": store }, { readOnly: true });
 *
 * const answer = await handler(new Request("http://localhost/healthz"));
 * if (answer.status !== 200) throw new Error("unexpected status");
 * await Deno.remove(directory, { recursive: true });
 * ```
 *
 * @module
 */
export { serveHandler } from "../serve/handler.ts";
export type { ServeOptions } from "../serve/part.ts";
export type { NamesOptions, ServedRepositories, ServedRepository } from "../serve/repositories.ts";
export type { Identities } from "../encryption/identities.ts";
export { OpenedRepositories, openServed } from "../open/open_served.ts";
