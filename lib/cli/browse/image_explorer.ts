/** Looks into one image at a time: its repository, its files and its layers; remembers what was read. @module */
import type { Identities } from "../../encryption/identities.ts";
import { InvalidInputError } from "../../errors.ts";
import type { OnEvent } from "../../events.ts";
import { decryptedImages, describeImage, findImage, openImage, parseImage } from "../../exports/images.ts";
import type { ImageReport } from "../../images/describe_image.ts";
import { FileTree, type MergedEntry } from "../../images/file_tree.ts";
import type { Image } from "../../images/image.ts";
import { ImageFiles, type OpenLayerEntry } from "../../images/image_files.ts";
import { listImages, requireManifest } from "../../images/index_tree.ts";
import { compareTopLayer, type LayerChange, type LayerChanges } from "../../images/layer_changes.ts";
import { readSources } from "../../images/read_sources.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { type IndexedManifest, isIndex, isRunnable } from "../../oci/image_index.ts";
import type { OpenedImage } from "../../open/open_image.ts";
import type { StoreOptions } from "../../open/open_store.ts";
import { chunksAmong, type ListedStash, listStashes } from "../../stash/list_stashes.ts";
import { parseChunkTag } from "../../stash/chunk_tags.ts";
import { knownReferences } from "../../store/known_references.ts";
import type { StoreReader } from "../../store/store.ts";
import { shortDigest } from "../text/columns.ts";
import { renderShortReport } from "../text/read_report.ts";
import { DirectoryPages } from "./directory_pages.ts";
import type { FileLocation } from "./screens.ts";

/** The options of every question to a registry. */
export interface ExplorerOptions {
  onEvent: OnEvent;
  /** Ends the work. */
  signal: AbortSignal;
}

/** How an explorer speaks to registries, and what it reads. */
export interface ImageExplorerOptions extends StoreOptions {
  /** The platform that was named. */
  platform?: string | undefined;
  /** The keys that open encrypted images. */
  identities?: Identities | undefined;
}

/** An image that was looked up. */
export interface KnownImage {
  name: string;
  image: Image;
  report: ImageReport;
}

/** The images of an index, from which the user chooses one. */
export interface PlatformChoice {
  name: string;
  images: IndexedManifest[];
}

/** What a repository holds. */
export interface RepositoryContent {
  /** Its stored files. */
  stashes: readonly ListedStash[];
  /** The tags that hold no chunks of these; the digests of its images if it has no tag. */
  images: readonly string[];
}

/** No more tags than this are listed: nobody could look through them. */
const MOST_TAGS = 100_000;
/** How many tags that end as those of chunks do are looked at. A repository with more of them rather holds images. */
const MOST_LOOKS = 50;

/** The repository that was opened, and what is known of its images so far. */
export class ImageExplorer implements Disposable {
  readonly #connection: StoreOptions;
  readonly #platform: string | undefined;
  readonly #identities: Identities | undefined;
  #opened: OpenedImage | undefined;
  readonly #images = new Map<Digest, KnownImage>();
  /** The tree that was read last. Only one is kept: that of a large image takes much memory. */
  #tree: { key: string; pages: DirectoryPages } | undefined;

  /** @param options how to speak to registries, and what of images the user has named */
  constructor({ platform, identities, ...connection }: ImageExplorerOptions) {
    this.#connection = connection;
    this.#platform = platform;
    this.#identities = identities;
  }

  /** Closes connections. */
  [Symbol.dispose](): void {
    this.#opened?.[Symbol.dispose]();
  }

  /** The repository. */
  get store(): StoreReader {
    return this.#opened!.store;
  }

  /**
   * Opens a repository in place of the one before.
   *
   * @returns the tag, digest or name, if the text has one; `latest` is not assumed
   */
  open(text: string, { onEvent }: ExplorerOptions): string | undefined {
    const image = parseImage(text);
    this.#opened?.[Symbol.dispose]();
    const opened = openImage(image, { ...this.#connection, onEvent });
    const identities = this.#identities;
    this.#opened = { ...opened, store: decryptedImages(opened.store, { identities, quiet: true }) };
    this.#images.clear();
    this.#tree = undefined;
    return image.registry.kind !== "remote" || /(:[^/]+|@[^/]+)$/.test(text) ? image.reference : undefined;
  }

  /**
   * What the repository holds. Where the registry limits how many manifests are read, or there are many names, each chunk is
   * listed as an image.
   */
  async content(options: ExplorerOptions): Promise<RepositoryContent> {
    const references = await knownReferences(this.store, { most: MOST_TAGS, ...options });
    const tags = references.filter((each) => parseChunkTag(each) !== undefined);
    const names = new Set(tags.map((each) => parseChunkTag(each)!.baseTag));
    const isDear = this.store.manifestReadsCount || names.size > MOST_LOOKS;
    const stashes = isDear ? [] : await listStashes(this.store, { tags, ...options });
    const isChunk = chunksAmong(stashes);
    return { stashes, images: references.filter((each) => !isChunk(each)) };
  }

  /** Looks up an image, or the images of an index if several could be meant. */
  async find(reference: string, options: ExplorerOptions): Promise<KnownImage | PlatformChoice> {
    const manifest = await requireManifest(this.store, reference, options);
    if (this.#platform === undefined && isIndex(manifest)) {
      const images = await listImages(this.store, manifest, options);
      if (images.filter(isRunnable).length > 1) return { name: this.#nameOf(reference), images };
    }
    const image = await findImage(this.store, reference, { platform: this.#platform, ...options });
    const report = await describeImage(this.store, image, options);
    const known = { name: this.#nameOf(reference), image, report };
    this.#images.set(report.digest, known);
    return known;
  }

  /** The images of an index. */
  async platforms(reference: string, options: ExplorerOptions): Promise<PlatformChoice> {
    const manifest = await requireManifest(this.store, reference, options);
    return { name: this.#nameOf(reference), images: await listImages(this.store, manifest, options) };
  }

  /** An image that `find` has looked up. */
  known(image: Digest): KnownImage {
    return this.#images.get(image)!;
  }

  /** The screens of an image or a layer, with a note on what reading its files has cost, if they were read now. */
  async pages(
    location: FileLocation,
    options: ExplorerOptions,
  ): Promise<{ pages: DirectoryPages; note: string }> {
    const { image, layer, compared } = location;
    const key = `${image} ${layer ?? "merged"} ${compared}`;
    if (this.#tree?.key === key) return { pages: this.#tree.pages, note: "" };
    this.#tree = undefined;
    const files = this.#files(location, options);
    const found = compared ? await compareTopLayer(files) : { tree: await treeOf(files, layer) };
    const pages = new DirectoryPages(found, this.known(image).name, { image, layer, compared });
    this.#tree = { key, pages };
    const counts = "changes" in found ? `${countChanges(found)}; ` : "";
    return { pages, note: counts + renderShortReport(files.report) };
  }

  /** Opens a file for `visit`, and returns a note on what reading it has cost. */
  async read(
    { image, path }: FileLocation,
    { source }: MergedEntry,
    options: ExplorerOptions,
    visit: (entry: OpenLayerEntry) => Promise<void>,
  ): Promise<string> {
    if (source?.type !== "file") throw new InvalidInputError(`${path} is not a file`);
    const files = this.#files({ image, layer: source.layer, path }, options);
    await readSources(files, [source], visit);
    return renderShortReport(files.report);
  }

  #nameOf(reference: string): string {
    const shown = isDigest(reference) ? `@${shortDigest(reference)}` : `:${reference}`;
    return `${this.store.name}${shown}`;
  }

  #files({ image, layer, compared }: FileLocation, options: ExplorerOptions): ImageFiles {
    const { layers } = this.known(image).image;
    const chosen = layers.filter(({ number }) => {
      return layer === undefined || number === layer || compared && number < layer;
    });
    return new ImageFiles(this.store, chosen, options);
  }
}

const NAMES = { want: "names" } as const;

/** The files of all layers together, or those of one layer with its whiteouts and all else that its archive has. */
async function treeOf(files: ImageFiles, layer: number | undefined): Promise<FileTree> {
  const tree = new FileTree({ keepWhiteouts: layer !== undefined });
  for (const each of files.layers) {
    const read = layer === undefined ? files.contents(each, NAMES) : files.entries(each, NAMES);
    for await (const { extents: _, ...entry } of read) tree.add(entry);
  }
  return tree;
}

/** `12 added, 1 changed, 3 hidden`. */
function countChanges({ changes }: LayerChanges): string {
  const counts: Record<LayerChange, number> = { added: 0, changed: 0, hidden: 0 };
  for (const change of changes.values()) counts[change]++;
  return Object.entries(counts).map(([change, count]) => `${count} ${change}`).join(", ");
}
