/** Remembers on this machine which age files the packs of a folder became. No key of theirs is kept. @module */
import * as v from "valibot";
import type { Bytes } from "../content/bytes.ts";
import { AgeHeader } from "../encryption/age_header.ts";
import type { Recipients } from "../encryption/recipients.ts";
import type { Journal } from "../files/journal.ts";
import { bytesSchema } from "../files/key_journal.ts";
import type { EncryptedLayer } from "../images/encrypted_image.ts";
import type { EncryptedMemory } from "../images/encrypting_store.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";

const digest = v.custom<Digest>(isDigest);

const recordSchema = v.object({
  /** A header that age files have. Layers name it by its digest: that of many recipients is long. */
  header: v.optional(bytesSchema),
  encrypted: v.optional(v.object({
    plain: digest,
    layer: v.object({ digest, size: v.number(), header: digest, nonce: bytesSchema }),
  })),
  /** The description of an image, by the digest of the manifest that is stored. */
  description: v.optional(v.object({ stored: digest, text: bytesSchema })),
});

/** The packs of a folder that were encrypted for the same recipients, and the images that were made of them. */
export class EncryptedPacks implements EncryptedMemory {
  readonly #journal: Journal;
  readonly #encryptTo: Recipients;
  readonly #headers = new Map<Digest, Bytes>();
  readonly #layers = new Map<Digest, EncryptedLayer>();
  readonly #descriptions = new Map<Digest, Bytes>();
  #header: Promise<AgeHeader> | undefined;

  private constructor(journal: Journal, encryptTo: Recipients) {
    [this.#journal, this.#encryptTo] = [journal, encryptTo];
    for (const record of journal.earlier) {
      const { success, output } = v.safeParse(recordSchema, record);
      if (!success) continue;
      const { header, encrypted, description } = output;
      if (header) this.#headers.set(digestOf(header), header);
      const known = encrypted && this.#headers.get(encrypted.layer.header);
      if (known) this.#layers.set(encrypted.plain, { ...encrypted.layer, header: known });
      if (description) this.#descriptions.set(description.stored, description.text);
    }
  }

  /**
   * Reads what a journal has. It is about these recipients; but of a passphrase it does not know which one. The header of a
   * passphrase is used again, which spares the reader to stretch several.
   *
   * @returns `undefined` = it is about another passphrase, and worth nothing
   */
  static async of(journal: Journal, encryptTo: Recipients): Promise<EncryptedPacks | undefined> {
    const packs = new EncryptedPacks(journal, encryptTo);
    const [header] = packs.#headers.values();
    const { identities } = encryptTo;
    if (!header || !identities) return packs;
    const opened = await AgeHeader.open(header, identities).catch(() => undefined);
    packs.#header = opened && Promise.resolve(opened);
    return opened && packs;
  }

  header(): Promise<AgeHeader> {
    return this.#header ??= this.#newHeader();
  }

  layerOf(plain: Digest): EncryptedLayer | undefined {
    return this.#layers.get(plain);
  }

  keepLayer(plain: Digest, { header, nonce, ...blob }: EncryptedLayer): void {
    const layer = { ...blob, header: digestOf(header), nonce: nonce.toBase64() };
    this.#journal.add({ encrypted: { plain, layer } });
    this.#layers.set(plain, { ...blob, header, nonce });
  }

  descriptionOf(stored: Digest): Bytes | undefined {
    return this.#descriptions.get(stored);
  }

  keepDescription(stored: Digest, text: Bytes): void {
    this.#journal.add({ description: { stored, text: text.toBase64() } });
    this.#descriptions.set(stored, text);
  }

  /** A header with a key that nobody else has made. */
  async #newHeader(): Promise<AgeHeader> {
    const header = await AgeHeader.make(this.#encryptTo);
    this.#journal.add({ header: header.bytes.toBase64() });
    this.#headers.set(digestOf(header.bytes), header.bytes);
    return header;
  }
}
