/** Gets a token for use with other programs. @module */
import { fullRepository, parseRegistry } from "../oci/address.ts";
import { parseRepository } from "../oci/reference.ts";
import type { SignInDemand } from "../sign_in/authorization.ts";
import { openClient, type RegistryOptions } from "../registry/open_client.ts";
import type { CallOptions } from "../store/store.ts";

/**
 * Which token is wanted.
 *
 * @category Signing in
 */
export interface TokenOptions extends RegistryOptions, CallOptions {
  /** The repository that it is for. */
  repository: string;
  /** What it has to allow: `pull`, `push`, `delete`, `*`. A registry may give one that allows less. */
  actions: readonly string[];
}

/**
 * A bearer token as the registry takes it, for other programs such as curl; `undefined` where the registry wants
 * none: it is open to anybody, or takes a password.
 *
 * @category Signing in
 * @throws {InvalidInputError} when the registry or the repository has no valid name
 * @throws {NotAllowedError} when no token is given
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

/** How a registry wants to be signed in to, with a token where it takes tokens. */
export async function signInDemand(options: TokenOptions): Promise<SignInDemand> {
  const address = parseRegistry(options.registry);
  const repository = parseRepository(options.repository);
  if (address.kind === "layout") return { scheme: "none" };
  using opened = openClient(address, fullRepository(address, repository), options);
  return await opened.client.demand(options.actions, options.signal);
}
