/** What a server serves: repositories, by the names that its clients use. @module */
import { parseRepository } from "../oci/reference.ts";
import type { CallOptions, Store } from "../store/store.ts";

/**
 * A repository as it is served.
 *
 * @category Serving
 */
export interface ServedRepository {
  /** The name that clients use, such as `me/files`. */
  readonly name: string;
  /** The repository's store. It stays open while it is served. */
  readonly store: Store;
  /** Whether clients may change it: a repository of another registry is only read. */
  readonly isWritable: boolean;
}

/**
 * What listing the names of repositories takes.
 *
 * @category Serving
 */
export interface NamesOptions extends CallOptions {
  /** Only names that begin with this and a slash are wanted: others need not be looked for. Absent = all. */
  below?: string | undefined;
}

/**
 * The repositories of a server.
 *
 * @category Serving
 */
export interface ServedRepositories {
  /** The names of all repositories, at least of those that are wanted. */
  names(options?: NamesOptions): AsyncIterable<string>;
  /** A repository that exists; `undefined` = there is none of this name. */
  find(name: string, options?: CallOptions): Promise<ServedRepository | undefined>;
  /** A repository that is about to be written; `undefined` = there is no place for one of this name. */
  create(name: string, options?: CallOptions): Promise<ServedRepository | undefined>;
}

/** Stores that are open already, by the names under which they are served. */
export class OpenRepositories implements ServedRepositories {
  readonly #repositories: ReadonlyMap<string, ServedRepository>;

  /**
   * @param stores by the names that clients use
   * @throws {InvalidInputError} if a name is not the name of a repository
   */
  constructor(stores: Readonly<Record<string, Store>>) {
    const served = Object.entries(stores).map(([name, store]): [string, ServedRepository] => {
      return [parseRepository(name), { name, store, isWritable: true }];
    });
    this.#repositories = new Map(served);
  }

  async *names(): AsyncGenerator<string> {
    yield* [...this.#repositories.keys()].sort();
  }

  find(name: string): Promise<ServedRepository | undefined> {
    return Promise.resolve(this.#repositories.get(name));
  }

  create(name: string): Promise<ServedRepository | undefined> {
    return this.find(name);
  }
}
