/** Makes screens of the directories of an image or of one of its layers. @module */
import type { FileTree, MergedEntry } from "../../images/file_tree.ts";
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
  #paths: string[] | undefined;

  /**
   * Makes no screen yet.
   *
   * @param name the name of the image
   * @param location the image, and the layer if the tree is that of one layer
   */
  constructor(files: FileTree, name: string, location: Omit<FileLocation, "path">) {
    this.files = files;
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
    const { layer } = this.#location;
    const title = `${this.#name}  /${path}${layer === undefined ? "" : `  (layer ${layer})`}`;
    const rows = this.files.list(path).map((entry) => this.#row(entry));
    return { ...listScreen(title, rows), tree: { directory: path, pages: this } };
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
    const facts = [
      ...(isFile ? [formatSize(size)] : []),
      ...(location.layer === undefined ? [`[${layer}]`] : []),
      formatMode(entry),
    ];
    return {
      name: baseName(path) + mark,
      detail: facts.join("  "),
      path,
      tone: TONES[type],
      ...(type === "directory" && { open: { type: "directory", location } }),
      ...((isFile || type === "symlink") && { open: { type: "view", location } }),
      ...(isFile && { file: location }),
    };
  }
}

const TONES: Partial<Record<MergedEntry["type"], Tone>> = { directory: "directory", symlink: "link" };
