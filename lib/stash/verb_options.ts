/** The options of the verbs that store files and bring them back. @module */
import type { Identities } from "../encryption/identities.ts";
import type { Recipients } from "../encryption/recipients.ts";
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
  /** Replaces what the tags of the stash point to, if it differs: when all chunks are stored, if that is a stash that can be read. */
  overwrite?: boolean | undefined;
  /** Encrypts the file: every chunk is an ordinary file of age, which the recipients can read. Absent = it is not encrypted. */
  encryptTo?: Recipients | undefined;
  /** The keys with which an encrypted stash of this name is compared with the file; absent = that is a conflict. */
  identities?: Identities | undefined;
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
  /** The keys that decrypt the stash, where it is encrypted. */
  identities?: Identities | undefined;
}

/**
 * Options of `info`.
 *
 * @category Files
 */
export interface InfoOptions extends CallOptions {
  /** The keys of an encrypted stash: they show the name and the size of the file. */
  identities?: Identities | undefined;
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
  /**
   * The keys of an encrypted stash, with which the bytes of the file are checked as well, and a local file is compared. What is
   * stored is checked without them.
   */
  identities?: Identities | undefined;
}
