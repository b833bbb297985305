/** Carries out what a person wishes for: asks the registry, reads layers, saves files. @module */
import { describeImage, type ImageReport } from "../../images/describe_image.ts";
import { FileTree, type LayerEntry, type MergedEntry } from "../../images/file_tree.ts";
import { findImage, type Image } from "../../images/image.ts";
import { ImageFiles, type OpenLayerEntry } from "../../images/image_files.ts";
import { listImages, requireManifest } from "../../images/platforms.ts";
import { readSources } from "../../images/read_sources.ts";
import { InvalidInputError, NotFoundError } from "../../errors.ts";
import type { OnEvent } from "../../events.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { isIndex, isRunnable } from "../../oci/image_index.ts";
import { parseImage } from "../../oci/image_reference.ts";
import { knownReferences } from "../../store/known_references.ts";
import { type OpenedImage, openImage, type OpenImageOptions } from "../../open/open_image.ts";
import { renderReport } from "../commands/inspect.ts";
import { renderShortReport } from "../read_report.ts";
import { formatSize } from "../sizes.ts";
import type { Happening } from "./browser.ts";
import { beginningOf, isText, linesOf, mostShown } from "./file_text.ts";
import { directoryPage, imagePage, imagesPage, platformsPage, stepsPage } from "./pages.ts";
import { saveFile } from "./save_file.ts";
import { type Place, type Screen, textScreen, type Wish } from "./screens.ts";

/** What carrying out a wish takes. */
export interface WishOptions {
  onEvent: OnEvent;
  /** Ends the work. */
  signal: AbortSignal;
}

/** No list of tags is longer: nobody could look through it. */
const MOST_TAGS = 100_000;

interface KnownImage {
  name: string;
  image: Image;
  report: ImageReport;
}

/** The image that is looked into, and what is known of it so far. */
export class Wishes implements Disposable {
  readonly #connection: OpenImageOptions;
  readonly #platform: string | undefined;
  #opened: OpenedImage | undefined;
  readonly #images = new Map<Digest, KnownImage>();
  /** The tree that was read last: of a large image it takes some memory. */
  #tree: { key: string; tree: FileTree } | undefined;

  /** @param options how registries are spoken to, and the platform where one was named */
  constructor({ platform, ...connection }: OpenImageOptions & { platform?: string | undefined }) {
    this.#connection = connection;
    this.#platform = platform;
  }

  /**
   * Carries out a wish.
   *
   * @throws {LayerstashError} when it cannot be done
   */
  async carryOut(wish: Wish, options: WishOptions): Promise<Happening> {
    switch (wish.type) {
      case "open":
        return opened(await this.#open(wish.image, options));
      case "tags":
        return opened(await this.#tags(options));
      case "image":
        return opened(await this.#image(wish.reference, options));
      case "platforms":
        return opened(await this.#platforms(wish.reference, options));
      case "facts": {
        const { name, report } = this.#known(wish.image);
        return opened(textScreen(`${name}: facts`, renderReport(name, report).trimEnd().split("\n")));
      }
      case "steps": {
        const { name, report } = this.#known(wish.image);
        return opened(stepsPage(name, report));
      }
      case "directory":
        return await this.#directory(wish.place, options);
      case "view":
        return await this.#view(wish.place, options);
      case "save":
        return await this.#save(wish.place, wish.to, options);
    }
  }

  /** Lets go of connections. */
  [Symbol.dispose](): void {
    this.#opened?.[Symbol.dispose]();
  }

  get #store() {
    return this.#opened!.store;
  }

  async #open(text: string, options: WishOptions): Promise<Screen> {
    const reference = parseImage(text);
    this.#opened?.[Symbol.dispose]();
    this.#opened = openImage(reference, { ...this.#connection, onEvent: options.onEvent });
    this.#images.clear();
    this.#tree = undefined;
    const isNamed = reference.reference !== undefined && /(:[^/]+|@[^/]+)$/.test(text);
    return isNamed ? await this.#image(reference.reference!, options) : await this.#tags(options);
  }

  async #tags(options: WishOptions): Promise<Screen> {
    const there = await knownReferences(this.#store, { signal: options.signal, most: MOST_TAGS });
    if (there.length === 0) throw new NotFoundError(`${this.#store.name} has no image`);
    const isOnlyImage = there.length === 1 && isDigest(there[0]);
    return isOnlyImage ? await this.#image(there[0]!, options) : imagesPage(this.#store.name, there);
  }

  /** One of several is asked for, unless a platform was named. */
  async #image(reference: string, options: WishOptions): Promise<Screen> {
    const manifest = await requireManifest(this.#store, reference, options);
    if (this.#platform === undefined && isIndex(manifest)) {
      const images = await listImages(this.#store, manifest, options);
      if (images.filter(isRunnable).length > 1) return platformsPage(this.#nameOf(reference), images);
    }
    const image = await findImage(this.#store, reference, { platform: this.#platform, ...options });
    const report = await describeImage(this.#store, image, options);
    const known = { name: this.#nameOf(reference), image, report };
    this.#images.set(image.manifest.digest, known);
    return imagePage(known.name, report);
  }

  async #platforms(reference: string, options: WishOptions): Promise<Screen> {
    const manifest = await requireManifest(this.#store, reference, options);
    return platformsPage(this.#nameOf(reference), await listImages(this.#store, manifest, options));
  }

  #nameOf(reference: string): string {
    const [algorithm, hex] = reference.split(":");
    return `${this.#store.name}${hex ? `@${algorithm}:${hex.slice(0, 12)}` : `:${reference}`}`;
  }

  #known(image: Digest): KnownImage {
    return this.#images.get(image)!;
  }

  async #directory(place: Place, options: WishOptions): Promise<Happening> {
    const { tree, note } = await this.#treeOf(place, options);
    const found = place.path === "" ? "" : tree.find(place.path)?.path ?? place.path;
    const page = directoryPage(this.#known(place.image).name, { ...place, path: found }, tree.list(found));
    return opened(page, note);
  }

  async #view(place: Place, options: WishOptions): Promise<Happening> {
    const { tree } = await this.#treeOf(place, options);
    const entry = tree.find(place.path);
    const file = entry && tree.follow(entry);
    if (!file) throw new NotFoundError(`${place.path} leads to nothing that is here`);
    if (file.type === "directory") return await this.#directory({ ...place, path: file.path }, options);
    const target = { ...place, path: file.path };
    let bytes = new Uint8Array();
    const report = await this.#read(target, file, options, async (open) => {
      bytes = await beginningOf(open);
    });
    const { name } = this.#known(place.image);
    const most = mostShown(bytes);
    const what = [
      ...(isText(bytes) ? [] : ["in hexadecimal"]),
      ...(file.size > most ? [`the first ${formatSize(most)}`] : []),
    ];
    const note = [...(what.length > 0 ? [what.join(", ")] : []), report].join("; ");
    return opened(textScreen(`${name}  /${file.path}`, linesOf(bytes), target), note);
  }

  async #save(place: Place, to: string, options: WishOptions): Promise<Happening> {
    const { tree } = await this.#treeOf(place, options);
    const file = tree.find(place.path);
    if (!file) throw new NotFoundError(`there is no ${place.path}`);
    const report = await this.#read(place, file, options, (open) => saveFile(open, to));
    return { type: "saved", note: `saved ${to}, ${formatSize(file.size)}; ${report}` };
  }

  /** Opens a file, and says what reading it has cost. */
  async #read(
    { image, path }: Place,
    { source }: MergedEntry,
    options: WishOptions,
    visit: (entry: OpenLayerEntry) => Promise<void>,
  ): Promise<string> {
    if (source?.type !== "file") throw new InvalidInputError(`${path} is no file`);
    const files = this.#files({ image, layer: source.layer, path }, options);
    await readSources(files, [source], visit);
    return renderShortReport(files.report);
  }

  #files({ image, layer }: Place, options: WishOptions): ImageFiles {
    const { layers } = this.#known(image).image;
    const chosen = layer === undefined ? layers : layers.filter(({ number }) => number === layer);
    return new ImageFiles(this.#store, chosen, options);
  }

  async #treeOf(place: Place, options: WishOptions): Promise<{ tree: FileTree; note: string }> {
    const key = `${place.image} ${place.layer ?? "merged"}`;
    if (this.#tree?.key === key) return { tree: this.#tree.tree, note: "" };
    this.#tree = undefined;
    const files = this.#files(place, options);
    const tree = new FileTree({ keepWhiteouts: place.layer !== undefined });
    for (const layer of files.layers) {
      for await (const open of files.entries(layer, { want: "names" })) tree.add(closed(open));
    }
    this.#tree = { key, tree };
    return { tree, note: renderShortReport(files.report) };
  }
}

function closed({ extents: _, ...entry }: OpenLayerEntry): LayerEntry {
  return entry;
}

function opened(screen: Screen, note = ""): Happening {
  return { type: "opened", screen, note };
}
