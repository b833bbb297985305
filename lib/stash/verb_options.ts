/** The options of the verbs that store files and bring them back. @module */
import type { Stash } from "./stash.ts";
import type { CallOptions } from "../store/store.ts";

/**
 * Options of verbs that move or read many bytes.
 *
 * @category Files
 */
export interface VerbOptions extends CallOptions {
  /**
   * How many requests run at once, from 1 to 64. Absent = a transfer starts with 4 (`DEFAULT_JOBS`), and goes up to 16 as
   * long as more connections carry more.
   */
  jobs?: number | undefined;
}

/**
 * Options of verbs that move a file.
 *
 * @category Files
 */
export interface TransferOptions extends VerbOptions {
  /**
   * A directory in which the transfer keeps a journal, so that another process can resume it, even after a crash.
   * Absent = no journal is kept: a chunk that was interrupted starts over.
   */
  stateDirectory?: string | undefined;
}

/**
 * Options of `upload`.
 *
 * @category Files
 */
export interface UploadOptions extends TransferOptions {
  /** The path of a file, or a stream that is read once. */
  input: string | ReadableStream<Uint8Array>;
  /** The size of a chunk in bytes; absent = what suits the registry, in most cases 5 GiB. */
  chunkSize?: number | undefined;
  /** Replaces what the tags of the stash point to, if it differs. */
  overwrite?: boolean | undefined;
}

/**
 * Options of `download`.
 *
 * @category Files
 */
export interface DownloadOptions extends TransferOptions {
  /**
   * The path of the file to write, or a stream, which receives the bytes in order and is then closed; or a function that names
   * the file when the stash was found.
   */
  output: string | WritableStream<Uint8Array> | ((stash: Stash) => Promise<string>);
  /** Replaces a file with other bytes; absent = that is a conflict. */
  overwrite?: boolean | undefined;
}

/**
 * Options of `list`.
 *
 * @category Files
 */
export interface ListOptions extends CallOptions {
  /** Adds sizes, names and dates. For stashes of the Python layerstash, the manifests of all chunks are read for that. */
  exactSize?: boolean | undefined;
  /** All tags of the repository, where they are known already; absent = they are asked for. */
  tags?: readonly string[] | undefined;
}

/**
 * Options of `verify`.
 *
 * @category Files
 */
export interface VerifyOptions extends VerbOptions {
  /** A local file to compare with the stash; absent = only the stored chunks are checked. */
  file?: string | undefined;
  /** Reads every stored byte, rather than requesting sizes only. */
  deep?: boolean | undefined;
}
