/** A work queue to which tasks may add. @module */

/** Items that several workers take, until each is settled. */
export class WorkQueue<T> {
  readonly #waiting: Iterator<T>;
  readonly #added: T[] = [];
  #open: number;
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();

  /**
   * Begins a queue.
   *
   * @param waiting the items that can be taken at once; each is asked for when it is taken
   * @param open how many items have to be settled, with those that are waiting
   */
  constructor(waiting: Iterable<T>, open: number) {
    this.#waiting = waiting[Symbol.iterator]();
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

  /**
   * Takes items, and waits for more while any is open. It fails with the signal's reason. While it waits, it gives
   * `undefined` again and again, after so many milliseconds each time: who waits may find something else to do.
   */
  async *take(signal: AbortSignal, { every }: { every: number }): AsyncGenerator<T | undefined, void> {
    signal.addEventListener("abort", () => this.#changed.resolve());
    while (this.#open > 0) {
      signal.throwIfAborted();
      const next = this.#added.shift() ?? this.#waiting.next().value;
      yield next;
      if (next === undefined) await this.#change(every);
    }
  }

  async #change(milliseconds: number): Promise<void> {
    const timer = setTimeout(this.#changed.resolve, milliseconds);
    await this.#changed.promise;
    clearTimeout(timer);
    this.#changed = Promise.withResolvers();
  }
}
