/** Requests tokens for other programs. @module */
import { fullRepository, parseRegistry } from "../oci/registry_address.ts";
import { parseRepository } from "../oci/reference.ts";
import type { SignInDemand } from "../sign_in/authorization.ts";
import { openClient, type RegistryOptions } from "../registry/open_client.ts";
import type { CallOptions } from "../store/store.ts";

/**
 * The token to request.
 *
 * @category Signing in
 */
export interface TokenOptions extends RegistryOptions, CallOptions {
  /** The repository. */
  repository: string;
  /** The actions that it should allow: `pull`, `push`, `delete`, `*`. A registry may allow fewer. */
  actions: readonly string[];
}

/**
 * Requests a bearer token for the registry, for other programs such as curl; `undefined` if the registry requires none,
 * because it is open to anybody or takes a password.
 *
 * @category Signing in
 * @throws {InvalidInputError} if the name of the registry or repository is invalid
 * @throws {NotAllowedError} if the token server gives no token
 *
 * @example
 * ```ts
 * import { getToken } from "@layerstash/cli";
 *
 * // A directory asks nobody to sign in.
 * const token = await getToken({ registry: "oci:box", repository: "me/files", actions: ["pull"] });
 * if (token !== undefined) throw new Error("unexpected token");
 * ```
 */
export async function getToken(options: TokenOptions): Promise<string | undefined> {
  const demand = await signInDemand(options);
  return demand.scheme === "bearer" ? demand.token : undefined;
}

/** Finds out which sign-in a registry demands, and requests a token if it takes tokens. */
export async function signInDemand(options: TokenOptions): Promise<SignInDemand> {
  const address = parseRegistry(options.registry);
  const repository = parseRepository(options.repository);
  if (address.kind === "layout") return { scheme: "none" };
  using opened = openClient(address, fullRepository(address, repository), options);
  return await opened.client.demand(options.actions, options);
}
