/** Remembers on this machine which metadata the packs of a folder had, which layers became of them, and how far each has come. @module */
import * as v from "valibot";
import { type Journal, openJournal } from "../files/journal.ts";
import { pointSchema } from "../files/remembered_input.ts";
import type { OnEvent } from "../events.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { Checkpoint, Store, UploadPoint } from "../store/store.ts";
import type { Recipients } from "../encryption/recipients.ts";
import { EncryptedPacks } from "./encrypted_packs.ts";
import type { FolderLayer } from "./folder_image.ts";

const digest = v.custom<Digest>(isDigest);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const recordSchema = v.object({
  fingerprint: v.string(),
  layer: v.optional(v.object({
    digest,
    size: count,
    facts: v.object({ diffId: digest, table: digest, unpacked: count }),
  })),
  point: v.optional(pointSchema),
});

/** What opening the memory takes. */
export interface PackMemoryOptions {
  store: Pick<Store, "name" | "url">;
  tag: string;
  /** The real path of the directory. */
  directory: string;
  /** Where journals are; absent = nothing is remembered. */
  stateDirectory?: string | undefined;
  /** For whom the packs are encrypted; absent = they are not. What was stored for others is not remembered. */
  encryptTo?: Recipients | undefined;
  onEvent?: OnEvent | undefined;
}

/** The layers of packs by their fingerprints. No other process stores the same folder while it is open. */
export class PackMemory implements Disposable {
  readonly #journal: Journal;
  readonly #layers = new Map<string, FolderLayer>();
  readonly #digests = new Set<Digest>();
  /** How far packs had come that were on their way. */
  readonly #points = new Map<string, UploadPoint>();
  /** The age files that the layers became; absent = they are not encrypted. */
  readonly encrypted: EncryptedPacks | undefined;

  private constructor(journal: Journal, encrypted?: EncryptedPacks) {
    [this.#journal, this.encrypted] = [journal, encrypted];
    for (const record of journal.earlier) {
      const { success, output } = v.safeParse(recordSchema, record);
      if (!success) continue;
      const { fingerprint, layer, point } = output;
      if (layer) this.#take(fingerprint, layer);
      if (point) this.#points.set(fingerprint, point);
    }
  }

  /**
   * Opens what was remembered.
   *
   * @throws {ConflictError} if another process stores the same folder there
   */
  static async open(
    { store, tag, directory, encryptTo, ...options }: PackMemoryOptions,
  ): Promise<PackMemory> {
    const journal = await openJournal({
      directory: options.stateDirectory,
      name: `upload of ${tag} to ${store.name}`,
      where: store.url,
      subject: JSON.stringify(["folder", directory, ...(encryptTo ? [encryptTo.id] : [])]),
      onEvent: options.onEvent,
    });
    if (!encryptTo) return new PackMemory(journal);
    const encrypted = await EncryptedPacks.of(journal, encryptTo);
    if (encrypted) return new PackMemory(journal, encrypted);
    journal.replace({});
    const emptied = { ...journal, earlier: [] };
    return new PackMemory(emptied, await EncryptedPacks.of(emptied, encryptTo));
  }

  /** The layer that a pack with a fingerprint became. The store may have lost it. */
  layerOf(fingerprint: string): FolderLayer | undefined {
    return this.#layers.get(fingerprint);
  }

  /** Whether a layer was made on this machine, of the same directory. */
  has(layer: Digest): boolean {
    return this.#digests.has(layer);
  }

  /** Where the upload of a pack is kept, so that another process goes on with it. */
  checkpointOf(fingerprint: string): Checkpoint {
    return {
      last: this.#points.get(fingerprint),
      save: (point) => this.#journal.add({ fingerprint, point }),
    };
  }

  /** Remembers a layer that is stored. */
  add(fingerprint: string, { digest, size, facts }: FolderLayer): void {
    if (this.#layers.get(fingerprint)?.digest === digest) return;
    this.#journal.add({ fingerprint, layer: { digest, size, facts } });
    this.#take(fingerprint, { digest, size, facts });
  }

  /** Closes the journal, and keeps it. */
  [Symbol.dispose](): void {
    this.#journal[Symbol.dispose]();
  }

  #take(fingerprint: string, layer: FolderLayer): void {
    this.#layers.set(fingerprint, layer);
    this.#digests.add(layer.digest);
  }
}
