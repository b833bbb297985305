/** The pace at which a host is asked: one that is busy is left alone, and then asked more slowly, by all requests. @module */
import type { Clock } from "../async/clock.ts";
import { KeyedMutex } from "../async/keyed_mutex.ts";

/** The first and the longest time between two requests to a host that is busy, in milliseconds. */
const FIRST_INTERVAL = 100;
const LONGEST_INTERVAL = 5_000;
/** By how much the time grows when the host refuses, and by how much when it takes a request. */
const SLOWER = 2;
const FASTER = 0.9;

/** The pace of one host. */
export class HostPace {
  readonly #clock: Clock;
  /** The time between two requests, in milliseconds; 0 = any number may go at once. */
  #interval = 0;
  /** When the next request may go, and until when none may. */
  #next = -Infinity;
  #closedUntil = -Infinity;
  /** Who comes first goes first. */
  readonly #turns: KeyedMutex = new KeyedMutex();
  /** In how many rounds in a row the host refused, by the request's method. */
  readonly #refusals: Map<string, number> = new Map();

  /** @param clock the clock */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Waits until a request may go. Requests go in the order in which they come.
   *
   * @param onPause is told how long the first of them waits, in milliseconds, before it does
   */
  async enter(signal?: AbortSignal, onPause?: (delay: number) => void): Promise<void> {
    using _turn = await this.#turns.lock("", signal);
    for (let wait; (wait = Math.max(this.#closedUntil, this.#next) - this.#clock.now()) > 0;) {
      onPause?.(wait);
      await this.#clock.sleep(wait, signal);
    }
    this.#next = this.#clock.now() + this.#interval;
  }

  /** Notes that the host was too busy. It may ask for a pause, in milliseconds. Refusals during a pause are one round. */
  refused(method: string, pause: number | undefined): void {
    const now = this.#clock.now();
    if (now >= this.#closedUntil) {
      this.#interval = Math.min(LONGEST_INTERVAL, Math.max(FIRST_INTERVAL, this.#interval * SLOWER));
      this.#refusals.set(method, (this.#refusals.get(method) ?? 0) + 1);
    }
    this.#closedUntil = Math.max(this.#closedUntil, now + (pause ?? this.#interval));
  }

  /** Notes that the host took a request. */
  took(method: string): void {
    this.#refusals.delete(method);
    this.#interval *= FASTER;
    if (this.#interval < FIRST_INTERVAL / 2) this.#interval = 0;
  }

  /** Whether the host has taken a request with this method since the last round of refusals but one. */
  proceeds(method: string): boolean {
    return (this.#refusals.get(method) ?? 0) <= 1;
  }
}

const paces = new WeakMap<Clock, Map<string, HostPace>>();

/** The pace of a host. All that go by one clock share it. */
export function paceOf(host: string, clock: Clock): HostPace {
  const hosts = paces.get(clock) ?? new Map<string, HostPace>();
  paces.set(clock, hosts);
  const pace = hosts.get(host) ?? new HostPace(clock);
  hosts.set(host, pace);
  return pace;
}
