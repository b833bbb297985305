/** Finds what is stored by paths: repositories, in them what they hold, and in that the files. @module */
import { isDigest } from "../../oci/digest.ts";
import { isTag } from "../../oci/reference.ts";
import type { CallOptions } from "../../store/store.ts";
import type { Serving } from "../part.ts";
import { lacksKey } from "../registry/refusal.ts";
import type { ServedRepository } from "../repositories.ts";
import { type Found, type FoundDirectory, foundIn, type ListedName } from "./found.ts";
import { findHoldings, type Holdings, holdingsVersion, listedHoldings } from "./holdings.ts";
import { Memory } from "./memory.ts";
import { type NamedThing, thingNamed } from "./platform_names.ts";
import { isBroken } from "./served_stash.ts";
import { findServedThing, type ServedThing, thingVersion, undefinedIfAbsent } from "./served_thing.ts";

/** How many things are remembered. Of an image it is the list of all its files. */
const THINGS_KEPT = 32;
/** How many components the name of a repository has at most: it has at most 255 characters. */
const MOST_COMPONENTS = 128;

/** What a server serves, as one tree of directories and files. */
export class Shelf {
  readonly #serving: Serving;
  readonly #things: Memory<ServedThing> = new Memory(THINGS_KEPT);
  readonly #holdings: Memory<Holdings> = new Memory(THINGS_KEPT);

  /** @param serving what is served, and how */
  constructor(serving: Serving) {
    this.#serving = serving;
  }

  /** The repositories, by name. */
  async repositories(): Promise<string[]> {
    return await Array.fromAsync(this.#serving.repositories.names(this.#options));
  }

  /**
   * Finds what lies at a path. The longest name of a repository counts.
   *
   * @param names the names on the way, from the top
   * @returns `undefined` = nothing lies there
   */
  async find(names: readonly string[]): Promise<Found | undefined> {
    const { repositories } = this.#serving;
    for (let length = Math.min(names.length, MOST_COMPONENTS); length > 0; length--) {
      const repository = await repositories.find(names.slice(0, length).join("/"), this.#options);
      const found = repository && await this.#findIn(repository, names, length);
      if (found) return found;
    }
    return await this.#above(names);
  }

  async #findIn(
    repository: ServedRepository,
    names: readonly string[],
    length: number,
  ): Promise<Found | undefined> {
    const [reference, ...path] = names.slice(length);
    if (reference === undefined) {
      const list = async () => [...await this.#below(names), ...listedHoldings(await this.#held(repository))];
      return { kind: "directory", names, repository, path: "", list };
    }
    const named = thingNamed(reference);
    try {
      const thing = await this.#thing(repository, named);
      return thing && await foundIn({ names, repository, ...named, thing, path: path.join("/") });
    } catch (error) {
      if (lacksKey(error)) return { kind: "locked", names, repository, reference, reason: error };
      if (!isBroken(error)) throw error;
      return { kind: "broken", names, repository, reference, reason: error };
    }
  }

  /** A directory that only leads to repositories. */
  async #above(names: readonly string[]): Promise<FoundDirectory | undefined> {
    const below = await this.#below(names);
    if (below.length === 0 && names.length > 0) return undefined;
    return { kind: "directory", names, path: "", list: () => Promise.resolve(below) };
  }

  /** The next components of the names of repositories that begin with these. */
  async #below(names: readonly string[]): Promise<ListedName[]> {
    const begin = names.map((name) => `${name}/`).join("");
    const below = names.length === 0 ? undefined : names.join("/");
    const next = new Set<string>();
    for await (const name of this.#serving.repositories.names({ ...this.#options, below })) {
      if (name.startsWith(begin)) next.add(name.slice(begin.length).split("/")[0]!);
    }
    return Array.from(next, (name) => ({ name, kind: "directory" }));
  }

  /** What a repository holds. */
  async #held(repository: ServedRepository): Promise<Holdings> {
    const { name, store } = repository;
    const options = this.#options;
    const find = (reference: string) => this.#thing(repository, { reference });
    return await this.#holdings.get(
      name,
      () => findHoldings(store, { ...options, find }),
      () => holdingsVersion(store, options),
    );
  }

  async #thing({ name, store }: ServedRepository, named: NamedThing): Promise<ServedThing | undefined> {
    const { reference, platform = "" } = named;
    if (!isTag(reference) && !isDigest(reference)) return undefined;
    return await this.#things.get(
      `${name}\n${reference}\n${platform}`,
      () => findServedThing(store, named, this.#options),
      (thing) => thingVersion(store, reference, thing),
    ).catch(undefinedIfAbsent);
  }

  get #options(): CallOptions & Pick<Serving, "identities"> {
    const { onEvent, identities } = this.#serving;
    return { onEvent, identities };
  }
}
