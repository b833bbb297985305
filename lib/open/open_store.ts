/** Opens the store of a repository, in a registry or in a directory. @module */
import { join, sep } from "node:path";
import { ArchiveStore } from "../archive/archive_store.ts";
import { InvalidInputError } from "../errors.ts";
import { quoted } from "../messages.ts";
import { type Address, parseAddress } from "../oci/address.ts";
import { parseRepository } from "../oci/reference.ts";
import { BYTES, withDefaults } from "../arguments.ts";
import {
  fullRepository,
  type LayoutAddress,
  parseRegistry,
  type RemoteAddress,
} from "../oci/registry_address.ts";
import type { Credentials } from "../sign_in/credentials.ts";
import { hubTagRemover } from "../registry/tag_removal/docker_hub.ts";
import { githubTagRemover } from "../registry/tag_removal/github_packages.ts";
import { LayoutStore } from "../layout/layout_store.ts";
import { profileOf, type RegistryProfile } from "../registry/profiles.ts";
import type { ManifestFormat } from "../store/manifest_format.ts";
import { pushPlaceholder } from "../store/placeholder.ts";
import { RegistryStore } from "../registry/registry_store.ts";
import type { CallOptions, Store } from "../store/store.ts";
import type { TagRemover } from "../registry/tag_removal/tag_remover.ts";
import type { Transport } from "../http/request.ts";
import { openClient, type RegistryOptions } from "../registry/open_client.ts";

/**
 * The repository, and how to connect to its registry.
 *
 * @category Stores
 */
export interface OpenOptions extends StoreOptions {
  /** The registry: `docker`, `ghcr`, a host, a URL, or `oci:DIR`. */
  registry: string;
  /** The repository's name, such as `me/files`. */
  repository: string;
}

/**
 * How to connect to a registry, and what is stored there.
 *
 * @category Stores
 */
export interface StoreOptions extends Omit<RegistryOptions, "registry"> {
  /** The registry's properties; absent = those known for its host. */
  profile?: Partial<RegistryProfile> | undefined;
  /** The format of the manifests of stored files and aliases; absent = `auto`. */
  manifestFormat?: ManifestFormat | undefined;
  /** The URLs of services' own APIs, which remove tags; absent = the public ones. */
  apis?: { dockerHub?: string; github?: string } | undefined;
}

/**
 * Opens the store of one repository, by its address or by the names of its registry and repository. Nothing is sent or
 * created before it is used. With an address, `oci:DIR` is one layout; with names, it is a directory of layouts.
 *
 * @category Stores
 * @param where the repository's address, such as `ghcr.io/me/files`, or its names with the options
 * @param options how to connect, for an address
 * @throws {InvalidInputError} if the address, or the name of the registry or repository is invalid, or a number is out of
 *   range
 *
 * @example By its address
 * ```ts
 * import { openStore } from "@layerstash/cli";
 *
 * using store = openStore("ghcr.io/me/files");
 * if (store.name !== "ghcr.io/me/files") throw new Error("unexpected name");
 * ```
 *
 * @example A directory is a registry too
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { bytesSource } from "@layerstash/cli/store";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}`, repository: "me/files" });
 * const { digest } = await store.write(bytesSource(new TextEncoder().encode("hello")));
 * if (await store.stat(digest) !== 5) throw new Error("unexpected size");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export function openStore(where: string | OpenOptions, options: StoreOptions = {}): Store {
  if (typeof where === "string") return openAddress(repositoryAddress(where), options);
  const address = parseRegistry(where.registry);
  const repository = parseRepository(where.repository);
  return address.kind === "layout"
    ? openLayout(address, repository, where)
    : openRemote(address, repository, where);
}

/** Opens the repository, the layout or the archive of an address. */
export function openAddress({ registry, repository }: Address, options: StoreOptions = {}): Store {
  const { manifestFormat, onEvent } = options;
  if (registry.kind === "archive") return new ArchiveStore(registry, { onEvent });
  if (registry.kind === "remote") return openRemote(registry, repository, options);
  const { directory } = registry;
  return new LayoutStore({ directory, name: `oci:${directory}`, manifestFormat, onEvent });
}

function repositoryAddress(text: string): Address {
  const address = parseAddress(text);
  if (address.reference === undefined) return address;
  throw new InvalidInputError(`${quoted(text)} names something in a repository, not a repository`, {
    hint: "open the repository, and give the name after it to the function that uses the store",
  });
}

function openLayout({ directory }: LayoutAddress, repository: string, options: StoreOptions): Store {
  const { manifestFormat, onEvent } = options;
  const beside = (name: string) => join(directory, ...parseRepository(name).split("/"));
  const own = beside(repository);
  // The name has slashes on every system; Windows accepts either separator.
  return new LayoutStore({
    directory: own,
    name: `oci:${own.replaceAll(sep, "/")}`,
    beside,
    manifestFormat,
    onEvent,
  });
}

function openRemote(address: RemoteAddress, shortName: string, options: StoreOptions): Store {
  const repository = fullRepository(address, shortName);
  const { client, transport, findCredentials } = openClient(address, repository, options);
  const known = profileOf(address.host);
  const partsGrow = known.partsGrow && options.profile?.partSize === undefined; // a size that is asked for stays
  const profile = withDefaults({ ...known, partsGrow }, options.profile, {
    partSize: BYTES,
    chunkSize: BYTES,
  });
  const find = () => findCredentials(address.host, repository);
  return new RegistryStore({
    name: `${address.host}/${repository}`,
    client,
    profile,
    manifestFormat: options.manifestFormat,
    tagRemover: serviceTagRemover({ profile, transport, find, repository, apis: options.apis }),
    fullName: (name) => fullRepository(address, name),
    close: () => transport.close(),
  });
}

interface ServiceOptions {
  profile: RegistryProfile;
  transport: Transport;
  find: () => Promise<Credentials | undefined>;
  repository: string;
  apis: StoreOptions["apis"];
}

/** Makes the tag remover for a service whose registry deletes nothing. It finds credentials when first used. */
function serviceTagRemover(options: ServiceOptions): ((store: RegistryStore) => TagRemover) | undefined {
  const { profile, transport, find, repository, apis } = options;
  if (profile.removal === "registry") return undefined;
  const make = (store: RegistryStore, credentials: Credentials | undefined) => {
    const common = { transport, repository, credentials };
    if (profile.removal === "docker-hub") return hubTagRemover({ ...common, api: apis?.dockerHub });
    const isolate = async (tag: string, options: CallOptions = {}) =>
      void await pushPlaceholder(store, tag, options);
    return githubTagRemover({ ...common, api: apis?.github, isolate });
  };
  return (store) => {
    let remover: Promise<TagRemover> | undefined;
    return {
      remove: async (tag, options) => {
        remover ??= find().then((credentials) => make(store, credentials));
        await (await remover).remove(tag, options);
      },
    };
  };
}
