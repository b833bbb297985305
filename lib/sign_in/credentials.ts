/** The kinds of credentials, and how several sources of them are searched in order. @module */

/**
 * What a registry or its token server accepts as proof of identity.
 *
 * @category Signing in
 */
export type Credentials =
  & (
    /** A user name with a password or an access token. */
    | { kind: "password"; username: string; password: string }
    /** An OAuth2 refresh token (docker's `identitytoken`), exchanged at the token server. */
    | { kind: "identity"; token: string }
    /** A bearer token that is sent unchanged. */
    | { kind: "bearer"; token: string }
    /** An `Authorization` header that is sent unchanged to the token server, or to a registry without one. */
    | { kind: "header"; authorization: string }
  )
  & {
    /**
     * Whether a program has saved them, rather than the user named them for this call. Over plain http they are then sent to
     * this machine alone, unless `insecureSkipTlsVerify` is set.
     */
    saved?: true | undefined;
  };

/**
 * Finds the credentials for a repository of a host, such as `me/files` of `ghcr.io`; `undefined` if there are none.
 *
 * @category Signing in
 */
export type FindCredentials = (host: string, repository: string) => Promise<Credentials | undefined>;

/**
 * Combines finders: the first one that finds credentials decides.
 *
 * @category Signing in
 *
 * @example Explicit credentials come before saved ones
 * ```ts
 * import { firstCredentials } from "@layerstash/cli";
 * const find = firstCredentials(
 *   () => Promise.resolve(undefined),
 *   () => Promise.resolve({ kind: "bearer", token: "t" }),
 * );
 * if ((await find("ghcr.io", "me/files"))?.kind !== "bearer") throw new Error("unexpected");
 * ```
 */
export function firstCredentials(...finders: FindCredentials[]): FindCredentials {
  return async (host, repository) => {
    for (const find of finders) {
      const found = await find(host, repository);
      if (found) return found;
    }
    return undefined;
  };
}
