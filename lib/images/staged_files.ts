/** Remembers where the contents of files wait, in little memory: an image has many. @module */
import type { LayerEntry } from "./layer_entry.ts";
import { NumberList } from "./number_list.ts";
import { TextList } from "./text_list.ts";

/** What tells a content from others of the image. */
type Source = Pick<LayerEntry, "layer" | "position">;

/** Contents of one layer that came in the order of their positions. */
interface Run {
  layer: number;
  /** The index of the first. */
  first: number;
  positions: NumberList;
}

/** Contents in the order in which they came, each with a path. */
export class StagedFiles {
  readonly #runs: Run[] = [];
  readonly #paths = new TextList();
  /** Paths that have changed. */
  readonly #moved = new Map<number, string>();

  /** How many there are. */
  get length(): number {
    return this.#paths.length;
  }

  /** Adds a content. */
  add({ layer, position }: Source, path: string): void {
    let run = this.#runs.at(-1);
    if (run?.layer !== layer || position <= run.positions.at(run.positions.length - 1)) {
      this.#runs.push(run = { layer, first: this.length, positions: new NumberList() });
    }
    run.positions.push(position);
    this.#paths.push(path);
  }

  /** The index of a content; `undefined` if there is none. */
  indexOf({ layer, position }: Source): number | undefined {
    for (const run of this.#runs) {
      const at = run.layer === layer ? run.positions.indexOf(position) : undefined;
      if (at !== undefined) return run.first + at;
    }
    return undefined;
  }

  /** The path of a content. */
  pathOf(index: number): string {
    return this.#moved.get(index) ?? this.#paths.at(index);
  }

  /** Gives a content another path. */
  move(index: number, path: string): void {
    this.#moved.set(index, path);
  }
}
