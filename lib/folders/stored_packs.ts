/** Stores the packs of a folder: those that are stored already are found, and the others are made and sent. @module */
import type { Turn } from "../async/turns.ts";
import type { OnEvent } from "../events.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Store } from "../store/store.ts";
import type { FolderLayer } from "./folder_image.ts";
import { readRows } from "./entry_rows.ts";
import { fingerprintOf, type Pack } from "./pack.ts";
import type { PackMemory } from "./pack_memory.ts";
import { PackProgress } from "./pack_progress.ts";
import { PackSource } from "./pack_source.ts";
import { PackThreads } from "./pack_thread.ts";

/** What storing packs takes. */
export interface StoredPacksOptions {
  /** The real path of the directory. */
  root: string;
  memory: PackMemory;
  /** Whether what has the same metadata later has the same content. */
  remembers: boolean;
  /** The layers of the folder that the tag holds. */
  stored: readonly SizedBlob[];
  /** The blob in which a layer is stored encrypted. Events name that one: the digest of plain bytes tells whether somebody has them. */
  ageFileOf?: ((layer: SizedBlob) => SizedBlob | undefined) | undefined;
  /** Only finds out what would be sent. */
  dryRun?: boolean | undefined;
  /** Called before a pack is sent. Throws if nothing may be. */
  requireReplaceable: () => void;
  onEvent?: OnEvent | undefined;
}

/** What storing a pack takes. */
interface Storing {
  pack: Pack;
  progress: PackProgress;
  signal: AbortSignal;
  turn: Turn;
}

/** Stores packs, and counts what came of them. Disposing of it ends its threads. */
export class StoredPacks implements Disposable {
  /** How many were sent, or would be, and what of: files and their bytes. And the bytes of the layers that were sent. */
  readonly sent: { packs: number; files: number; content: number; size: number } = {
    packs: 0,
    files: 0,
    content: 0,
    size: 0,
  };
  /** The paths of files that may not be read. */
  readonly unreadable: string[] = [];
  /** How many files those are, and their bytes. */
  readonly leftOut: { files: number; size: number } = { files: 0, size: 0 };
  readonly #target: Store;
  readonly #threads = new PackThreads();
  readonly #options: StoredPacksOptions;
  /** Layers of the folder that this machine does not know the files of: another one has sent them, or this one has no memory. */
  readonly #foreign: ReadonlySet<Digest>;

  constructor(store: Store, options: StoredPacksOptions) {
    this.#target = store;
    this.#options = options;
    const digests = options.stored.map(({ digest }) => digest);
    this.#foreign = new Set(digests.filter((digest) => !options.memory.has(digest)));
  }

  [Symbol.dispose](): void {
    this.#threads[Symbol.dispose]();
  }

  /** Makes sure that the store has a pack. After a dry run it need not: then there is no layer. */
  async store(
    pack: Pack,
    options: { signal: AbortSignal; turn: Turn },
  ): Promise<FolderLayer | undefined> {
    return await this.#store({ ...options, pack, progress: new PackProgress(pack, this.#options.onEvent) });
  }

  async #store(storing: Storing): Promise<FolderLayer | undefined> {
    const { pack } = storing;
    const fingerprint = fingerprintOf(pack);
    const known = this.#options.memory.layerOf(fingerprint) ?? await this.#findSame(storing);
    if (known && await this.#has(known, storing)) return this.#remember(fingerprint, known);
    this.sent.packs++;
    this.sent.files += pack.files;
    this.sent.content += pack.size;
    if (this.#options.dryRun) return undefined;
    // What the folder has and the store has lost is sent again: that replaces nothing.
    if (!known || !this.#isListed(known)) this.#options.requireReplaceable();
    return await this.#send(fingerprint, storing);
  }

  /**
   * Packs without sending, to see whether the folder has this very layer. Only its digest shows that: whatever else an image
   * says of its layers, somebody else may have written to pass off other files as these.
   */
  async #findSame(storing: Storing): Promise<FolderLayer | undefined> {
    if (this.#foreign.size === 0) return undefined;
    using source = this.#sourceOf(storing);
    let size = 0;
    for await (const bytes of source.open()) size += bytes.length;
    const digest = await source.digest();
    const { facts, unreadable } = await source.report();
    return unreadable.length === 0 && this.#foreign.has(digest) ? { digest, size, facts } : undefined;
  }

  #isListed(layer: FolderLayer): boolean {
    return this.#options.stored.some(({ digest }) => digest === layer.digest);
  }

  async #has(layer: FolderLayer, storing: Storing): Promise<boolean> {
    const held = this.#isListed(layer);
    const { signal } = storing;
    const state = await this.#target.reuse(layer, { held, signal, onEvent: this.#options.onEvent });
    if (state !== "present") return false;
    this.#report("present", layer, storing);
    return true;
  }

  async #send(fingerprint: string, storing: Storing): Promise<FolderLayer> {
    const { memory, remembers, onEvent } = this.#options;
    const { pack, signal, turn } = storing;
    using source = this.#sourceOf(storing);
    const { digest, size } = await this.#target.write(source, {
      what: `pack ${pack.number}`,
      checkpoint: remembers ? memory.checkpointOf(fingerprint) : undefined,
      signal,
      turn,
      onEvent,
    });
    const { facts, unreadable } = await source.report();
    this.sent.size += size;
    this.#report("sent", { digest, size }, storing);
    if (unreadable.length > 0) this.#leaveOut(pack, unreadable);
    const layer = { digest, size, facts };
    return unreadable.length > 0 ? layer : this.#remember(fingerprint, layer);
  }

  #sourceOf({ pack, progress, signal }: Storing): PackSource {
    return new PackSource({ root: this.#options.root, pack, progress }, { threads: this.#threads, signal });
  }

  #leaveOut(pack: Pack, paths: readonly string[]): void {
    this.unreadable.push(...paths);
    const isLeftOut = new Set(paths);
    for (const rows of pack.rows()) {
      for (const { path, size } of readRows(rows)) {
        if (!isLeftOut.has(path)) continue;
        this.leftOut.files++;
        this.leftOut.size += size;
      }
    }
  }

  #remember(fingerprint: string, layer: FolderLayer): FolderLayer {
    if (this.#options.remembers) this.#options.memory.add(fingerprint, layer);
    return layer;
  }

  #report(
    state: "present" | "sent",
    layer: SizedBlob,
    { pack: { number }, progress }: Storing,
  ): void {
    progress.finish(); // progress counts before the blob does
    const { digest, size } = this.#options.ageFileOf?.(layer) ?? layer;
    this.#options.onEvent?.({ type: "blob", index: number, state, digest, size });
  }
}
