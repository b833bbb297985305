/** Makes the client of a registry from the options of a caller. @module */
import type { Transport, TransportOptions } from "../http/request.ts";
import { openTransport } from "../http/transport.ts";
import { passesOverProxy } from "../http/proxies.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import { DEFAULT_RETRY_POLICY, POLICY_NUMBERS, type RetryPolicy } from "../async/retry.ts";
import type { OnEvent } from "../events.ts";
import { withDefaults } from "../arguments.ts";
import type { RemoteAddress } from "../oci/registry_address.ts";
import type { Credentials, FindCredentials } from "../sign_in/credentials.ts";
import { RegistryClient } from "./client.ts";

/**
 * A registry, and how to reach it.
 *
 * @category Stores
 */
export interface RegistryOptions extends TransportOptions {
  /** `docker`, `ghcr`, a host such as `localhost:5000`, a URL, or `oci:DIR`. */
  registry: string;
  /** The credentials to sign in with, or a function that looks for them; absent = no sign-in. */
  credentials?: Credentials | FindCredentials | undefined;
  /** The host of the token server, in place of the one that the registry names. */
  authHost?: string | undefined;
  /**
   * Receives the events of every call that is made without an `onEvent` of its own. A verb or call that has one reports
   * to that alone: each event is reported once.
   */
  onEvent?: OnEvent | undefined;
  /** When failed requests are made again; absent = {@link DEFAULT_RETRY_POLICY}. */
  retry?: Partial<RetryPolicy> | undefined;
  /** The clock; absent = the system's. */
  clock?: Clock | undefined;
}

/** A client, and its parts. */
export interface OpenClient extends Disposable {
  client: RegistryClient;
  transport: Transport;
  findCredentials: FindCredentials;
}

/**
 * Makes the client of one repository. The name is empty for calls that concern the registry as a whole.
 *
 * @throws {InvalidInputError} if a number is out of range
 */
export function openClient(
  address: RemoteAddress,
  repository: string,
  options: Omit<RegistryOptions, "registry">,
): OpenClient {
  const { credentials, onEvent, authHost, insecureSkipTlsVerify, clock = systemClock } = options;
  const transport = openTransport(options);
  if (passesOverProxy(options.proxyEnv ?? {})) {
    const message = "ALL_PROXY names a proxy that is not an http one: it is passed over";
    onEvent?.({ type: "notice", message });
  }
  const findCredentials: FindCredentials = typeof credentials === "function"
    ? credentials
    : () => Promise.resolve(credentials);
  const policy = withDefaults(DEFAULT_RETRY_POLICY, options.retry, POLICY_NUMBERS);
  const client = new RegistryClient({
    address,
    repository,
    findCredentials,
    transport,
    policy,
    clock,
    authHost,
    insecureSkipTlsVerify,
    onEvent,
  });
  return { client, transport, findCredentials, [Symbol.dispose]: () => transport.close() };
}
