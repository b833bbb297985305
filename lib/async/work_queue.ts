/** A work queue to which tasks may add. @module */

/** Items that several workers take, until each is settled. */
export class WorkQueue<T> {
  readonly #waiting: T[];
  readonly #added: T[] = [];
  #open: number;
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();

  /**
   * Begins a queue.
   *
   * @param waiting the items that can be taken at once
   * @param open how many items have to be settled, with those that are waiting
   */
  constructor(waiting: Iterable<T>, open: number) {
    this.#waiting = [...waiting];
    this.#open = open;
  }

  /** Adds an item that counts as open already. Added items are taken before those that waited from the start. */
  add(item: T): void {
    this.#added.push(item);
    this.#changed.resolve();
  }

  /** Settles one item. */
  settle(): void {
    this.#open--;
    this.#changed.resolve();
  }

  /** Takes items, and waits for more while any is open. It fails with the signal's reason. */
  async *take(signal: AbortSignal): AsyncGenerator<T, void> {
    signal.addEventListener("abort", () => this.#changed.resolve());
    while (this.#open > 0) {
      signal.throwIfAborted();
      const next = this.#added.length > 0 ? this.#added : this.#waiting;
      if (next.length > 0) yield next.shift()!;
      else await this.#change();
    }
  }

  async #change(): Promise<void> {
    await this.#changed.promise;
    this.#changed = Promise.withResolvers();
  }
}
