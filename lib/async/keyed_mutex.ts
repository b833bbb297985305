/** Lets those who want the same thing at the same time take turns, within this process. @module */
import { abortable } from "./abortable.ts";

/** Whose turn it is, by what is wanted. */
export class KeyedMutex {
  /** The last of those who wait. */
  readonly #last = new Map<string, Promise<void>>();

  /** Waits until all who asked for the same before are done; the turn is over when the block ends. */
  async lock(wanted: string, signal?: AbortSignal): Promise<Disposable> {
    const before = this.#last.get(wanted) ?? Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(wanted, promise);
    const end = () => {
      if (this.#last.get(wanted) === promise) this.#last.delete(wanted);
      resolve();
    };
    try {
      await abortable(before, signal);
    } catch (error) {
      before.then(end); // those behind still wait for those before
      throw error;
    }
    return { [Symbol.dispose]: end };
  }
}
