/** Errors as messages between threads: a message would lose the class of an error. @module */
import {
  ConflictError,
  type ErrorKind,
  InvalidInputError,
  LayerstashError,
  MismatchError,
  NotAllowedError,
  NotFoundError,
} from "../errors.ts";
import { knownWords, saidBy } from "./system_words.ts";

/** Why a thread could not do what it was told. */
export interface ThreadFailure {
  type: "failed";
  kind: ErrorKind;
  message: string;
  hint: string | undefined;
}

/** The message of an error. */
export function failureOf(error: unknown): ThreadFailure {
  const { kind, message, hint } = error instanceof LayerstashError
    ? error
    : new LayerstashError(knownWords(error) === undefined ? `${error}` : saidBy(error));
  return { type: "failed", kind, message, hint };
}

const CLASSES: Readonly<Record<ErrorKind, typeof LayerstashError>> = {
  failed: LayerstashError,
  usage: InvalidInputError,
  "not-found": NotFoundError,
  "not-allowed": NotAllowedError,
  mismatch: MismatchError,
  conflict: ConflictError,
};

/** The error of a message. */
export function errorOfFailure({ kind, message, hint }: ThreadFailure): LayerstashError {
  return new CLASSES[kind](message, { hint });
}
