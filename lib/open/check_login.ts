/** Asks a registry whether it takes credentials, before they are kept. @module */
import { InvalidInputError } from "../errors.ts";
import { parseRegistry } from "../oci/address.ts";
import type { Credentials } from "../sign_in/credentials.ts";
import { openClient, type RegistryOptions } from "../registry/open_client.ts";

/** What is checked, and where. */
export interface CheckLoginOptions extends Omit<RegistryOptions, "credentials"> {
  credentials: Credentials;
  signal?: AbortSignal | undefined;
}

/** What a registry says of credentials. */
export interface LoginCheck {
  /** The registry's name, under which credentials are kept. */
  host: string;
  /** Whether it looked at the credentials; a registry that is open to anybody does not. */
  asked: boolean;
}

/**
 * Signs in, and does nothing else.
 *
 * @throws {NotAllowedError} when the credentials are refused
 * @throws {InvalidInputError} when the registry is a directory
 */
export async function checkLogin(options: CheckLoginOptions): Promise<LoginCheck> {
  const { registry, signal } = options;
  const address = parseRegistry(registry);
  if (address.kind === "layout") throw new InvalidInputError("a directory needs no sign-in");
  using opened = openClient(address, "", options);
  const { client } = opened;
  const to = new URL("/v2/", address.origin);
  const answer = await client.call({
    method: "GET",
    to,
    action: "sign-in",
    what: "the sign-in",
    expect: [200],
    signal,
  });
  await answer.body?.cancel();
  return { host: address.host, asked: client.signedIn };
}
