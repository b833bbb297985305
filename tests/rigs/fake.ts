/** What the parts of the fake registry share. @module */
import type { Digest } from "../../lib/oci/digest.ts";
import type { Origin } from "./fake_exchange.ts";
import type { Faults } from "./fake_faults.ts";
import type { FakeStorage } from "./fake_storage.ts";
import type { TokenServer } from "./token_server.ts";

/** The fake registry as its parts see it. */
export interface Fake {
  /** What is wrong from now on. */
  readonly faults: Faults;
  /** What is stored. */
  readonly storage: FakeStorage;
  /** Who may use it. */
  readonly auth: "none" | "basic" | "bearer";
  /** Of `auth: "bearer"`. */
  readonly tokens: TokenServer | undefined;
  /** `http://127.0.0.1:PORT` of the registry, and of the storage that it redirects to. */
  readonly base: Record<Origin, string>;
  /** Makes an upload location of a path. */
  locate(path: string): string;
  /** Makes a URL at which a blob can be had without signing in. */
  signedUrl(digest: Digest): string;
  /** Uses such a URL once; `false` = it is too old. */
  useSignature(signature: string): boolean;
}
