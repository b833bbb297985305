/** The files of an image or a folder, as they are served. @module */
import type { Artifact } from "../../artifacts/artifact.ts";
import type { Bytes, ByteStream } from "../../content/bytes.ts";
import { type ByteRange, bytesSource } from "../../content/source.ts";
import { NotFoundError } from "../../errors.ts";
import { describeImage, type ImageReport } from "../../images/describe_image.ts";
import type { FileTree, MergedEntry } from "../../images/file_tree.ts";
import { findImage, type Image } from "../../images/image.ts";
import { ImageFiles, type OpenLayerEntry } from "../../images/image_files.ts";
import { compareTopLayer, type LayerChanges } from "../../images/layer_changes.ts";
import type { LayerEntry } from "../../images/layer_entry.ts";
import { sourceKey } from "../../images/read_sources.ts";
import { baseName } from "../../layers/entry.ts";
import type { CallOptions, StoreReader } from "../../store/store.ts";
import { Memory } from "./memory.ts";
import { dateOfEntry } from "./served_date.ts";
import type { ServedFile } from "./served_file.ts";

/** The largest file of a packed layer that is kept, in bytes: reading it again would unpack the layer up to it again. */
const MOST_KEPT = 2 * 1024 * 1024;
/** How many of them are kept, and how many places of files in layers with a table of contents. */
const FILES_KEPT = 12;

/** An image, or a folder, whose layers are read as far as somebody asks for them. */
export class ServedImage {
  readonly kind = "image";
  /** What its manifest says that it is, and the other images of its index. */
  readonly artifact: Artifact;
  /** Whether it is a directory that was stored, rather than an image that runs. */
  readonly isFolder: boolean;
  /** What it consists of. */
  readonly report: ImageReport;
  readonly #image: Image;
  readonly #store: StoreReader;
  readonly #options: CallOptions;
  #tree: Promise<FileTree> | undefined;
  readonly #changes: Memory<LayerChanges> = new Memory(1);
  readonly #contents: Memory<Content> = new Memory(FILES_KEPT);

  private constructor(
    store: StoreReader,
    { artifact, image, report }: { artifact: Artifact; image: Image; report: ImageReport },
    options: CallOptions,
  ) {
    this.artifact = artifact;
    this.isFolder = artifact.kind === "folder";
    this.#image = image;
    this.report = report;
    this.#store = store;
    this.#options = options;
  }

  /**
   * Finds an image. Nothing of its layers is read yet.
   *
   * @throws {NotFoundError} if it does not exist
   */
  static async find(store: StoreReader, artifact: Artifact, options: CallOptions): Promise<ServedImage> {
    const { reference, digest, platforms } = artifact;
    const image = await findImage(store, platforms ? digest : reference, options);
    const report = await describeImage(store, image, options);
    return new ServedImage(store, { artifact, image, report }, options);
  }

  /** The merged filesystem. */
  async tree(): Promise<FileTree> {
    this.#tree ??= this.#files().merged();
    this.#tree.catch(() => this.#tree = undefined);
    return await this.#tree;
  }

  /** What a layer adds, changes and hides. */
  async changes(layer: number): Promise<LayerChanges> {
    return await this.#changes.get(
      String(layer),
      async () => ({ value: await compareTopLayer(this.#files((each) => each <= layer)) }),
    );
  }

  /** A file of it; `undefined` if the entry is something else. Links have to be followed before. */
  file({ path, source, modified }: MergedEntry): ServedFile | undefined {
    if (source?.type !== "file") return undefined;
    const { digest } = this.#image.layers.find(({ number }) => number === source.layer)!;
    return {
      name: baseName(path),
      size: source.size,
      tag: `${digest}-${source.position}`,
      modified: dateOfEntry(modified),
      open: async (range) => {
        const content = await this.#contents.get(
          sourceKey(source),
          async () => ({ value: await this.#find(source) }),
        );
        return { stream: content.open(range), isVerified: content.isVerified };
      },
    };
  }

  #files(isWanted: (layer: number) => boolean = () => true): ImageFiles {
    return new ImageFiles(
      this.#store,
      this.#image.layers.filter(({ number }) => isWanted(number)),
      this.#options,
    );
  }

  /** Looks for a file in its layer. One whose place is known is not read; a small one of a packed layer is read at once. */
  async #find(source: LayerEntry): Promise<Content> {
    for await (const entry of this.#entriesOf(source)) {
      if (entry.lasting) {
        return {
          isVerified: entry.lasting.isProven,
          open: (range) => streamOf(entry, range),
        };
      }
      if (entry.size > MOST_KEPT) break;
      const bytes = await new Response(streamOf(entry, { start: 0, end: entry.size })).bytes();
      return { isVerified: false, open: ({ start, end }) => bytesSource(bytes).open(start, end) };
    }
    return { isVerified: false, open: (range) => ReadableStream.from(this.#unpacked(source, range)) };
  }

  async *#unpacked(source: LayerEntry, range: ByteRange): AsyncGenerator<Bytes> {
    for await (const entry of this.#entriesOf(source)) yield* pieces(entry, range);
  }

  /** The entry, open; nothing more is read when the loop is left. */
  async *#entriesOf(source: LayerEntry): AsyncGenerator<OpenLayerEntry> {
    const files = this.#files((layer) => layer === source.layer);
    for await (const entry of files.entries(files.layers[0]!, { want: "some" })) {
      if (sourceKey(entry) !== sourceKey(source)) continue;
      yield entry;
      return;
    }
    throw new NotFoundError(`${source.path} is no longer in its layer`);
  }
}

/** The content of a file. */
interface Content {
  open(range: ByteRange): ByteStream;
  isVerified: boolean;
}

function streamOf(entry: OpenLayerEntry, range: ByteRange): ByteStream {
  return ReadableStream.from(pieces(entry, range));
}

/** The most zeros that are given at once. */
const HOLE = new Uint8Array(64 * 1024);

/** The bytes of a range, with zeros for holes. Each piece is the reader's own. */
async function* pieces(entry: OpenLayerEntry, { start, end }: ByteRange): AsyncGenerator<Bytes> {
  let position = start;
  const zeros = function* (to: number) {
    while (position < to) {
      const piece = HOLE.slice(0, to - position);
      position += piece.length;
      yield piece;
    }
  };
  if (start === end) return;
  for await (const { offset, bytes } of entry.extents(start)) {
    if (offset + bytes.length <= position) continue;
    yield* zeros(Math.min(offset, end));
    const wanted = bytes.slice(Math.max(0, position - offset), end - offset);
    position += wanted.length;
    if (wanted.length > 0) yield wanted;
    if (position >= end) return;
  }
  yield* zeros(end);
}
