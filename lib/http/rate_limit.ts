/** Limits the bytes per second of all connections together, up and down. @module */
import { checkNumbers } from "../arguments.ts";
import { type Clock, systemClock } from "../async/clock.ts";

/**
 * A limit of bytes per second that any number of connections share.
 *
 * @category Stores
 */
export class RateLimit {
  readonly #rate: number;
  readonly #clock: Clock;
  /** When, by the clock, the bytes that were let through so far have used up their time. */
  #free = -Infinity;

  /**
   * Begins with nothing used up.
   *
   * @param rate bytes per second
   * @param clock the clock; absent = the system's
   * @throws {InvalidInputError} if the rate is not at least 1
   */
  constructor(rate: number, clock: Clock = systemClock) {
    checkNumbers({ limitRate: rate }, { limitRate: { least: 1, most: Number.MAX_SAFE_INTEGER } });
    this.#rate = rate;
    this.#clock = clock;
  }

  /**
   * How many bytes are let through at once: those of a tenth of a second. So the rate is even, and a connection that waits
   * for its turn does not count as stalled.
   */
  get piece(): number {
    return Math.max(1, Math.ceil(this.#rate / 10));
  }

  /** Waits until so many bytes may pass. Unused time is not saved up. */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const turn = Math.max(now, this.#free);
    this.#free = turn + bytes / this.#rate * 1000;
    if (turn > now) await this.#clock.sleep(turn - now, signal);
  }
}
