/** Remembers what was looked up, so that one look-up serves a session. @module */

/** For how long something is believed before it is asked whether it has changed, in milliseconds. */
const BELIEVED = 5_000;

/** What was looked up. */
export interface LookedUp<T> {
  value: T;
  /** What changes with it, as it was when the look-up began; absent = it never changes. */
  version?: string;
}

/** What is remembered. */
interface Remembered<T> {
  found: Promise<LookedUp<T>>;
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
   * What is remembered under a key, if its version is still the same; else what is looked up now.
   *
   * @param version asks what changes with the value, which costs less than the value; absent = it never changes, and
   *   `undefined` = nobody knows whether it has changed
   */
  async get(
    key: string,
    lookUp: () => Promise<LookedUp<T>>,
    version?: (value: T) => Promise<string | undefined>,
  ): Promise<T> {
    const known = this.#entries.get(key);
    const entry = known && await isRight(known, version) ? known : { found: lookUp(), at: Date.now() };
    this.#keep(key, entry);
    try {
      return (await entry.found).value;
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
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

async function isRight<T>(
  known: Remembered<T>,
  version?: (value: T) => Promise<string | undefined>,
): Promise<boolean> {
  if (!version || Date.now() - known.at < BELIEVED) return true;
  try {
    const found = await known.found;
    const now = await version(found.value);
    const isSame = now !== undefined && now === found.version;
    if (isSame) known.at = Date.now();
    return isSame;
  } catch {
    return false; // it is looked up again, and that tells what is wrong
  }
}
