/** Stores the packs of a folder: those that are stored already are found, and the others are made and sent. @module */
import type { Turn } from "../async/turns.ts";
import type { OnEvent } from "../events.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Store } from "../store/store.ts";
import type { FolderLayer } from "./folder_image.ts";
import { fingerprintOf, type Pack } from "./pack.ts";
import type { PackMemory } from "./pack_memory.ts";
import { PackSource } from "./pack_thread.ts";

/** What storing packs takes. */
export interface StoredPacksOptions {
  /** The real path of the directory. */
  root: string;
  memory: PackMemory;
  /** Whether what has the same metadata later has the same content. */
  remembers: boolean;
  /** The layers of the folder that the tag holds. */
  stored: readonly SizedBlob[];
  /** Only finds out what would be sent. */
  dryRun?: boolean | undefined;
  /** Called before a pack is sent. Throws if nothing may be. */
  requireReplaceable: () => void;
  onEvent?: OnEvent | undefined;
}

/** Stores packs, and counts what came of them. */
export class StoredPacks {
  /** How many were sent, or would be. */
  sent = 0;
  /** The paths of files that may not be read. */
  readonly unreadable: string[] = [];
  /** How many files those are, and their bytes. */
  readonly leftOut: { files: number; size: number } = { files: 0, size: 0 };
  readonly #store: Store;
  readonly #options: StoredPacksOptions;
  /** Layers of the folder that this machine does not know the files of: another one has sent them, or this one has no memory. */
  readonly #foreign: ReadonlySet<Digest>;

  constructor(store: Store, options: StoredPacksOptions) {
    this.#store = store;
    this.#options = options;
    const digests = options.stored.map(({ digest }) => digest);
    this.#foreign = new Set(digests.filter((digest) => !options.memory.has(digest)));
  }

  /** Makes sure that the store has a pack. After a dry run it need not: then there is no layer. */
  async store(
    pack: Pack,
    options: { signal: AbortSignal; turn: Turn },
  ): Promise<FolderLayer | undefined> {
    const fingerprint = fingerprintOf(pack);
    const known = this.#options.memory.layerOf(fingerprint);
    if (known && await this.#has(known, pack, options)) return known;
    const same = await this.#findSame(pack, options);
    if (same) return this.#remember(fingerprint, same);
    this.sent++;
    if (this.#options.dryRun) return undefined;
    this.#options.requireReplaceable();
    return await this.#send(pack, fingerprint, options);
  }

  /**
   * Packs without sending, to see whether the folder has this very layer. Only its digest shows that: whatever else an image
   * says of its layers, somebody else may have written to pass off other files as these.
   */
  async #findSame(pack: Pack, { signal }: { signal: AbortSignal }): Promise<FolderLayer | undefined> {
    if (this.#foreign.size === 0) return undefined;
    using source = this.#sourceOf(pack, signal);
    let size = 0;
    for await (const bytes of source.open()) size += bytes.length;
    const digest = await source.digest();
    const { facts, unreadable } = await source.report();
    const layer = { digest, size, facts };
    const isSame = unreadable.length === 0 && this.#foreign.has(digest);
    return isSame && await this.#has(layer, pack, { signal }) ? layer : undefined;
  }

  async #has(layer: FolderLayer, pack: Pack, { signal }: { signal: AbortSignal }): Promise<boolean> {
    const held = this.#options.stored.some(({ digest }) => digest === layer.digest);
    const state = await this.#store.reuse(layer, { held, signal, onEvent: this.#options.onEvent });
    if (state !== "present") return false;
    this.#report(pack, "present", layer);
    return true;
  }

  async #send(
    pack: Pack,
    fingerprint: string,
    { signal, turn }: { signal: AbortSignal; turn: Turn },
  ): Promise<FolderLayer> {
    const { memory, remembers, onEvent } = this.#options;
    using source = this.#sourceOf(pack, signal);
    const { digest, size } = await this.#store.write(source, {
      what: `pack ${pack.number}`,
      checkpoint: remembers ? memory.checkpointOf(fingerprint) : undefined,
      signal,
      turn,
      onEvent,
    });
    const { facts, unreadable } = await source.report();
    this.#report(pack, "sent", { digest, size });
    if (unreadable.length > 0) this.#leaveOut(pack, unreadable);
    const layer = { digest, size, facts };
    return unreadable.length > 0 ? layer : this.#remember(fingerprint, layer);
  }

  #sourceOf(pack: Pack, signal: AbortSignal): PackSource {
    return new PackSource(() => ({ root: this.#options.root, entries: pack.entries() }), signal);
  }

  #leaveOut(pack: Pack, paths: readonly string[]): void {
    this.unreadable.push(...paths);
    const isLeftOut = new Set(paths);
    for (const { path, type, size } of pack.entries()) {
      if (!isLeftOut.has(path)) continue;
      this.leftOut.files++;
      if (type === "file") this.leftOut.size += size;
    }
  }

  #remember(fingerprint: string, layer: FolderLayer): FolderLayer {
    if (this.#options.remembers) this.#options.memory.add(fingerprint, layer);
    return layer;
  }

  #report(
    { number }: Pack,
    state: "present" | "sent",
    { digest, size }: Pick<FolderLayer, "digest" | "size">,
  ): void {
    this.#options.onEvent?.({ type: "blob", index: number, state, digest, size });
  }
}
