/** Fetches files of a folder into a tree of their own. @module */
import { inParallel, type Jobs } from "../async/pool.ts";
import { MismatchError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Layer } from "../images/image.ts";
import type { Entry } from "../layers/entry.ts";
import type { Disk } from "./disk.ts";
import type { FolderLayers, PackTable } from "./folder_layers.ts";
import type { PackedEntry } from "./pack_table.ts";
import { type Segment, type SegmentFile, segmentsOf } from "./segments.ts";
import { TreeWriter } from "./tree_writer.ts";
import { UnpackThreads } from "./unpack_threads.ts";

/** Where files are fetched to, and which. */
export interface FetchFolderFilesOptions {
  /** The directory below which they are written. Nobody else has it. */
  tree: string;
  /** Whether an interrupted run has left something there. */
  isResumed: boolean;
  disk: Disk;
  /** An entry as it is wanted; `undefined` if it is not. */
  pick<E extends Entry>(entry: E): E | undefined;
  /** Whether anything of a layer is wanted. */
  needs(layer: Layer): boolean;
  sameOwner?: boolean | undefined;
  jobs: number | Jobs;
  signal?: AbortSignal | undefined;
  onEvent?: OnEvent | undefined;
}

/** What was fetched, and what remains to be made when all files are there: links lead to them, and nothing through links. */
export interface FetchedFiles {
  /** How many files there are now. */
  files: number;
  links: Entry[];
  directories: Entry[];
  /** How many extended attributes could not be set. */
  lostAttributes: number;
}

/** A part of the work: a segment of a pack, or a layer without a table. */
interface Task {
  layer: Layer;
  part?: { table: PackTable; segment: Segment };
}

/** Fetches what is wanted, and is not there from an interrupted run. */
export async function fetchFolderFiles(
  layers: FolderLayers,
  options: FetchFolderFilesOptions,
): Promise<FetchedFiles> {
  return await new FileFetch(layers, options).run();
}

class FileFetch {
  readonly #layers: FolderLayers;
  readonly #options: FetchFolderFilesOptions;
  readonly #writer: TreeWriter;
  readonly #fetched: FetchedFiles = { files: 0, links: [], directories: [], lostAttributes: 0 };
  /** Files that are in several segments. */
  readonly #split: SegmentFile[] = [];
  /** How many tasks of a layer are not done. */
  readonly #open = new Map<Layer, number>();

  constructor(layers: FolderLayers, options: FetchFolderFilesOptions) {
    [this.#layers, this.#options] = [layers, options];
    this.#writer = new TreeWriter(options.tree, { ...options, isStaged: true });
  }

  async run(): Promise<FetchedFiles> {
    const { tree, isResumed, sameOwner = false, jobs, signal } = this.#options;
    using threads = new UnpackThreads({ root: tree, isResumed, sameOwner });
    await inParallel(this.#tasks(), { jobs, signal }, async ({ layer, part }) => {
      if (!part) await this.#unpackArchive(layer);
      else await this.#unpack(part, threads);
      this.#settle(layer);
    });
    for (const file of this.#split) this.#writer.complete(file);
    this.#fetched.lostAttributes = threads.lostAttributes + this.#writer.lostAttributes;
    return this.#fetched;
  }

  async *#tasks(): AsyncGenerator<Task> {
    const { onEvent, needs } = this.#options;
    for (const layer of this.#layers.all) {
      if (!needs(layer)) {
        const { number, digest, size } = layer;
        onEvent?.({ type: "blob", index: number, state: "present", digest, size });
        continue;
      }
      this.#open.set(layer, 1);
      const table = await this.#layers.table(layer);
      if (!table) {
        yield { layer };
        continue;
      }
      for await (const segment of segmentsOf(this.#wantedFiles(table))) {
        this.#open.set(layer, this.#open.get(layer)! + 1);
        yield { layer, part: { table, segment } };
      }
      this.#settle(layer);
    }
  }

  /** Counts a task of a layer as done; when none is left, the layer is fetched. */
  #settle(layer: Layer): void {
    const open = this.#open.get(layer)! - 1;
    this.#open.set(layer, open);
    const { number, digest, size } = layer;
    if (open > 0) return;
    this.#options.onEvent?.({ type: "blob", index: number, state: "fetched", digest, size });
  }

  async *#wantedFiles(table: PackTable): AsyncGenerator<PackedEntry[]> {
    for await (const entries of table.batches()) {
      yield entries.flatMap((entry) => {
        const wanted = this.#options.pick(entry);
        return wanted && !this.#putAside(wanted) ? [wanted] : [];
      });
    }
  }

  /** Keeps links and directories for later; returns whether it is one. */
  #putAside(found: Entry & { pieces?: unknown; extents?: unknown }): boolean {
    const { type, path } = found;
    if (type === "file") return false;
    const { pieces: _, extents: __, ...entry } = found;
    if (type === "directory") this.#fetched.directories.push(entry);
    else if (type === "symlink" || type === "hardlink") this.#fetched.links.push(entry);
    else throw new MismatchError(`the folder has a ${type} at ${path}, which no folder has`);
    return true;
  }

  async #unpack({ table, segment }: Required<Task>["part"], threads: UnpackThreads): Promise<void> {
    const { isResumed, onEvent } = this.#options;
    const { start, end, files } = segment;
    const isThere = isResumed && await threads.isThere(segment);
    if (isThere) onEvent?.({ type: "resume", phase: "fetch", bytes: end - start });
    else {
      const buffer = threads.buffer(segment);
      await table.fetch(segment, buffer);
      await threads.write(segment, buffer);
      this.#layers.written += end - start;
    }
    this.#count(files);
  }

  #count(files: Segment["files"]): void {
    let count = 0;
    for (const file of files) {
      const isFirst = file.pieces[0]?.offset === 0;
      if (!file.isWhole && isFirst) this.#split.push(file);
      if (file.isWhole || isFirst) count++;
    }
    this.#add(count);
  }

  #add(count: number): void {
    this.#fetched.files += count;
    this.#options.onEvent?.({ type: "files", count });
  }

  async #unpackArchive(layer: Layer): Promise<void> {
    for await (const entry of this.#layers.archive(layer, "bytes")) {
      const wanted = this.#options.pick(entry);
      if (!wanted || this.#putAside(wanted)) continue;
      await this.#writer.stream(wanted, entry.extents());
      this.#add(1);
    }
  }
}
