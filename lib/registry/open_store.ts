/** Opens the store of a repository, wherever it is. @module */
import { join } from "node:path";
import type { OnEvent } from "../events.ts";
import { parseRepository } from "../oci/reference.ts";
import { fullRepository, type LayoutAddress, parseRegistry, type RemoteAddress } from "../oci/address.ts";
import { RegistryClient } from "./client.ts";
import type { Credentials, FindCredentials } from "../sign_in/credentials.ts";
import { hubTagRemover } from "./docker_hub_api.ts";
import { githubTagRemover } from "./github_packages_api.ts";
import { LayoutStore } from "./layout.ts";
import { type Profile, profileOf } from "./profiles.ts";
import { pushPlaceholder } from "./registry_tag_remover.ts";
import { RemoteStore } from "./remote.ts";
import { type Clock, DEFAULT_POLICY, type RetryPolicy, systemClock } from "../http/retry.ts";
import type { Store } from "./store.ts";
import type { TagRemover } from "./tag_remover.ts";
import { openTransport, type Transport, type TransportOptions } from "../http/transport.ts";

/** Which repository, and how to reach it. */
export interface OpenOptions extends TransportOptions {
  /** `docker`, `ghcr`, a host such as `localhost:5000`, a URL, or `oci:DIR`. */
  registry: string;
  /** The repository's name, such as `me/files`. */
  repository: string;
  /** Who signs in: credentials, or a function that looks for them; absent = nobody. */
  credentials?: Credentials | FindCredentials | undefined;
  /** Told of requests, retries and what else happens beneath the transfers. */
  onEvent?: OnEvent | undefined;
  /** How patiently failed requests are made again; absent = {@link DEFAULT_POLICY}. */
  retry?: Partial<RetryPolicy> | undefined;
  /** Time; absent = the system's. */
  clock?: Clock | undefined;
  /** What is known about the registry; absent = by its name. */
  profile?: Partial<Profile> | undefined;
  /** Where the services' own APIs are, for removals; absent = their public addresses. */
  apis?: { dockerHub?: string; github?: string } | undefined;
}

/**
 * Opens the store of one repository. Nothing is sent or made before it is used.
 *
 * @throws {InvalidInputError} when the registry or the repository has no valid name
 *
 * @example A directory is a registry too
 * ```ts
 * import { bytesSource, openStore } from "@layerstash/cli";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * const { digest } = await store.write(bytesSource(new TextEncoder().encode("hello")));
 * if (await store.stat(digest) !== 5) throw new Error("unexpected size");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export function openStore(options: OpenOptions): Store {
  const address = parseRegistry(options.registry);
  const repository = parseRepository(options.repository);
  return address.kind === "layout"
    ? openLayout(address, repository)
    : openRemote(address, repository, options);
}

function openLayout({ directory }: LayoutAddress, repository: string): Store {
  const beside = (name: string) => join(directory, ...parseRepository(name).split("/"));
  return new LayoutStore({ directory: beside(repository), name: `oci:${beside(repository)}`, beside });
}

function openRemote(address: RemoteAddress, shortName: string, options: OpenOptions): Store {
  const { onEvent, clock = systemClock, credentials } = options;
  const repository = fullRepository(address, shortName);
  const transport = openTransport(options);
  const profile = { ...profileOf(address.host), ...options.profile };
  const findCredentials: FindCredentials = typeof credentials === "function"
    ? credentials
    : () => Promise.resolve(credentials);
  const policy = { ...DEFAULT_POLICY, ...options.retry };
  const client = new RegistryClient({
    address,
    repository,
    findCredentials,
    transport,
    policy,
    clock,
    onEvent,
  });
  const find = () => findCredentials(address.host, repository);
  return new RemoteStore({
    name: `${address.host}/${repository}`,
    client,
    profile,
    onEvent,
    tagRemover: serviceTagRemover({ profile, transport, find, repository, apis: options.apis }),
    close: () => transport.close(),
  });
}

interface ServiceOptions {
  profile: Profile;
  transport: Transport;
  find: () => Promise<Credentials | undefined>;
  repository: string;
  apis: OpenOptions["apis"];
}

/** The remover for a service whose registry deletes nothing; it looks for credentials when it is first needed. */
function serviceTagRemover(options: ServiceOptions): ((store: RemoteStore) => TagRemover) | undefined {
  const { profile, transport, find, repository, apis } = options;
  if (profile.removal === "registry") return undefined;
  const make = (store: RemoteStore, credentials: Credentials | undefined) => {
    const common = { transport, repository, credentials };
    if (profile.removal === "docker-hub") return hubTagRemover({ ...common, api: apis?.dockerHub });
    const isolate = async (tag: string, signal?: AbortSignal) =>
      void await pushPlaceholder(store, tag, { signal });
    return githubTagRemover({ ...common, api: apis?.github, isolate });
  };
  return (store) => {
    let remover: Promise<TagRemover> | undefined;
    return {
      remove: async (tag, signal) =>
        await (await (remover ??= find().then((credentials) => make(store, credentials)))).remove(
          tag,
          signal,
        ),
    };
  };
}
