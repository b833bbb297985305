/** Refusals of the registry, in the form of the OCI distribution spec ("Error Codes"). @module */
import {
  ConflictError,
  InvalidInputError,
  LayerstashError,
  MismatchError,
  NotAllowedError,
  NotFoundError,
  RegistryError,
} from "../../errors.ts";
import { DiskFullError } from "../../content/file_errors.ts";
import { MANIFEST_BLOB_UNKNOWN } from "../../oci/error_codes.ts";
import type { Serving } from "../part.ts";

/** What a refusal has beside its status, code and message. */
interface RefusalDetails {
  headers?: Record<string, string>;
  /** What the message is about, for programs. */
  detail?: unknown;
}

/** A request that is answered with an error. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly #details: RefusalDetails;

  /** @param code one of the spec's, such as `BLOB_UNKNOWN` */
  constructor(
    [status, code]: readonly [status: number, code: string],
    message: string,
    details: RefusalDetails = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.#details = details;
  }

  /** The answer. */
  response(): Response {
    const { headers = {}, detail } = this.#details;
    const error = { code: this.code, message: this.message, ...(detail !== undefined && { detail }) };
    return Response.json({ errors: [error] }, { status: this.status, headers });
  }
}

/** What is refused, with the status of each: the codes of the spec, and some that all clients know from distribution. */
export const REFUSED = {
  blobUnknown: [404, "BLOB_UNKNOWN"],
  uploadInvalid: [400, "BLOB_UPLOAD_INVALID"],
  uploadUnknown: [404, "BLOB_UPLOAD_UNKNOWN"],
  digestInvalid: [400, "DIGEST_INVALID"],
  blobMissing: [400, MANIFEST_BLOB_UNKNOWN],
  manifestInvalid: [400, "MANIFEST_INVALID"],
  manifestUnknown: [404, "MANIFEST_UNKNOWN"],
  nameInvalid: [400, "NAME_INVALID"],
  nameUnknown: [404, "NAME_UNKNOWN"],
  sizeInvalid: [400, "SIZE_INVALID"],
  tooLarge: [413, "SIZE_INVALID"],
  tooManyTags: [414, "MANIFEST_INVALID"],
  rangeInvalid: [416, "RANGE_INVALID"],
  pageInvalid: [400, "PAGINATION_NUMBER_INVALID"],
  unauthorized: [401, "UNAUTHORIZED"],
  denied: [403, "DENIED"],
  unsupported: [405, "UNSUPPORTED"],
  tooMany: [429, "TOOMANYREQUESTS"],
  diskFull: [507, "DENIED"], // docker does not try again what is denied
  upstream: [502, "UNKNOWN"],
  unknown: [500, "UNKNOWN"],
} as const satisfies Record<string, readonly [number, string]>;

/**
 * The refusal for an error of a store. What went wrong on this machine may name its files, which is nothing for clients;
 * and of another registry they learn no more than that it failed.
 */
export function refusalOfError(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof RegistryError) {
    const [code] = error.codes;
    if (code === MANIFEST_BLOB_UNKNOWN) {
      return new Refusal(REFUSED.blobMissing, "the manifest lists a blob that is unknown");
    }
    if (error.status === 429) {
      return new Refusal(REFUSED.tooMany, "the registry behind this one asks for patience");
    }
    return new Refusal(REFUSED.upstream, "the registry behind this one has failed");
  }
  if (error instanceof DiskFullError) {
    return new Refusal(REFUSED.diskFull, "no space left on device: the disk of this server is full");
  }
  if (error instanceof InvalidInputError) return new Refusal(REFUSED.manifestInvalid, error.message);
  if (error instanceof ConflictError) return new Refusal(REFUSED.tooMany, error.message);
  if (error instanceof NotFoundError) return new Refusal(REFUSED.manifestUnknown, "it is unknown");
  if (lacksKey(error)) return new Refusal(REFUSED.denied, error.message);
  if (error instanceof NotAllowedError) return new Refusal(REFUSED.denied, "this server may not do that");
  if (error instanceof MismatchError) return new Refusal(REFUSED.unknown, "what is stored is damaged");
  const message = error instanceof LayerstashError ? "this server cannot do that" : "this server is at fault";
  return new Refusal(REFUSED.unknown, message);
}

/** Whether an error says that something is encrypted, and that no key of the server opens it. */
export function lacksKey(error: unknown): error is NotAllowedError {
  return error instanceof NotAllowedError && error.isLasting;
}

/** The refusal for an error. Whoever runs the server learns what went wrong on its side. */
export function reportedRefusal(error: unknown, { method, url, signal }: Request, serving: Serving): Refusal {
  const refusal = refusalOfError(error);
  if (refusal.status >= 500 && !signal.aborted) {
    const reason = error instanceof Error ? error.message : String(error);
    serving.onEvent?.({ type: "notice", message: `${method} ${new URL(url).pathname} failed: ${reason}` });
  }
  return refusal;
}
