/**
 * The errors that layerstash throws. Each message says why something could not be done; `hint`, where
 * there is one, says what to do about it.
 *
 * @module
 */

/**
 * What went wrong, in the few kinds that a caller can act on; the command line gives each its exit code.
 *
 * @category Errors
 */
export type ErrorKind = "failed" | "usage" | "not-found" | "not-allowed" | "mismatch" | "conflict";

/**
 * What an error has beside its message.
 *
 * @category Errors
 */
export interface ErrorDetails {
  /** What the reader can do about it. */
  hint?: string | undefined;
  /** The error that led to this one. */
  cause?: unknown;
  /** Whether the same call would fail again, so that there is no point in going on; absent = it may succeed. */
  isLasting?: boolean | undefined;
}

/**
 * The parent of every error that layerstash throws on purpose.
 *
 * @category Errors
 *
 * @example Tell a missing stash from other trouble
 * ```ts
 * import { LayerstashError, NotFoundError } from "@layerstash/cli";
 * const error: LayerstashError = new NotFoundError("there is no tag disk-1", { hint: "see the list" });
 * if (error.kind !== "not-found" || error.hint !== "see the list") throw new Error("unexpected");
 * ```
 */
export class LayerstashError extends Error {
  /** The kind, stable over versions. */
  readonly kind: ErrorKind = "failed";
  /** What the reader can do about it. Options are named as the command line has them: `--overwrite` is `overwrite`. */
  readonly hint: string | undefined;
  /** Whether the same call would fail again: something else has to be done first, such as what `hint` says. */
  readonly isLasting: boolean;

  /**
   * Makes the error.
   *
   * @param message why it could not be done, as a clause without a full stop
   * @param details the hint and the cause
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.hint = details.hint;
    this.isLasting = details.isLasting ?? false;
  }

  /**
   * Copies the error with another message, hint or cause. Everything else stays: the class, and the status, codes
   * and so on of a `RegistryError`.
   *
   * @param changes what is to differ
   *
   * @example Say what to do about a failure
   * ```ts
   * import { LayerstashError, RegistryError } from "@layerstash/cli";
   * const error: LayerstashError = new RegistryError("the registry is busy", { status: 503 });
   * const advised = error.with({ hint: "try again at night" });
   * if (!(advised instanceof RegistryError) || advised.status !== 503) throw new Error("unexpected");
   * ```
   */
  with({ message = this.message, ...changes }: ErrorDetails & { message?: string }): this {
    const Kind = this.constructor as new (message: string, details: ErrorDetails) => this;
    return new Kind(message, { ...this, cause: this.cause, ...changes });
  }
}

/**
 * What was asked for makes no sense: an invalid tag, repository, digest, size or option.
 *
 * @category Errors
 */
export class InvalidInputError extends LayerstashError {
  /** Always `"usage"`. */
  override readonly kind = "usage";
}

/**
 * A file, repository, tag, manifest or blob does not exist; also a stash of which a chunk is missing.
 *
 * @category Errors
 */
export class NotFoundError extends LayerstashError {
  /** Always `"not-found"`. */
  override readonly kind = "not-found";
}

/**
 * The registry, or the file system, refuses: wrong password, no right to push, unreadable file.
 *
 * @category Errors
 */
export class NotAllowedError extends LayerstashError {
  /** Always `"not-allowed"`. */
  override readonly kind = "not-allowed";
  /** Whether the server wants credentials, and got none, or wrong ones. */
  readonly needsSignIn: boolean;

  /**
   * Makes the error.
   *
   * @param message why it could not be done
   * @param details the hint, the cause, and whether the server wants credentials, and got none or wrong ones
   */
  constructor(message: string, details: ErrorDetails & { needsSignIn?: boolean } = {}) {
    super(message, details);
    this.needsSignIn = details.needsSignIn ?? false;
  }
}

/**
 * Bytes, sizes or descriptions are not what a digest or a table says.
 *
 * @category Errors
 */
export class MismatchError extends LayerstashError {
  /** Always `"mismatch"`. */
  override readonly kind = "mismatch";
}

/**
 * Something else already exists under the name, and was not to be replaced.
 *
 * @category Errors
 */
export class ConflictError extends LayerstashError {
  /** Always `"conflict"`. */
  override readonly kind = "conflict";
  /** Whether the same call with `overwrite` replaces what exists. The hint ends with that. */
  readonly isReplaceable: boolean;

  /**
   * Makes the error.
   *
   * @param message why it could not be done
   * @param details the hint, the cause, and whether `overwrite` replaces what exists
   */
  constructor(message: string, details: ErrorDetails & { isReplaceable?: boolean } = {}) {
    super(message, details);
    this.isReplaceable = details.isReplaceable ?? false;
  }
}

/**
 * What a registry's error has beside its message.
 *
 * @category Errors
 */
export interface RegistryErrorDetails extends ErrorDetails {
  /** The HTTP status; absent = there was no answer. */
  status?: number;
  /** The registry's own error codes. */
  codes?: readonly string[];
  /** Whether the same request may well succeed a little later. */
  transient?: boolean;
  /** How long the registry asks to wait, in milliseconds. */
  retryAfter?: number | undefined;
  /** Whether as many attempts were made as the retry policy allows. */
  givenUp?: boolean;
  /** Whether the host has never answered: it is not waited for as long as one that has. */
  firstContact?: boolean;
  /** Whether the host, which is busy, has taken other such requests since it last refused one. */
  hostProceeds?: boolean;
}

/**
 * The registry answered with an error, or with something that the protocol does not allow.
 *
 * @category Errors
 */
export class RegistryError extends LayerstashError {
  /** The HTTP status; 0 = there was no answer. */
  readonly status: number;
  /** The registry's own error codes, such as `BLOB_UNKNOWN`; empty = it named none. */
  readonly codes: readonly string[];
  /** Whether the same request may well succeed a little later. */
  readonly transient: boolean;
  /** How long the registry asks to wait, in milliseconds. */
  readonly retryAfter: number | undefined;
  /** Whether as many attempts were made as the retry policy allows. A loop around the one that gave up goes no further. */
  givenUp: boolean;
  /** Whether the host has never answered: it is not waited for as long as one that has. */
  readonly firstContact: boolean;
  /** Whether the host, which is busy, has taken other such requests since it last refused one. */
  readonly hostProceeds: boolean;

  /**
   * Makes the error.
   *
   * @param message why it could not be done
   * @param details what the registry said
   */
  constructor(message: string, details: RegistryErrorDetails = {}) {
    super(message, details);
    this.status = details.status ?? 0;
    this.codes = details.codes ?? [];
    this.transient = details.transient ?? false;
    this.retryAfter = details.retryAfter;
    this.givenUp = details.givenUp ?? false;
    this.firstContact = details.firstContact ?? false;
    this.hostProceeds = details.hostProceeds ?? false;
  }

  /**
   * Copies the error with other details, such as its status. What is not named stays.
   *
   * @param changes what is to differ
   */
  override with(changes: RegistryErrorDetails & { message?: string }): this {
    return super.with(changes);
  }
}

/** The store only gives whole blobs, and a range was asked for: the caller has to read the blob from its beginning. */
export class RangeRefusedError extends LayerstashError {}
