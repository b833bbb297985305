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
/** How many windows pass before more connections are tried again, after they brought nothing, or a request failed. */
const REST = 10;
/**
 * How long the transfer has to go on at its rate for more connections to be tried, in milliseconds: each begins slowly, and
 * the others are slow to take their bytes over again, so a trial that fails costs half a second.
 */
const PAYS_BACK = 8000;
/** The states of blobs whose bytes did not move. */
const RESTING: ReadonlySet<string> = new Set(["present", "mounted"]);
/** To which part of what it was a rate has to fall to show that the line has too much to do. */
const FALL = 0.5;

/**
 * Counts the bytes that move, adds connections while that carries more bytes each second, and goes back where it does not.
 * - Added connections stay if they carry a good part of their share; else they go, and the next trial comes later each time.
 * - None are added near the end: they would not bring in what their slow beginning costs.
 * - Where the rate falls by half, those that were added last go: the line has too much to do.
 * - A retry halves them, and for a while they do not grow: the registry, or the way to it, has too much to do. Connections
 *   that fail together, as in an outage of a second, halve them once.
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
  /** The best rate of a window since the rate fell. A fall may take two windows, so the last one says too little. */
  #best = 0;
  #resting = 0;
  /** How many windows pass after the next trial that fails. */
  #rest = REST;
  /** How many bytes are still to be moved. */
  #left: number;
  /** How many blobs have to be stored before uploads grow again, and how many it will be after another retry. */
  #owed = 0;
  #nextOwed = 1;
  #sends = false;
  /** How many connections there were when the window began: so many may fail together. */
  #together = DEFAULT_JOBS;
  /** How many more retries belong to the failure that halved the connections. */
  #sameFailure = 0;
  #window: { began: number; bytes: number } | undefined;

  /**
   * Begins a transfer.
   *
   * @param options how many bytes it moves (absent = nobody knows), and milliseconds that only ever grow
   */
  constructor(
    { size = Infinity, now = () => performance.now() }: { size?: number; now?: () => number } = {},
  ) {
    this.#left = size;
    this.#now = now;
  }

  /** How many may run at the moment. */
  get count(): number {
    return this.#count;
  }

  /** Receives the events of the transfer: bytes that move or need not, blobs that are stored, and retries. */
  readonly onEvent = (event: TransferEvent): void => {
    if (event.type === "progress" && event.phase === "hash") return;
    if (event.type === "progress" || event.type === "resume") this.#left -= event.bytes;
    if (event.type === "blob" && RESTING.has(event.state)) this.#left -= event.size;
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
    const fell = rate < FALL * this.#best;
    if (before) this.#judgeTrial(before, rate);
    else if (fell) this.#takeBack(Math.max(DEFAULT_JOBS, this.#count - STEP));
    else if (this.#resting > 0) this.#resting--;
    else this.#tryMore(rate);
    this.#best = fell ? rate : Math.max(rate, this.#best);
    this.#together = this.#count;
    this.#sameFailure = 0;
  }

  #judgeTrial(before: { count: number; rate: number }, rate: number): void {
    if (rate < before.rate * (1 + WORTH_IT * (this.#count / before.count - 1))) {
      this.#takeBack(before.count);
      this.#rest *= 2;
    } else {
      this.#rest = REST;
      this.#tryMore(rate);
    }
  }

  #takeBack(count: number): void {
    this.#count = Math.min(count, this.#count);
    this.#resting = this.#rest;
  }

  #tryMore(rate: number): void {
    const cutOff = this.#sends && this.#owed > 0;
    if (this.#count >= MOST_JOBS || cutOff || this.#left < rate * PAYS_BACK) return;
    this.#before = { count: this.#count, rate };
    this.#count = Math.min(MOST_JOBS, this.#count + STEP);
    this.onGrowth?.();
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

/**
 * The jobs of a transfer of `size` bytes: the given number, or an adapted one, which then listens on the channel that is
 * returned.
 */
export function adaptiveJobs(
  options: { jobs?: number | undefined; size?: number | undefined; onEvent?: OnEvent | undefined },
): { jobs: number | Jobs; onEvent: OnEvent | undefined } {
  const jobs = options.jobs ?? new AdaptiveJobs(options);
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
