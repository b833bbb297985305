/** Lists the repositories of a registry, as far as it tells them. @module */
import * as v from "valibot";
import { join } from "node:path";
import { denied } from "../content/file_errors.ts";
import { LayerstashError, NotAllowedError, NotFoundError, RegistryError } from "../errors.ts";
import { parseRegistry } from "../oci/address.ts";
import { allNames } from "../registry/pages.ts";
import { openClient, type RegistryOptions } from "../registry/open_client.ts";
import type { CallOptions } from "../store/store.ts";

const catalogSchema = v.pipe(
  v.object({ repositories: v.nullish(v.array(v.string())) }),
  v.transform(({ repositories }) => repositories ?? []),
);

/**
 * The names of all repositories, page by page as they come: of a registry from its catalog, which many do not have
 * (Docker Hub, GHCR), of a directory all layouts in it.
 *
 * @category Stores
 * @throws {InvalidInputError} when the registry is none
 * @throws {NotAllowedError} when the registry refuses
 * @throws {NotFoundError} when the registry has no catalog, or when there is no such directory
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
  if (address.kind === "layout") return yield* layoutsIn(address.directory, "", options);
  using opened = openClient(address, "", options);
  const first = new URL("/v2/_catalog?n=100", address.origin); // distribution gives no more by default
  const what = `list of repositories of ${address.host}`;
  const { signal } = options;
  try {
    yield* allNames(opened.client, { first, action: "catalog", what, schema: catalogSchema, signal });
  } catch (error) {
    throw withoutCatalog(error, address.host);
  }
}

/** What is no standard many do not offer. */
function withoutCatalog(error: unknown, host: string): unknown {
  const details = {
    hint: "many registries tell nobody what they have (Docker Hub, GHCR): look at their web page",
    cause: error,
  };
  // A refusal with a cause is one of this machine's, and has a hint of its own.
  if (error instanceof NotAllowedError && error.cause === undefined) {
    return new NotAllowedError(error.message, details);
  }
  const missing = error instanceof NotFoundError ||
    error instanceof RegistryError && [400, 405, 501].includes(error.status);
  return missing ? new NotFoundError(`${host} has no list of repositories`, details) : error;
}

/** Every directory that is a layout, in the order of the names. Links are not followed: they may lead in a circle. */
async function* layoutsIn(
  directory: string,
  name: string,
  { signal }: CallOptions,
): AsyncGenerator<string> {
  signal?.throwIfAborted();
  const names: string[] = [];
  let isLayout = false;
  for (const entry of await entriesOf(directory)) {
    if (entry.name === "oci-layout" && entry.isFile) isLayout = true;
    if (entry.isDirectory && !entry.name.startsWith(".")) names.push(entry.name);
  }
  if (isLayout && name !== "") yield name;
  for (const each of names.sort()) {
    if (isLayout && each === "blobs") continue;
    yield* layoutsIn(join(directory, each), name === "" ? each : `${name}/${each}`, { signal });
  }
}

async function entriesOf(directory: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(directory));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new NotFoundError(`there is no directory ${directory}`);
    if (error instanceof Deno.errors.NotADirectory) {
      throw new LayerstashError(`${directory} is no directory`);
    }
    throw denied(error, `${directory} may not be read`) ?? error;
  }
}
