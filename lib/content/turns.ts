/** Lets those who want the same thing at the same time take turns, within this process. @module */

/** Whose turn it is, by what is wanted. */
export class Turns {
  /** The last of those who wait. */
  readonly #last = new Map<string, Promise<void>>();

  /** Waits until all who asked for the same before are done; the turn is over when the block ends. */
  async take(wanted: string): Promise<Disposable> {
    const before = this.#last.get(wanted);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(wanted, promise);
    await before;
    return {
      [Symbol.dispose]: () => {
        if (this.#last.get(wanted) === promise) this.#last.delete(wanted);
        resolve();
      },
    };
  }
}
