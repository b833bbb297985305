/** Opens a stash for whoever wants the bytes of the file, whichever program has encrypted it. @module */
import type { Identities } from "../encryption/identities.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { asStored, decryptStash, openSecrets, type OpenStash } from "./decrypted_stash.ts";
import { openForeignAge } from "./foreign_age.ts";
import type { Stash } from "./stash.ts";

/** What opening a stash takes. */
export interface OpenStashOptions extends CallOptions {
  /** The keys that decrypt it; absent = it is not encrypted, or its stored bytes are wanted. */
  identities?: Identities | undefined;
}

/**
 * Opens a stash. One that is not encrypted is as it is; where keys were given for it, an event says so.
 *
 * @throws {NotAllowedError} if it is encrypted, and none of the identities opens it
 * @throws {MismatchError} if it is damaged, or its description is that of other chunks
 */
export async function openStash(
  store: StoreReader,
  stash: Stash,
  { identities, ...options }: OpenStashOptions,
): Promise<OpenStash> {
  if (stash.encryption) return decryptStash(store, stash, await openSecrets(stash, identities));
  const open = asStored(store, stash);
  return identities ? await openForeignAge(open, identities, options) : open;
}
