/** Who signs in: the kinds of credentials, and the order in which they are looked for. @module */

/** What a registry, or its token server, takes as proof of who asks. */
export type Credentials =
  /** A user name with a password or an access token. */
  | { kind: "password"; username: string; password: string }
  /** An OAuth2 refresh token (docker's `identitytoken`), exchanged at the token server. */
  | { kind: "identity"; token: string }
  /** A bearer token that is sent as it is. */
  | { kind: "bearer"; token: string }
  /** An `Authorization` header that is sent as it is: to the token server, or to a registry without one. */
  | { kind: "header"; authorization: string };

/** Looks for the credentials of one repository of a host, such as `me/files` of `ghcr.io`; `undefined` = none. */
export type FindCredentials = (host: string, repository: string) => Promise<Credentials | undefined>;

/**
 * Asks one finder after the other and takes the first credentials there are.
 *
 * @example What was said outright comes before what is saved
 * ```ts
 * import { firstOf } from "@layerstash/cli";
 * const find = firstOf(
 *   () => Promise.resolve(undefined),
 *   () => Promise.resolve({ kind: "bearer", token: "t" }),
 * );
 * if ((await find("ghcr.io", "me/files"))?.kind !== "bearer") throw new Error("unexpected");
 * ```
 */
export function firstOf(...finders: FindCredentials[]): FindCredentials {
  return async (host, repository) => {
    for (const find of finders) {
      const found = await find(host, repository);
      if (found) return found;
    }
    return undefined;
  };
}
