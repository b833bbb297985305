/** Entries of layers, packed: as objects, those of a large image would take some 300 MiB. @module */
import { EntryBudget } from "./entry_budget.ts";
import type { LayerEntry } from "./layer_entry.ts";
import { NumberList } from "./number_list.ts";
import { TextList } from "./text_list.ts";

/** What many entries have in common. */
type Kind = Pick<LayerEntry, "layer" | "type" | "mode" | "uid" | "gid" | "owner" | "group">;

/** What few entries have. */
type Rare = Pick<LayerEntry, "device" | "attributes" | "sparse">;

/** The numbers of an entry, in this order. */
const [KIND, SIZE, MODIFIED, POSITION, WIDTH] = [0, 1, 2, 3, 4];

/** After how many entries memory is freed. */
const DRAINED = 10_000;

/** Entries in the order in which they were added. */
export class PackedEntries {
  /** Path, name and target of each, with zero bytes between them, which no name has. */
  readonly #texts = new TextList();
  readonly #numbers = new NumberList();
  readonly #kinds: Kind[] = [];
  readonly #kindIndex = new Map<string, number>();
  readonly #rare = new Map<number, Rare>();
  readonly #budget: EntryBudget;

  /** @param budget limits what entries take, of several lists together */
  constructor(budget: EntryBudget = new EntryBudget()) {
    this.#budget = budget;
  }

  /** How many there are. */
  get length(): number {
    return this.#texts.length;
  }

  /**
   * Adds an entry, and gives its index.
   *
   * @throws {MismatchError} if there are too many, or they hold too much
   */
  push(entry: LayerEntry): number {
    this.#budget.take(entry);
    const { path, name, target = "" } = entry;
    const index = this.length;
    this.#texts.push(`${path}\0${name === path ? "" : name}\0${target}`);
    this.#numbers.push(this.#kindOf(entry));
    this.#numbers.push(entry.size);
    this.#numbers.push(entry.modified);
    this.#numbers.push(entry.position);
    const { device, attributes, sparse } = entry;
    if (device || attributes || sparse) {
      this.#rare.set(index, {
        ...(device && { device }),
        ...(attributes && { attributes }),
        ...(sparse && { sparse }),
      });
    }
    return index;
  }

  /** The entry at an index. */
  at(index: number): LayerEntry {
    const [path = "", name = "", target = ""] = this.#texts.at(index).split("\0");
    const number = (field: number) => this.#numbers.at(index * WIDTH + field);
    const entry: LayerEntry = {
      path,
      name: name || path,
      ...this.#kinds[number(KIND)]!,
      size: number(SIZE),
      modified: number(MODIFIED),
      position: number(POSITION),
    };
    if (entry.type === "symlink" || entry.type === "hardlink") entry.target = target;
    return this.#rare.has(index) ? Object.assign(entry, this.#rare.get(index)) : entry;
  }

  /** The path of the entry at an index. */
  pathOf(index: number): string {
    const text = this.#texts.at(index);
    return text.slice(0, text.indexOf("\0"));
  }

  /** Calls with each entry. */
  forEach(call: (entry: LayerEntry) => void): void {
    for (let index = 0; index < this.length; index++) call(this.at(index));
  }

  /** All entries, in order, and for the last time: the memory of those that were given is freed. */
  *drain(): Generator<LayerEntry> {
    for (let index = 0; index < this.length; index++) {
      yield this.at(index);
      if (index % DRAINED === 0) this.#forget(index);
    }
  }

  #forget(before: number): void {
    this.#texts.forget(before);
    this.#numbers.forget(before * WIDTH);
  }

  /** The layer of the entry at an index. */
  layerOf(index: number): number {
    return this.#kinds[this.#numbers.at(index * WIDTH + KIND)]!.layer;
  }

  #kindOf({ layer, type, mode, uid, gid, owner, group }: LayerEntry): number {
    const key = `${layer} ${type} ${mode} ${uid} ${gid} ${owner}\0${group}`;
    const known = this.#kindIndex.get(key);
    if (known !== undefined) return known;
    this.#kindIndex.set(key, this.#kinds.length);
    return this.#kinds.push({ layer, type, mode, uid, gid, owner, group }) - 1;
  }
}
