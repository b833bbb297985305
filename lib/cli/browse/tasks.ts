/** Carries out what a key press asks for: reads an image, and makes the next screen of what was found. @module */
import type { Bytes } from "../../content/bytes.ts";
import { NotFoundError } from "../../errors.ts";
import { isDigest } from "../../oci/digest.ts";
import { renderImageReport } from "../commands/inspect.ts";
import { stashInstead } from "../stash_instead.ts";
import { formatSize } from "../text/sizes.ts";
import type { BrowserEvent } from "./browser.ts";
import { beginningOf, isText, linesOf, mostShown } from "./file_text.ts";
import { type ExplorerOptions, ImageExplorer, type ImageExplorerOptions } from "./image_explorer.ts";
import { imagePage, imagesPage, platformsPage, stepsPage } from "./pages.ts";
import { saveFile } from "./save_file.ts";
import { type FileLocation, type Screen, type Task, textScreen } from "./screens.ts";

/** Carries out tasks, one at a time. */
export class TaskRunner implements Disposable {
  readonly #explorer: ImageExplorer;

  /** @param options how to speak to registries, and what of images the user has named */
  constructor(options: ImageExplorerOptions) {
    this.#explorer = new ImageExplorer(options);
  }

  /**
   * Carries out a task.
   *
   * @throws {LayerstashError} if it cannot be done
   */
  async run(task: Task, options: ExplorerOptions): Promise<BrowserEvent> {
    switch (task.type) {
      case "open":
        return opened(await this.#open(task.image, options));
      case "tags":
        return opened(await this.#references(options));
      case "image":
        return opened(await this.#image(task.reference, options));
      case "platforms": {
        const { name, images } = await this.#explorer.platforms(task.reference, options);
        return opened(platformsPage(name, images));
      }
      case "facts": {
        const { name, report } = this.#explorer.known(task.image);
        return opened(textScreen(`${name}: facts`, renderImageReport(name, report).trimEnd().split("\n")));
      }
      case "steps": {
        const { name, report } = this.#explorer.known(task.image);
        return opened(stepsPage(name, report));
      }
      case "directory":
        return await this.#directory(task.location, options);
      case "compare":
        return await this.#compare(task.location, options);
      case "view":
        return await this.#view(task.location, options);
      case "save":
        return await this.#save(task.location, task.to, options);
    }
  }

  /** Closes connections. */
  [Symbol.dispose](): void {
    this.#explorer[Symbol.dispose]();
  }

  async #open(text: string, options: ExplorerOptions): Promise<Screen> {
    const reference = this.#explorer.open(text, options);
    if (reference === undefined) return await this.#references(options);
    return await this.#image(reference, options).catch(async (failure) => {
      throw await stashInstead(failure, { ...options, store: this.#explorer.store, reference });
    });
  }

  async #references(options: ExplorerOptions): Promise<Screen> {
    const { store } = this.#explorer;
    const found = await this.#explorer.content(options);
    const [first, ...more] = [...found.stashes.map(({ baseTag }) => baseTag), ...found.images];
    if (first === undefined) throw new NotFoundError(`${store.name} has no image`);
    const isOnlyImage = more.length === 0 && isDigest(first);
    return isOnlyImage ? await this.#image(first, options) : imagesPage(store, found);
  }

  async #image(reference: string, options: ExplorerOptions): Promise<Screen> {
    const found = await this.#explorer.find(reference, options);
    return "images" in found ? platformsPage(found.name, found.images) : imagePage(found.name, found.report);
  }

  async #directory(location: FileLocation, options: ExplorerOptions): Promise<BrowserEvent> {
    const { pages, note } = await this.#explorer.pages(location, options);
    return opened(pages.page(location.path), note);
  }

  async #compare(location: FileLocation, options: ExplorerOptions): Promise<BrowserEvent> {
    const { pages, note } = await this.#explorer.pages({ ...location, compared: true }, options);
    return { type: "compared", screen: pages.page(location.path), note };
  }

  async #view(location: FileLocation, options: ExplorerOptions): Promise<BrowserEvent> {
    const { files } = (await this.#explorer.pages(location, options)).pages;
    const entry = files.find(location.path);
    const file = entry && files.follow(entry);
    if (!file) throw new NotFoundError(`the link ${location.path} leads to a file that is missing here`);
    if (file.type === "directory") return await this.#directory({ ...location, path: file.path }, options);
    const target = { ...location, path: file.path };
    let bytes = new Uint8Array();
    const cost = await this.#explorer.read(target, file, options, async (open) => {
      bytes = await beginningOf(open);
    });
    const { name } = this.#explorer.known(location.image);
    const note = [...viewNotes(bytes, file.size), cost].join("; ");
    return opened(textScreen(`${name}  /${file.path}`, linesOf(bytes), target), note);
  }

  async #save(location: FileLocation, to: string, options: ExplorerOptions): Promise<BrowserEvent> {
    const { pages } = await this.#explorer.pages(location, options);
    const file = pages.files.find(location.path);
    if (!file) throw new NotFoundError(`there is no ${location.path}`);
    const cost = await this.#explorer.read(location, file, options, (open) => saveFile(open, to));
    return { type: "saved", note: `saved ${to}, ${formatSize(file.size)}; ${cost}` };
  }
}

/** What a reader of the screen must know: that it is not the text itself, or not all of it. */
function viewNotes(bytes: Bytes, size: number): string[] {
  const most = mostShown(bytes);
  const notes = [
    ...(isText(bytes) ? [] : ["in hexadecimal"]),
    ...(size > most ? [`the first ${formatSize(most)}`] : []),
  ];
  return notes.length > 0 ? [notes.join(", ")] : [];
}

function opened(screen: Screen, note = ""): BrowserEvent {
  return { type: "opened", screen, note };
}
