/** Reports how much of a pack is done. @module */
import type { OnEvent } from "../events.ts";
import type { Pack } from "./pack.ts";

/** The files of a pack that are in its layer by now, as events. */
export class PackProgress {
  #files = 0;
  #bytes = 0;
  readonly #pack: Pack;
  readonly #onEvent: OnEvent | undefined;

  constructor(pack: Pack, onEvent: OnEvent | undefined) {
    this.#pack = pack;
    this.#onEvent = onEvent;
  }

  /** Reports so many more. */
  add(files: number, bytes: number): void {
    if (files === 0 && bytes === 0) return;
    this.#files += files;
    this.#bytes += bytes;
    this.#onEvent?.({ type: "files", count: files, bytes });
  }

  /** Takes back what was reported: the layer is made again, or was made in vain. */
  takeBack(): void {
    this.add(-this.#files, -this.#bytes);
  }

  /** Reports the rest. */
  finish(): void {
    this.add(this.#pack.files - this.#files, this.#pack.size - this.#bytes);
  }
}
