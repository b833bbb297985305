/**
 * Keys for what is stored encrypted, and age files (age-encryption.org/v1) themselves.
 *
 * @example Encrypt for a key, and decrypt some of it
 * ```ts
 * import { AgeFile, AgeHeader, encryptedSource, generateKey, headerOpener, Identities, newNonce, Recipients } from "@layerstash/cli/encryption";
 * import { bytesSource } from "@layerstash/cli/store";
 *
 * const directory = await Deno.makeTempDir();
 * const { identity, recipient } = await generateKey();
 * await Deno.writeTextFile(`${directory}/key.txt`, identity);
 *
 * const header = await AgeHeader.make(await Recipients.of([recipient]));
 * const plain = bytesSource(new TextEncoder().encode("hello, world"));
 * const source = encryptedSource(plain, { header, nonce: newNonce() });
 * const pieces: Uint8Array[] = [];
 * for await (const piece of source.open()) pieces.push(piece.slice()); // each is valid until the next one
 * const file = new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
 *
 * const openHeader = headerOpener(await Identities.inFiles([`${directory}/key.txt`]));
 * const read = async function* ({ start, end }: { start: number; end: number }) {
 *   yield file.subarray(start, end);
 * };
 * const opened = await AgeFile.open({ read, size: file.length, openHeader });
 * if (await new Response(opened.open(7)).text() !== "world") throw new Error("unexpected bytes");
 * await Deno.remove(directory, { recursive: true });
 * ```
 *
 * @module
 */
export {
  AgeFile,
  type AgeFileOptions,
  type HeaderOpener,
  headerOpener,
  type RangeReader,
} from "../encryption/age_file.ts";
export { AgeHeader, newNonce } from "../encryption/age_header.ts";
export { type AgeBeginning, encryptedSize, encryptedSource } from "../encryption/encrypted_source.ts";
export { type GeneratedKey, generateKey } from "../encryption/generate_key.ts";
export { Identities, type KeyKind } from "../encryption/identities.ts";
export { Recipients } from "../encryption/recipients.ts";
export {
  changeRecipients,
  type ChangeRecipientsOptions,
  type RecipientsChange,
} from "../stash/change_recipients.ts";
export { listRecipients, type StashRecipients } from "../stash/list_recipients.ts";
