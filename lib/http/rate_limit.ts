/** Holds all connections together to a rate: bytes per second, up and down alike. @module */
import { checkNumbers } from "../arguments.ts";
import { type Clock, systemClock } from "../async/clock.ts";

/**
 * The rate at which bytes go, over whatever number of connections.
 *
 * @category Stores
 */
export class RateLimit {
  readonly #rate: number;
  readonly #clock: Clock;
  /** When the bytes that were let through so far have had their time, in milliseconds. */
  #free = -Infinity;

  /**
   * Begins without a debt.
   *
   * @param rate bytes per second
   * @param clock time; absent = the system's
   * @throws {InvalidInputError} when nothing can go at this rate
   */
  constructor(rate: number, clock: Clock = systemClock) {
    checkNumbers({ limitRate: rate }, { limitRate: { least: 1, most: Number.MAX_SAFE_INTEGER } });
    this.#rate = rate;
    this.#clock = clock;
  }

  /**
   * The most that goes at once, in bytes: so much that the rate is even over a tenth of a second, and so little that
   * a connection that waits for its turn is not taken for dead.
   */
  get piece(): number {
    return Math.max(1, Math.ceil(this.#rate / 10));
  }

  /** Waits until so many bytes may go. Time that nobody used is not saved up. */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const turn = Math.max(now, this.#free);
    this.#free = turn + bytes / this.#rate * 1000;
    if (turn > now) await this.#clock.sleep(turn - now, signal);
  }
}
