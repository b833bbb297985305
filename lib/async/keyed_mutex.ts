/** A mutex for each key: within this process, those who lock the same key take turns. @module */
import { abortable } from "./abortable.ts";

/** Locks, by key. */
export class KeyedMutex {
  /** The last lock of each key that is held or waited for. */
  readonly #last = new Map<string, Promise<void>>();

  /** Locks a key when all earlier locks of it are released; `using` releases the lock at the end of the block. */
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
      before.then(end); // those after this one still wait for those before it
      throw error;
    }
    return { [Symbol.dispose]: end };
  }
}
