/** Adapts the number of connections of a transfer: few at first, and more while more of them carry more bytes. @module */
import type { OnEvent, TransferEvent } from "../events.ts";
import type { Jobs } from "../async/pool.ts";
import { type Bounds, BYTES, checkNumbers } from "../arguments.ts";

/**
 * How many requests run at once at first, and where the number is not adapted.
 *
 * @category Files
 */
export const DEFAULT_JOBS = 4;
/** The most that are used: registries count connections, and answer 429 to a client that has too many. */
const MOST_JOBS = 16;
/** How many connections are added at a time. */
const STEP = 2;
/** How long a new number settles before it is judged, and for how long bytes are counted then, in milliseconds. */
const SETTLE = 1000;
const WINDOW = 2000;
/** Which part of their share added connections have to carry, to stay. A smaller gain may be chance. */
const WORTH_IT = 0.5;
/** How many windows pass before more connections are tried again, after they brought nothing or one failed. */
const REST = 10;

/**
 * Counts the bytes that move, adds connections while that carries more bytes each second, and goes back where it does not.
 * A retry halves them, and for a while they do not grow: the registry, or the way to it, has too much to do. Connections
 * that fail together, as in an outage of a second, halve them once.
 *
 * Uploads may be cut off because each takes too long, so time alone does not prove that more of them would get through: after
 * a retry they do not grow until a blob is stored, and after the next one until twice as many are.
 */
export class AdaptiveJobs implements Jobs {
  onGrowth?: (() => void) | undefined;
  readonly #now: () => number;
  #count = DEFAULT_JOBS;
  /** How many jobs there were before the last growth, and the rate that they had, in bytes per millisecond. */
  #before: { count: number; rate: number } | undefined;
  #resting = 0;
  /** How many blobs have to be stored before uploads grow again, and how many it will be after another retry. */
  #owed = 0;
  #nextOwed = 1;
  #sends = false;
  /** How many connections there were when the window began: so many may fail together. */
  #together = DEFAULT_JOBS;
  /** How many more retries belong to the failure that halved the connections. */
  #sameFailure = 0;
  #window: { began: number; bytes: number } | undefined;

  /** @param now milliseconds that only ever grow */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** How many may run at the moment. */
  get count(): number {
    return this.#count;
  }

  /** Receives the events of the transfer: bytes that move, blobs that are stored, and retries. */
  readonly onEvent = (event: TransferEvent): void => {
    if (event.type === "progress") this.#moved(event);
    else if (event.type === "blob" && event.state === "sent") this.#owed--;
    else if (event.type === "retry") this.#holdBack();
  };

  #moved({ bytes, phase }: { bytes: number; phase: string }): void {
    const now = this.#now();
    this.#sends = phase === "send";
    const window = this.#window ??= { began: now + SETTLE, bytes: 0 };
    if (now <= window.began) return;
    window.bytes += bytes;
    if (now - window.began < WINDOW) return;
    const count = this.#count;
    this.#judge(window.bytes / (now - window.began));
    this.#window = { began: this.#count === count ? now : now + SETTLE, bytes: 0 };
  }

  #judge(rate: number): void {
    const before = this.#before;
    this.#before = undefined;
    if (before && rate < before.rate * (1 + WORTH_IT * (this.#count / before.count - 1))) {
      this.#count = before.count;
      this.#resting = REST;
    } else if (this.#resting > 0) this.#resting--;
    else if (this.#count < MOST_JOBS && !(this.#sends && this.#owed > 0)) {
      this.#before = { count: this.#count, rate };
      this.#count = Math.min(MOST_JOBS, this.#count + STEP);
      this.onGrowth?.();
    }
    this.#together = this.#count;
    this.#sameFailure = 0;
  }

  #holdBack(): void {
    if (this.#sameFailure-- > 0) return;
    this.#sameFailure = this.#together - 1;
    this.#count = Math.max(1, Math.floor(this.#count / 2));
    this.#before = undefined;
    this.#resting = REST;
    this.#owed = this.#nextOwed;
    this.#nextOwed *= 2;
  }
}

/** The jobs of a transfer: the given number, or an adapted one, which then listens on the channel that is returned. */
export function adaptiveJobs(
  options: { jobs?: number | undefined; onEvent?: OnEvent | undefined },
): { jobs: number | Jobs; onEvent: OnEvent | undefined } {
  const jobs = options.jobs ?? new AdaptiveJobs();
  return { jobs, onEvent: heardBy(jobs, options.onEvent) };
}

/** A channel that adapted jobs listen on too: bytes that move, and retries, change their number. */
export function heardBy(jobs: number | Jobs, onEvent: OnEvent | undefined): OnEvent | undefined {
  if (!(jobs instanceof AdaptiveJobs)) return onEvent;
  return (event) => {
    jobs.onEvent(event);
    onEvent?.(event);
  };
}

/** The bounds of how many requests run at once: registries count them, and each has buffers of its own. */
export const JOBS = { least: 1, most: 64, whole: true } as const satisfies Bounds;

/** The numbers that verbs take. */
export interface TransferNumbers {
  jobs?: number | undefined;
  chunkSize?: number | undefined;
  partSize?: number | undefined;
}

/**
 * Checks the numbers that are given.
 *
 * @throws {InvalidInputError} if one is out of range
 */
export function checkTransfer(options: TransferNumbers): void {
  checkNumbers(options, { jobs: JOBS, chunkSize: BYTES, partSize: BYTES });
}
