/** Opens the store of a repository, in a registry or in a directory. @module */
import { join, sep } from "node:path";
import { parseRepository } from "../oci/reference.ts";
import { BYTES, withDefaults } from "../arguments.ts";
import { fullRepository, type LayoutAddress, parseRegistry, type RemoteAddress } from "../oci/address.ts";
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
export interface OpenOptions extends RegistryOptions {
  /** The repository's name, such as `me/files`. */
  repository: string;
  /** The registry's properties; absent = those known for its host. */
  profile?: Partial<RegistryProfile> | undefined;
  /** The format of the manifests of stored files and aliases; absent = `auto`. */
  manifestFormat?: ManifestFormat | undefined;
  /** The URLs of services' own APIs, which remove tags; absent = the public ones. */
  apis?: { dockerHub?: string; github?: string } | undefined;
}

/**
 * Opens the store of one repository. Nothing is sent or created before it is used.
 *
 * @category Stores
 * @throws {InvalidInputError} if the name of the registry or repository is invalid, or a number is out of range
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
export function openStore(options: OpenOptions): Store {
  const address = parseRegistry(options.registry);
  const repository = parseRepository(options.repository);
  return address.kind === "layout"
    ? openLayout(address, repository, options)
    : openRemote(address, repository, options);
}

function openLayout({ directory }: LayoutAddress, repository: string, options: OpenOptions): Store {
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

function openRemote(address: RemoteAddress, shortName: string, options: OpenOptions): Store {
  const repository = fullRepository(address, shortName);
  const { client, transport, findCredentials } = openClient(address, repository, options);
  const profile = withDefaults(profileOf(address.host), options.profile, {
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
  apis: OpenOptions["apis"];
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
