/** Makes screens of the directories of an image or of one of its layers. @module */
import type { FileTree, MergedEntry } from "../../images/file_tree.ts";
import type { LayerChange, LayerChanges } from "../../images/layer_changes.ts";
import { baseName, parentOf } from "../../layers/entry.ts";
import { formatMode } from "../text/file_listing.ts";
import { formatSize } from "../text/sizes.ts";
import { type FileLocation, type ListRow, type ListScreen, listScreen, type TreePages } from "./screens.ts";
import type { Tone } from "./tones.ts";

/** The screens of all directories of one tree, made when they are shown. */
export class DirectoryPages implements TreePages {
  /** The files that the screens show. */
  readonly files: FileTree;
  readonly #name: string;
  readonly #location: Omit<FileLocation, "path">;
  readonly #changes: LayerChanges["changes"] | undefined;
  #paths: string[] | undefined;

  /**
   * Makes no screen yet.
   *
   * @param name the name of the image
   * @param location the image, and the layer if the tree is that of one layer
   */
  constructor(
    { tree, changes }: { tree: FileTree; changes?: LayerChanges["changes"] },
    name: string,
    location: Omit<FileLocation, "path">,
  ) {
    this.files = tree;
    this.#changes = changes;
    this.#name = name;
    this.#location = location;
  }

  /** The paths of everything in the tree, each directory before its content. */
  paths(): readonly string[] {
    return this.#paths ??= [...this.files.paths()];
  }

  /** The entries of a directory. Links in its path are followed. */
  page(directory: string): ListScreen {
    const path = directory === "" ? "" : this.files.find(directory)?.path ?? directory;
    const { layer = 0, compared } = this.#location;
    const title = `${this.#name}  /${path}${layer === 0 ? "" : `  (layer ${layer})`}`;
    const rows = this.files.list(path).map((entry) => this.#row(entry));
    return {
      ...listScreen(title, rows),
      tree: { directory: path, pages: this },
      ...(layer > 1 && !compared && { compare: { type: "compare", location: { ...this.#location, path } } }),
    };
  }

  /** The directories on the way to an entry, from the root. In each, the next one or the entry is chosen. */
  pagesTo(path: string): ListScreen[] {
    const pages: ListScreen[] = [];
    for (let chosen = path; chosen !== ""; chosen = parentOf(chosen)) {
      const page = this.page(parentOf(chosen));
      pages.unshift({ ...page, selected: page.rows.findIndex((row) => row.path === chosen) });
    }
    return pages;
  }

  #row(entry: MergedEntry): ListRow {
    const { path, type, target, size, layer } = entry;
    const location = { ...this.#location, path };
    const mark = type === "directory" ? "/" : type === "symlink" ? ` -> ${target ?? ""}` : "";
    const isFile = entry.source?.type === "file";
    const change = this.#changes?.get(path);
    const changeMark = this.#changes ? `${change ? MARKS[change] : " "} ` : "";
    const isBelow = change === "hidden";
    const facts = [
      ...(isFile ? [formatSize(size)] : []),
      ...(location.layer === undefined || isBelow ? [`[${layer}]`] : []),
      formatMode(entry),
    ];
    return {
      name: changeMark + baseName(path) + mark,
      detail: facts.join("  "),
      path,
      tone: change ?? TONES[type],
      ...(type === "directory" && { open: { type: "directory", location } }),
      ...((isFile || type === "symlink") && { open: { type: "view", location } }),
      ...(isFile && { file: location }),
    };
  }
}

const MARKS: Readonly<Record<LayerChange, string>> = { added: "+", changed: "~", hidden: "-" };
const TONES: Partial<Record<MergedEntry["type"], Tone>> = { directory: "directory", symlink: "link" };
