/** An image or a folder that is compared: its files, and the digests of their contents. @module */
import { isFolderImage } from "../images/folder_mark.ts";
import { FileTree } from "../images/file_tree.ts";
import { findImage, type Image, type Layer } from "../images/image.ts";
import { ImageFiles, type OpenLayerEntry, type ReadReport } from "../images/image_files.ts";
import type { LayerEntry } from "../images/layer_entry.ts";
import { PackedEntries } from "../images/packed_entries.ts";
import { writeFilled } from "../images/read_image_file.ts";
import { readSources } from "../images/read_sources.ts";
import { STARGZ_PATHS } from "../layers/stargz.ts";
import { DigestHash } from "../oci/digest.ts";
import type { CallOptions, StoreReader } from "../store/store.ts";
import { KnownContents } from "./contents.ts";

/** Where an image or a folder is. */
export interface ImageLocation {
  /** The repository, layout or archive that holds it. */
  store: StoreReader;
  /** A tag or a digest; absent = the only image in the store. */
  reference?: string | undefined;
  /** `os/architecture[/variant][:version]`; absent = the only image, or Linux on this machine's processor. */
  platform?: string | undefined;
}

/** How images are read. */
export interface ImageSideOptions extends CallOptions {
  /** Reads every layer to its last byte, and believes no table of contents. */
  whole?: boolean | undefined;
}

/** One image of a comparison. */
export class ImageSide {
  readonly image: Image;
  /** Whether it is a folder: its layers have different paths, and say nothing of owners. */
  readonly isFolder: boolean;
  readonly contents: KnownContents = new KnownContents();
  readonly #files: ImageFiles;
  readonly #whole: boolean;
  #wasRead = false;

  private constructor(image: Image, files: ImageFiles, options: { isFolder: boolean; whole: boolean }) {
    this.image = image;
    this.#files = files;
    this.isFolder = options.isFolder;
    this.#whole = options.whole;
  }

  /** Finds an image. None of its layers is fetched. */
  static async open(
    { store, reference, platform }: ImageLocation,
    { whole = false, ...options }: ImageSideOptions,
  ): Promise<ImageSide> {
    const image = await findImage(store, reference, { platform, ...options });
    const isFolder = await isFolderImage(store, image.manifest, options);
    return new ImageSide(image, new ImageFiles(store, image.layers, options), { isFolder, whole });
  }

  /** How much was fetched; `undefined` if no layer was read. */
  get report(): ReadReport | undefined {
    return this.#wasRead ? this.#files.report : undefined;
  }

  /** The entries of layers, whose contents are known then where a table of contents does not have to be asked for them. */
  async entriesOf(layers: readonly Layer[]): Promise<PackedEntries> {
    const entries = new PackedEntries();
    for (const layer of layers) {
      this.#wasRead = true;
      for await (const open of this.#files.contents(layer, { want: "names", whole: this.#whole })) {
        if (this.isFolder && STARGZ_PATHS.includes(open.path)) continue; // no folder has them, however it is packed
        if (open.type === "file" && open.size > 0) await this.#learn(open);
        const { extents: _, digests: __, ...entry } = open;
        entries.push(entry);
      }
    }
    return entries;
  }

  /** Reads the contents of files that no digest tells apart. */
  async readContents(sources: readonly LayerEntry[]): Promise<void> {
    await readSources(this.#files, sources, async (open) => {
      this.contents.set(open, { whole: await hashOf(open) });
    }, { whole: this.#whole });
  }

  async #learn(open: OpenLayerEntry): Promise<void> {
    this.contents.set(open, open.digests?.() ?? { whole: await hashOf(open) });
  }
}

async function hashOf(open: OpenLayerEntry): Promise<string> {
  const hash = new DigestHash();
  await writeFilled(open, (bytes) => void hash.update(bytes));
  return hash.digest();
}

/** Applies entries of layers in order. */
export function treeOfEntries(lists: readonly PackedEntries[]): FileTree {
  const tree = new FileTree();
  for (const entries of lists) entries.forEach((entry) => tree.add(entry));
  return tree;
}
