/** Things to do that may become more while they are done. @module */

/** A list that several workers take from until everything that is open is settled. */
export class WorkQueue<T> {
  readonly #waiting: T[];
  #open: number;
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();

  /**
   * Begins a list.
   *
   * @param waiting what can be taken at once
   * @param open how many things have to be settled, those that are waiting among them
   */
  constructor(waiting: Iterable<T>, open: number) {
    this.#waiting = [...waiting];
    this.#open = open;
  }

  /** Puts something on the list that is open already. It is taken before all others. */
  add(item: T): void {
    this.#waiting.unshift(item);
    this.#changed.resolve();
  }

  /** Says that one thing is done for good. */
  settle(): void {
    this.#open--;
    this.#changed.resolve();
  }

  /** Takes what is on the list, and waits for what may come; ends when nothing is open. Fails with the signal's reason. */
  async *take(signal: AbortSignal): AsyncGenerator<T, void> {
    signal.addEventListener("abort", () => this.#changed.resolve());
    while (this.#open > 0) {
      signal.throwIfAborted();
      if (this.#waiting.length > 0) yield this.#waiting.shift()!;
      else await this.#change();
    }
  }

  async #change(): Promise<void> {
    await this.#changed.promise;
    this.#changed = Promise.withResolvers();
  }
}
