/** A request to the registry, as far as it is the same for all its endpoints. @module */
import type { Store } from "../../store/store.ts";

/** A request for something in a repository. */
export interface RegistryRequest {
  request: Request;
  url: URL;
  /** The repository's name. */
  name: string;
  store: Store;
  /** The last part of the path: a digest, a tag, or the ID of an upload. */
  word: string;
}

/** Answers one kind of request. */
export type Answer = (asked: RegistryRequest) => Promise<Response>;
