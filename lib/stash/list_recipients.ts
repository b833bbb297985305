/** Lists for whom a stash is encrypted, as far as its header says that to everybody. @module */
import { readHeader } from "../encryption/age_file.ts";
import { keyKindOf, recipientTypes } from "../encryption/header_text.ts";
import type { KeyKind } from "../encryption/identities.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { verifiedRanges } from "../transfer/decrypted_blobs.ts";
import { headerOfDetails } from "./encrypted_details.ts";
import { findStash } from "./find_stash.ts";
import { isAgeFile } from "./foreign_age.ts";
import type { Stash } from "./stash.ts";

/**
 * For whom a stash is encrypted.
 *
 * @category Encryption
 */
export interface StashRecipients {
  /** What opens it; absent = it is not encrypted. */
  kind?: KeyKind | undefined;
  /** The types of the keys, one for each recipient, such as `X25519`. A header does not say whose keys they are. */
  types: string[];
}

/**
 * Lists for whom a stash is encrypted. No key is needed.
 *
 * @throws {NotFoundError} if the stash does not exist or is incomplete
 * @throws {MismatchError} if its header is damaged
 *
 * @example
 * ```ts
 * import { openStore, upload } from "@layerstash/cli";
 * import { generateKey, listRecipients, Recipients } from "@layerstash/cli/encryption";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
 * const encryptTo = await Recipients.of([(await generateKey()).recipient]);
 * await upload(store, "note", { input: new Response("a secret").body!, encryptTo });
 * if ((await listRecipients(store, "note")).types.join() !== "X25519") throw new Error("another type");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function listRecipients(
  store: StoreReader,
  baseTag: string,
  options: CallOptions = {},
): Promise<StashRecipients> {
  const header = await headerOf(store, await findStash(store, baseTag, options), options);
  return header ? { kind: keyKindOf(header), types: recipientTypes(header) } : { types: [] };
}

async function headerOf(store: StoreReader, { encryption, chunks: [first] }: Stash, options: CallOptions) {
  const details = encryption?.details?.();
  if (details !== undefined) return headerOfDetails(details);
  if (!first || !await isAgeFile(store, first, options)) return undefined;
  return await readHeader(verifiedRanges(store, first, options), first.size);
}
