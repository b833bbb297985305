/** Remembers what was looked up, so that one look-up serves a session. @module */

/** For how long something is believed before it is asked whether it has changed, in milliseconds. */
const BELIEVED = 5_000;

/** What is remembered. */
interface Remembered<T> {
  value: Promise<T>;
  /** What changes with it, when it was made. */
  version: Promise<string>;
  /** When it was last known to be right. */
  at: number;
}

/** The newest of what was looked up, by key. What fails is not remembered. */
export class Memory<T> {
  readonly #most: number;
  readonly #entries: Map<string, Remembered<T>> = new Map();

  /** @param most how many are remembered */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * What is remembered under a key, if its version is still the same; else what `make` gives.
   *
   * @param version asks what changes with the value, which costs less than the value; absent = it never changes
   */
  async get(key: string, make: () => Promise<T>, version?: (value: T) => Promise<string>): Promise<T> {
    const known = this.#entries.get(key);
    if (known && await this.#isRight(known, version)) {
      this.#keep(key, known);
      return await known.value;
    }
    const value = make();
    const made = {
      value,
      version: value.then(async (value) => await version?.(value) ?? ""),
      at: Date.now(),
    };
    this.#keep(key, made);
    await made.version.catch(() => this.#entries.get(key) === made && this.#entries.delete(key));
    return await value;
  }

  async #isRight(known: Remembered<T>, version?: (value: T) => Promise<string>): Promise<boolean> {
    if (!version || Date.now() - known.at < BELIEVED) return true;
    try {
      const isSame = await version(await known.value) === await known.version;
      if (isSame) known.at = Date.now();
      return isSame;
    } catch {
      return false; // it is looked up again, and that tells what is wrong
    }
  }

  #keep(key: string, entry: Remembered<T>): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#most) return;
      this.#entries.delete(oldest);
    }
  }
}
