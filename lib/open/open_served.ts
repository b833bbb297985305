/** Opens what a server serves: the layouts in directories, and repositories of other registries. @module */
import { join, resolve } from "node:path";
import { InvalidInputError, NotFoundError } from "../errors.ts";
import { findLayouts, isLayout } from "../layout/find_layouts.ts";
import { quoted } from "../messages.ts";
import { type Address, hintOfFile, parseAddress } from "../oci/address.ts";
import { exists } from "../oci/path_reference.ts";
import { parseRepository } from "../oci/reference.ts";
import type { NamesOptions, ServedRepositories, ServedRepository } from "../serve/repositories.ts";
import { requireRepository } from "../store/known_references.ts";
import type { CallOptions } from "../store/store.ts";
import { openAddress, openStore, type StoreOptions } from "./open_store.ts";

/**
 * Opens directories and repositories to serve them. A directory that is an OCI layout is one repository with the name of
 * the directory. In any other directory each layout below it is a repository, as for `openStore` with names, and new ones
 * can be created. A repository of a registry keeps its name, and is only read.
 *
 * @category Serving
 * @param addresses such as `oci:box` or `ghcr.io/me/files`
 * @throws {InvalidInputError} if an address is invalid, or names something in a repository
 */
export function openServed(addresses: readonly string[], options: StoreOptions = {}): OpenedRepositories {
  return new OpenedRepositories(addresses.map(parseServed), options);
}

function parseServed(text: string): Address {
  const address = parseAddress(text);
  const hint = hintOfFile(text);
  const isOnHub = address.registry.kind === "remote" && address.registry.host === "docker.io";
  const namesHub = /^[a-z0-9.-]*docker\.io\//i.test(text);
  if (isOnHub && !namesHub && hint) { // nobody would notice that it is not what is served
    throw new InvalidInputError(`${quoted(text)} names a repository of Docker Hub, and something here`, {
      hint: `${hint}; for Docker Hub, use docker.io/${text}`,
    });
  }
  if (address.reference === undefined) return address;
  throw new InvalidInputError(`${quoted(text)} names something in a repository, where all of it is served`, {
    hint: `leave out ${quoted(address.reference)}`,
  });
}

/**
 * The repositories of directories and registries. Each store is opened when it is first asked for.
 *
 * @category Serving
 */
export class OpenedRepositories implements ServedRepositories, Disposable {
  readonly #options: StoreOptions;
  /** Repositories by name. */
  readonly #single: Map<string, Address> = new Map();
  /** Directories whose layouts are repositories. */
  readonly #directories: string[] = [];
  readonly #open: Map<string, ServedRepository> = new Map();

  /**
   * Opens nothing yet.
   *
   * @param addresses repositories and directories
   * @param options how to connect to registries
   */
  constructor(addresses: readonly Address[], options: StoreOptions) {
    this.#options = options;
    for (const address of addresses) {
      const { registry } = address;
      if (registry.kind === "layout" && !isLayout(registry.directory)) this.#addDirectory(registry.directory);
      else this.#addSingle(address);
    }
  }

  #addDirectory(directory: string): void {
    const other = this.#directories.find((each) => resolve(each) === resolve(directory));
    if (other !== undefined) {
      throw new InvalidInputError(
        `${quoted(`oci:${other}`)} and ${quoted(`oci:${directory}`)} are the same directory`,
      );
    }
    this.#directories.push(directory);
  }

  #addSingle(address: Address): void {
    const name = servedName(address);
    const other = this.#single.get(name);
    if (other) {
      throw new InvalidInputError(`${quoted(other.text)} and ${quoted(address.text)} would both be ${name}`);
    }
    this.#single.set(name, address);
  }

  /**
   * Reads what archives list. A file that is something else is refused by this, and not only when a client asks for it.
   *
   * @throws {InvalidInputError} if a file is not an archive of images
   * @throws {NotAllowedError} if a file may not be read
   */
  async readArchives(options: CallOptions = {}): Promise<void> {
    for (const [name, { registry }] of this.#single) {
      if (registry.kind !== "archive") continue;
      await Array.fromAsync(this.#opened(name, undefined)!.store.tags(options));
    }
  }

  /**
   * Asks each registry for its tags. Where that fails, an event says so: the repository is served all the same, as it may come
   * back.
   */
  async checkRegistries({ signal, onEvent = this.#options.onEvent }: CallOptions = {}): Promise<void> {
    const remote = [...this.#single].filter(([, { registry }]) => registry.kind === "remote");
    await Promise.all(remote.map(async ([name, { text }]) => {
      const { store } = this.#opened(name, undefined)!;
      await requireRepository(store, { signal, onEvent }).catch((error) => {
        if (signal?.aborted) return;
        onEvent?.({ type: "notice", message: `${text} cannot be listed now: ${(error as Error).message}` });
      });
    }));
  }

  async *names(options: NamesOptions = {}): AsyncGenerator<string> {
    const names = new Set(this.#single.keys());
    for (const directory of this.#directories) {
      if (!exists(directory)) continue; // it is created by the first push
      for await (const name of findLayouts(directory, options)) names.add(name);
    }
    yield* [...names].filter(isRepository).sort();
  }

  find(name: string): Promise<ServedRepository | undefined> {
    if (!isRepository(name)) return Promise.resolve(undefined);
    const inside = this.#directories.find((directory) => isLayout(join(directory, ...name.split("/"))));
    return Promise.resolve(this.#opened(name, inside));
  }

  async create(name: string): Promise<ServedRepository | undefined> {
    return await this.find(name) ?? this.#opened(parseRepository(name), this.#directories[0]);
  }

  #opened(name: string, directory: string | undefined): ServedRepository | undefined {
    const known = this.#open.get(name);
    if (known) return known;
    const address = this.#single.get(name);
    if (!address && directory === undefined) return undefined;
    const store = address
      ? openAddress(address, this.#options)
      : openStore({ ...this.#options, registry: `oci:${directory}`, repository: name });
    const opened = { name, store, isWritable: !address || address.registry.kind === "layout" };
    this.#open.set(name, opened);
    return opened;
  }

  /** Closes all stores. */
  [Symbol.dispose](): void {
    for (const { store } of this.#open.values()) store.close();
  }
}

/** The name under which a repository is served: its own, or that of its directory or file. */
function servedName({ registry, repository, text }: Address): string {
  if (registry.kind === "remote") return repository;
  const path = registry.kind === "layout" ? Deno.realPathSync(registry.directory) : registry.file;
  const base = (path.replace(/[/\\]+$/, "").split(/[/\\]/).at(-1) ?? "").replace(/\.(tar|tgz)(\.\w+)?$/i, "");
  const name = base.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  if (name !== "") return name;
  throw new NotFoundError(`${quoted(text)} has no name under which it could be served`);
}

function isRepository(name: string): boolean {
  try {
    return parseRepository(name) === name;
  } catch {
    return false;
  }
}
