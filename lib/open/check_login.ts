/** Checks whether a registry accepts credentials, before they are saved. @module */
import { InvalidInputError, NotAllowedError, NotFoundError } from "../errors.ts";
import { codesOf } from "../http/answers.ts";
import { parseRegistry } from "../oci/registry_address.ts";
import type { Credentials } from "../sign_in/credentials.ts";
import { ENDPOINTS } from "../registry/endpoints.ts";
import { openClient, type RegistryOptions } from "../registry/open_client.ts";
import type { CallOptions } from "../store/store.ts";

/** The credentials to check, and the registry. */
export interface CheckLoginOptions extends Omit<RegistryOptions, "credentials">, CallOptions {
  credentials: Credentials;
}

/** The result of a check. */
export interface LoginCheck {
  /** The registry's name, under which credentials are saved. */
  host: string;
  /** Whether the registry demanded a sign-in. One that is open to anybody does not check credentials. */
  asked: boolean;
}

/**
 * Signs in to a registry, and does nothing else.
 *
 * @throws {NotAllowedError} if the registry refuses the credentials
 * @throws {InvalidInputError} if the registry is a directory
 * @throws {RegistryError} if the host is not a registry
 */
export async function checkLogin(options: CheckLoginOptions): Promise<LoginCheck> {
  const { registry, signal } = options;
  const address = parseRegistry(registry);
  if (address.kind === "layout") throw new InvalidInputError("a directory needs no sign-in");
  using opened = openClient(address, "", options);
  const { client } = opened;
  const base = ENDPOINTS.base(address);
  await client.callFor({ ...base, expect: [...base.expect, 401, 404] }, { signal }, async (answer) => {
    if (answer.status !== 404) await answer.body?.cancel();
    if (answer.status === 401) {
      throw new NotAllowedError(`${address.host} refuses the user name or the password`);
    }
    if (answer.status !== 404) return;
    await client.requireRegistry(answer, await codesOf(answer), { signal });
    throw new NotFoundError(`${address.host} answered 404 to the request for ${base.what}`);
  });
  return { host: address.host, asked: client.signedIn };
}
