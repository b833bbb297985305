/** How far a transfer is: a value, and the pure function that each event advances it with. @module */
import type { TransferEvent } from "../../events.ts";

/** How much had travelled at some moment. */
export interface Sample {
  /** The moment, in milliseconds. */
  at: number;
  /** The bytes that had travelled by then, including those of failed attempts. */
  travelled: number;
}

/** An attempt that was put off, or another request for which the host wants to be left alone. */
export interface Waiting {
  /** Which attempt it is; the first is 1. Absent for another request. */
  attempt?: number;
  /** When it begins. */
  until: number;
}

/** What the blobs of a transfer are called. */
export type Unit = "chunk" | "layer" | "blob";

/** Everything that a progress display shows. Times are in milliseconds of any clock, sizes in bytes. */
export interface ProgressState {
  /** What is going on, such as `uploading disk.img`. */
  what: string;
  /** The bytes to move in all; `undefined` = not known. */
  size: number | undefined;
  /** What the blobs are called. */
  unit: Unit;
  /** How many blobs are to be moved; `undefined` = not known. */
  blobs: number | undefined;
  /** How many of them are done. */
  blobsDone: number;
  /** How many files of a folder are to be moved, and how many are; `undefined` = not known, or no folder. */
  files?: number | undefined;
  filesDone: number;
  /** Of a folder that is stored, the bytes of its files that are done, which `size` counts; `undefined` = something else. */
  contentDone?: number | undefined;
  /** The bytes of the blobs that are done. */
  done: number;
  /** Bytes sent or fetched for blobs that are not done. */
  moving: number;
  /** Bytes checked for blobs that are not done. */
  checking: number;
  /** Bytes hashed to find out what has to be sent or what differs, since the last bytes moved. */
  hashing: number;
  /** Bytes that did not have to travel, because they were there already. */
  saved: number;
  /** Bytes that went to a registry, without those that were sent again after a failure. */
  sent: number;
  /** Bytes that came from a registry, without those that were fetched again after a failure. */
  fetched: number;
  /** When the work began. */
  since: number;
  /** The attempt that is waited for since one failed; absent if bytes have moved since then. */
  waiting?: Waiting | undefined;
  /** Present where no journal is kept. */
  noJournal?: true;
  /** How many HTTP requests were answered. */
  requests: number;
  /** The newest sample and those of the last seconds, oldest first; empty until bytes move. */
  samples: readonly Sample[];
}

/** The rate is that of the last ten seconds. */
const RATE_WINDOW = 10_000;
/** A sample stands for this long, so that there are few however many events there are. */
const SAMPLE_LENGTH = 250;
/** The rate of the first second says too little. */
const RATE_MINIMUM = 1000;

/** The state in which a transfer begins at `now`. */
export function startProgress(what: string, now: number): ProgressState {
  return {
    what,
    size: undefined,
    unit: "blob",
    blobs: undefined,
    blobsDone: 0,
    filesDone: 0,
    done: 0,
    moving: 0,
    checking: 0,
    hashing: 0,
    saved: 0,
    sent: 0,
    fetched: 0,
    since: now,
    requests: 0,
    samples: [],
  };
}

/** The state after an event that happened at `now`. */
export function advance(state: ProgressState, event: TransferEvent, now: number): ProgressState {
  switch (event.type) {
    case "plan":
      return {
        ...state,
        hashing: 0,
        size: event.size ?? event.content ?? state.size,
        contentDone: event.content === undefined ? state.contentDone : 0,
        blobs: event.blobs ?? state.blobs,
        unit: unitOf(event),
        files: event.files ?? state.files,
      };
    case "progress":
      if (event.phase === "hash") {
        return { ...state, hashing: state.hashing + event.bytes, waiting: undefined };
      }
      return {
        ...withProgress(state, event),
        samples: state.contentDone === undefined ? sampled(state, event.bytes, now) : state.samples,
        waiting: event.bytes > 0 ? undefined : state.waiting,
      };
    case "resume": // these bytes did not travel now, so they do not count for the rate
      return { ...state, moving: state.moving + event.bytes, saved: state.saved + event.bytes };
    case "files":
      return withFiles(state, event, now);
    case "blob":
      return withFinishedBlob(state, event);
    case "pause":
      return { ...state, waiting: longerOf(state.waiting, { until: now + event.delay }) };
    case "retry":
      return { ...state, waiting: { attempt: event.attempt + 1, until: now + event.delay } };
    case "notice":
      return event.noJournal ? { ...state, noJournal: true } : state;
    case "request":
      return { ...state, requests: state.requests + 1 };
    default:
      return state;
  }
}

function withProgress(
  state: ProgressState,
  { phase, bytes }: Extract<TransferEvent, { type: "progress" }>,
): ProgressState {
  if (phase === "check") return { ...state, checking: state.checking + bytes };
  const total = phase === "send" ? "sent" : "fetched";
  return { ...state, hashing: 0, moving: state.moving + bytes, [total]: state[total] + bytes };
}

/** Of a folder that is stored, its files are the measure: how many bytes are to be sent for them is not known before. */
function withFiles(
  state: ProgressState,
  { count, bytes = 0 }: Extract<TransferEvent, { type: "files" }>,
  now: number,
): ProgressState {
  const counted = { ...state, filesDone: state.filesDone + count };
  if (state.contentDone === undefined) return counted;
  return { ...counted, contentDone: state.contentDone + bytes, samples: sampled(state, bytes, now) };
}

/** What the blobs of a plan are called: only a stored file has a chunk size, and only a folder a count of files. */
export function unitOf({ chunkSize, files }: Extract<TransferEvent, { type: "plan" }>): Unit {
  if (chunkSize !== undefined) return "chunk";
  return files === undefined ? "blob" : "layer";
}

/** The bytes that have arrived: at most the size of all. What was taken back is not among them, also of finished blobs. */
export function movedBytes(state: ProgressState): number {
  const moved = state.contentDone ?? Math.max(0, state.done + state.moving + state.checking);
  return Math.min(moved, state.size ?? moved);
}

/** What an attempt waits for is told rather than the pause of another request that ends sooner. */
function longerOf(one: Waiting | undefined, other: Waiting): Waiting {
  return one && one.until >= other.until ? one : other;
}

/** Whether anything was done until now that a failure could undo. */
export function hasMoved(state: ProgressState): boolean {
  return state.blobsDone > 0 || movedBytes(state) > 0;
}

/** Whether local files are hashed after all of the plan is done: how much that was tells nothing then. */
export function onlyHashes({ blobs, blobsDone, hashing }: ProgressState): boolean {
  return hashing > 0 && blobs !== undefined && blobsDone >= blobs;
}

/** Whole percents; 100 only when every blob is done. `undefined` if the size is not known, or it tells nothing. */
export function percentDone(state: ProgressState): number | undefined {
  if (state.size === undefined || onlyHashes(state)) return undefined;
  const complete = state.blobs !== undefined && state.blobsDone >= state.blobs;
  if (complete) return 100;
  return state.size === 0 ? 0 : Math.min(99, Math.floor(movedBytes(state) / state.size * 100));
}

/**
 * Bytes a second over the last ten seconds; `undefined` in the first second of moving. What passes before the first bytes
 * move, until a registry answers, does not count.
 */
export function rateAt(state: ProgressState, now: number): number | undefined {
  const before = state.samples.findLast((sample) => sample.at <= now - RATE_WINDOW) ?? state.samples[0];
  const newest = state.samples.at(-1);
  if (before === undefined || newest === undefined || now - before.at < RATE_MINIMUM) return undefined;
  return (newest.travelled - before.travelled) / (now - before.at) * 1000;
}

/**
 * Milliseconds since the beginning, for work of which nothing else is known: it has no plan and has moved no bytes.
 * `undefined` for all other work, and in the first second.
 */
export function timeWaited(state: ProgressState, now: number): number | undefined {
  const isCounted = state.size !== undefined || state.blobs !== undefined || state.blobsDone > 0 ||
    state.samples.length > 0 || state.hashing > 0;
  const waited = now - state.since;
  return isCounted || movedBytes(state) > 0 || waited < RATE_MINIMUM ? undefined : waited;
}

/** Milliseconds to the end at the present rate; `undefined` if the size or the rate is not known, or all has moved. */
export function timeLeft(state: ProgressState, now: number): number | undefined {
  const rate = rateAt(state, now);
  if (state.size === undefined || !rate) return undefined;
  const rest = state.size - movedBytes(state);
  return rest === 0 ? undefined : rest / rate * 1000; // then it is the registry that takes its time
}

/**
 * A finished blob counts with its size, whatever was counted on the way: its bytes may have been checked and fetched,
 * or found to be there without either.
 */
function withFinishedBlob(
  state: ProgressState,
  { state: end, size }: Extract<TransferEvent, { type: "blob" }>,
): ProgressState {
  const present = end === "present" || end === "mounted";
  const fromMoving = present ? 0 : Math.min(size, Math.max(0, state.moving));
  const fromChecking = Math.min(size - fromMoving, Math.max(0, state.checking));
  return {
    ...state,
    waiting: undefined,
    hashing: 0,
    blobsDone: state.blobsDone + 1,
    done: state.done + size,
    moving: state.moving - fromMoving,
    checking: state.checking - fromChecking,
    saved: state.saved + (present ? size : 0),
  };
}

/** Adds a sample. Bytes that a failed attempt gives back did travel: they stay in the rate. */
function sampled({ samples }: ProgressState, bytes: number, now: number): readonly Sample[] {
  const last = samples.at(-1);
  const travelled = (last?.travelled ?? 0) + Math.max(0, bytes);
  const previous = samples.at(-2);
  if (last && previous && now - previous.at < SAMPLE_LENGTH) {
    return samples.with(-1, { at: now, travelled });
  }
  const first = samples.findLastIndex((sample) => sample.at <= now - RATE_WINDOW);
  return [...samples.slice(Math.max(0, first)), { at: now, travelled }];
}
