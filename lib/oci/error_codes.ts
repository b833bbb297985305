/** Error codes of registries (OCI distribution spec, "Error Codes"), as far as something depends on them. @module */

/** code-1: the registry does not have a blob. */
export const BLOB_UNKNOWN = "BLOB_UNKNOWN";
/** code-4: the bytes of an upload have another digest. */
export const DIGEST_INVALID = "DIGEST_INVALID";
/** code-5: a manifest lists a blob that the registry does not have. */
export const MANIFEST_BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN";
/** code-9: the registry does not have a repository. */
export const NAME_UNKNOWN = "NAME_UNKNOWN";

/** code-2 and code-3: the registry does not have an upload any more. The blob has to be sent again from its beginning. */
export const UPLOAD_LOST: ReadonlySet<string> = new Set(["BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN"]);

/**
 * Bytes of an upload were sent to another offset than the registry is at (distribution; the spec has only the status 416).
 * The upload goes on from where the registry says that it stands.
 */
export const RANGE_INVALID = "RANGE_INVALID";

/** Code-14, and two of distribution: the same request may succeed later. */
export const BUSY: ReadonlySet<string> = new Set(["TOOMANYREQUESTS", "UNAVAILABLE", "UNKNOWN"]);
