/** Events: what happens during calls and verbs, as values for progress displays and logs. @module */
import type { Digest } from "./oci/digest.ts";

/**
 * One thing that happened. Byte counts are exact, and do not include what protocols add.
 *
 * - `plan`: what the transfer consists of: its bytes and its blobs. `size` and `blobs` are absent while they are not
 *   known; `chunkSize` is there where the blobs are the chunks of a stash, and `files` where a folder is moved. Of a folder
 *   that is stored, `content` is the bytes of its files: how many are sent for them shows when they are compressed. Where
 *   `verify` goes through a local file and through what is stored, both are counted.
 * - `progress`: `bytes` more were moved, or, in the phase `check`, a local file was compared so far; negative when an
 *   attempt failed and is made again, or when what was compared is other than what is stored. In the phase `hash` a local
 *   file was hashed so far, to find out whether it has to be sent, or whether it differs: these bytes move later or not at
 *   all, and are not among those of the plan.
 * - `resume`: so many bytes are there from an earlier run or from before a break, and need not be moved again.
 * - `blob`: a blob is done, such as a chunk of a stash; `index` counts the blobs of the transfer from 1. `sent` and
 *   `fetched` moved bytes; `present` means that it already existed, `mounted` that the registry took it over from another
 *   repository of its own. A `checked` blob is right, unless `fault` says what is wrong with it. What is decrypted has the
 *   `digest` under which it is stored, and the `size` of its decrypted bytes.
 * - `files`: so many files more of a folder are in their places, or in layers; then `bytes` is how much of `content` that
 *   is. Negative when a layer is made again.
 * - `retry`: an attempt failed and is made again after `delay` milliseconds.
 * - `pause`: a request waits for `delay` milliseconds, because the host has asked for that in answers to others.
 * - `notice`: something that the user should know: a degraded path, a warning of the registry, a stale tag. `noJournal` = this
 *   transfer has no journal, so that another process may have to begin anew.
 * - `request`: an HTTP request was answered (or failed: status 0). The URL carries no secret.
 *
 * @category Events
 */
export type TransferEvent =
  | { type: "plan"; size?: number; blobs?: number; chunkSize?: number; files?: number; content?: number }
  | { type: "progress"; phase: "send" | "fetch" | "check" | "hash"; bytes: number }
  | { type: "resume"; phase: "send" | "fetch"; bytes: number }
  | {
    type: "blob";
    index: number;
    state: "sent" | "mounted" | "fetched" | "present" | "checked";
    digest: Digest;
    size: number;
    fault?: string;
  }
  | { type: "files"; count: number; bytes?: number }
  | { type: "retry"; what: string; attempt: number; delay: number; reason: string }
  | { type: "pause"; host: string; delay: number }
  | { type: "notice"; message: string; noJournal?: true }
  | { type: "request"; method: string; url: string; status: number; milliseconds: number };

/**
 * Receives events as they happen. It must not throw.
 *
 * Every verb and every call of a store takes one, and `openStore` takes one for all calls that are made without. Each event
 * is reported once, to the channel of the verb where there is one, and else to that of the store.
 *
 * @category Events
 */
export type OnEvent = (event: TransferEvent) => void;

/** Options with the channel that a verb reports to: its own `onEvent`, or, where it was given none, the store's. */
export function withChannel<O extends { onEvent?: OnEvent | undefined }>(
  options: O,
  store: { onEvent?: OnEvent | undefined },
): O & { onEvent: OnEvent | undefined } {
  return { ...options, onEvent: options.onEvent ?? store.onEvent };
}

/**
 * A channel for a part of a larger transfer: the part's own plan is dropped, and its blobs get the indexes that they have in
 * the whole transfer.
 */
export function partOfTransfer(
  onEvent: OnEvent | undefined,
  indexOf: (index: number) => number,
): OnEvent | undefined {
  return onEvent && ((event) => {
    if (event.type !== "plan") {
      onEvent(event.type === "blob" ? { ...event, index: indexOf(event.index) } : event);
    }
  });
}

/**
 * A channel on which the blobs of a transfer have the digests under which they are stored: what is decrypted on its way has
 * others, by which nobody finds it.
 *
 * @param stored all blobs of the transfer, in order; absent = they have these digests already
 */
export function withStoredDigests(
  onEvent: OnEvent | undefined,
  stored: readonly { digest: Digest }[] | undefined,
): OnEvent | undefined {
  if (!onEvent || !stored) return onEvent;
  return (event) => {
    if (event.type !== "blob") return onEvent(event);
    onEvent({ ...event, digest: stored[event.index - 1]?.digest ?? event.digest });
  };
}

/** A channel without `progress`: for bytes that do not belong to a plan, or that are counted elsewhere. */
export function withoutProgress(onEvent: OnEvent | undefined): OnEvent | undefined {
  return onEvent && ((event) => event.type === "progress" || onEvent(event));
}
