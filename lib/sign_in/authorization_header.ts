/** Spells the header `Authorization` for each kind of credentials, and checks what the user gave for it. @module */
import { NotAllowedError } from "../errors.ts";

/**
 * The `Authorization` header for a token (RFC 6750).
 *
 * @throws {NotAllowedError} if the token has characters that are not allowed in a header. It is checked here because
 *   the platform's own error would quote the token
 */
export function bearerHeader(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return `Bearer ${token}`;
  throw new NotAllowedError("the token contains characters that tokens do not have", {
    hint: "it may end with a blank or a line break, or be truncated",
  });
}

/**
 * The `Authorization` header that the user gave, checked.
 *
 * @throws {NotAllowedError} if it has characters that are not allowed in a header. It is checked here because the
 *   platform's own error would quote the header
 */
export function givenHeader(authorization: string): string {
  if (/^[\x21-\x7e]+( [\x20-\x7e]*[\x21-\x7e])?$/.test(authorization)) return authorization;
  throw new NotAllowedError("the authorization contains characters that are not allowed in a header");
}

/** The `Authorization` header for a user name and a password (RFC 7617, in UTF-8). */
export function basicHeader(username: string, password: string): string {
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}
