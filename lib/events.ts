/** What happens on the way, as values: progress displays and logs are made of these. @module */
import type { Digest } from "./oci/digest.ts";

/**
 * One thing that happened. Byte counts are exact, and do not include what protocols add.
 *
 * - `plan`: what the transfer consists of: its bytes and its blobs. `size` and `blobs` are absent while they are not
 *   known; `chunkSize` is there where the blobs are the chunks of a stash. Where `verify` goes through a local file and
 *   through what is stored, both are counted.
 * - `progress`: `bytes` more were moved, or, in the phase `check`, a local file was compared so far; negative when an
 *   attempt failed and is made again, or when what was compared is other than what is stored.
 * - `resume`: so many bytes are there from an earlier run or from before a break, and need not be moved again.
 * - `blob`: a blob is done, such as a chunk of a stash; `index` counts the blobs of the transfer from 1. `sent` and
 *   `fetched` moved bytes; `present` means that it already existed, `mounted` that the registry took it over from another
 *   repository of its own. A `checked` blob is right, unless `fault` says what is wrong with it.
 * - `retry`: an attempt failed and is made again after `delay` milliseconds.
 * - `notice`: something that the user should know: a degraded path, a warning of the registry, a stale tag.
 * - `request`: an HTTP request was answered (or failed: status 0). The URL carries no secret.
 *
 * @category Events
 */
export type TransferEvent =
  | { type: "plan"; size?: number; blobs?: number; chunkSize?: number }
  | { type: "progress"; phase: "send" | "fetch" | "check"; bytes: number }
  | { type: "resume"; phase: "send" | "fetch"; bytes: number }
  | {
    type: "blob";
    index: number;
    state: "sent" | "mounted" | "fetched" | "present" | "checked";
    digest: Digest;
    size: number;
    fault?: string;
  }
  | { type: "retry"; what: string; attempt: number; delay: number; reason: string }
  | { type: "notice"; message: string }
  | { type: "request"; method: string; url: string; status: number; milliseconds: number };

/**
 * Receives events as they happen. It must not throw.
 *
 * @category Events
 */
export type OnEvent = (event: TransferEvent) => void;
