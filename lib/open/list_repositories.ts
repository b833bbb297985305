/** Lists the repositories of a registry or a directory. @module */
import { NotAllowedError, NotFoundError, RegistryError } from "../errors.ts";
import { findLayouts } from "../layout/find_layouts.ts";
import { parseRegistry } from "../oci/registry_address.ts";
import { ENDPOINTS } from "../registry/endpoints.ts";
import { allItems, textOf } from "../registry/pages.ts";
import { openClient, type RegistryOptions } from "../registry/open_client.ts";
import type { CallOptions } from "../store/store.ts";

/**
 * The names of all repositories. A registry lists them page by page in its catalog, which many do not have (Docker Hub,
 * GHCR); in a directory they are the layouts below it.
 *
 * @category Stores
 * @throws {InvalidInputError} if `registry` is neither a registry nor a directory
 * @throws {NotAllowedError} if the registry refuses the credentials
 * @throws {NotFoundError} if the registry has no catalog, or the directory does not exist
 *
 * @example
 * ```ts
 * import { listRepositories, openStore } from "@layerstash/cli";
 * import { pushBlob } from "@layerstash/cli/blobs";
 *
 * const registry = `oci:${await Deno.makeTempDir()}`;
 * using store = openStore({ registry, repository: "me/files" });
 * await pushBlob(store, new Response("hello").body!);
 * for await (const name of listRepositories({ registry })) {
 *   if (name !== "me/files") throw new Error(`unexpected repository ${name}`);
 * }
 * await Deno.remove(registry.slice("oci:".length), { recursive: true });
 * ```
 */
export async function* listRepositories(options: RegistryOptions & CallOptions): AsyncGenerator<string> {
  const address = parseRegistry(options.registry);
  if (address.kind === "layout") return yield* findLayouts(address.directory, options);
  using opened = openClient(address, "", options);
  const { client } = opened;
  const first = ENDPOINTS.listRepositories(address);
  const names = { field: "repositories", read: textOf, keyOf: (name: string) => name } as const;
  try {
    yield* allItems(client, {
      first,
      ...names,
      ifAbsent: async (answer, codes) => {
        await client.requireRegistry(answer, codes, options);
        throw new NotFoundError(`${address.host} has no catalog`);
      },
      signal: options.signal,
    });
  } catch (error) {
    throw catalogError(error, address.host);
  }
}

/** Explains a failure: the OCI spec has no catalog, so many registries do not offer one. */
function catalogError(error: unknown, host: string): unknown {
  const details = {
    hint: "many registries do not list their repositories (Docker Hub, GHCR): see their web pages",
    cause: error,
  };
  // An error with a cause was raised on this machine, such as by a credential helper, and has its own hint.
  if (error instanceof NotAllowedError && error.cause === undefined) {
    return error.with(details);
  }
  const missing = error instanceof NotFoundError ||
    error instanceof RegistryError && [400, 405, 501].includes(error.status);
  return missing ? new NotFoundError(`${host} has no list of repositories`, details) : error;
}
