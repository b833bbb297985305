/** What a command works with: the terminal, the store that the options name, and the end that `Ctrl-C` brings. @module */
import { InvalidInputError, MismatchError, NotAllowedError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { collectFile } from "../content/collect.ts";
import { type Credentials, type FindCredentials, firstOf } from "../sign_in/credentials.ts";
import type { RegistryOptions } from "../registry/open_client.ts";
import { openStore } from "../open/open_store.ts";
import { savedCredentials } from "../sign_in/saved_credentials.ts";
import type { Store } from "../store/store.ts";
import { RateLimit } from "../http/rate_limit.ts";
import type { TransportOptions } from "../http/transport.ts";
import { fileError } from "../files/input.ts";
import type { LogLevel } from "./log_level.ts";
import { systemTerminal } from "./terminal/system_terminal.ts";
import type { ProgressMode, Terminal } from "./terminal/terminal.ts";

/** The options of how to speak to a registry. */
export interface ConnectionFlags {
  username?: string | undefined;
  token?: string | undefined;
  bearerToken?: string | undefined;
  authorization?: string | undefined;
  authHost?: string | undefined;
  caFile?: string | undefined;
  insecureSkipTlsVerify?: boolean | string | undefined;
  limitRate?: number | undefined;
  logLevel: LogLevel;
  progress: ProgressMode;
}

/** The options of every command that speaks to one registry. */
export interface RegistryFlags extends ConnectionFlags {
  registry: string;
}

/** The options of every command that works on a repository. */
export interface RepositoryFlags extends RegistryFlags {
  repository: string;
}

/** The terminal, as the options want it. */
export function openTerminal(flags: Pick<ConnectionFlags, "logLevel" | "progress">): Terminal {
  return systemTerminal({ env: Deno.env.toObject(), ...flags });
}

/** The store that the options name. */
export async function openNamedStore(flags: RepositoryFlags, onEvent: OnEvent): Promise<Store> {
  const { repository } = flags;
  return openStore({ repository, ...await registryOptionsOf(flags, onEvent) });
}

/** The registry that the options name, and how it is spoken to. */
export async function registryOptionsOf(flags: RegistryFlags, onEvent: OnEvent): Promise<RegistryOptions> {
  const { registry, authHost } = flags;
  return { registry, authHost, credentials: credentialsOf(flags), onEvent, ...await transportOf(flags) };
}

/** Who signs in: whom the options or their variables name, else whom docker and podman know. */
export function credentialsOf(flags: ConnectionFlags): FindCredentials {
  const explicit = explicitCredentials(flags);
  return firstOf(() => Promise.resolve(explicit), savedCredentials(Deno.env.toObject()));
}

/** The credentials that the options name. */
export function explicitCredentials(
  { username, token, bearerToken, authorization }: ConnectionFlags,
): Credentials | undefined {
  if (bearerToken) return { kind: "bearer", token: bearerToken };
  if (username && token) return { kind: "password", username, password: token };
  if (!username && !token) return authorization ? { kind: "header", authorization } : undefined;
  throw new InvalidInputError(
    username ? "the token to the user name is missing" : "the user name is missing",
    {
      hint: "give both -u and -p, or LAYERSTASH_USERNAME and LAYERSTASH_TOKEN, or use layerstash login",
    },
  );
}

/** How connections are made. */
export async function transportOf(
  { caFile, insecureSkipTlsVerify, limitRate }: ConnectionFlags,
): Promise<TransportOptions> {
  return {
    caCerts: caFile === undefined ? undefined : [await readCertificates(caFile)],
    insecureSkipTlsVerify: insecureSkipTlsVerify === true,
    limitRate: limitRate === undefined ? undefined : new RateLimit(limitRate), // one for all that is opened
    proxyEnv: Deno.env.toObject(),
  };
}

/** The largest file of authorities that is read, in bytes: all that a system has take some 200 KB. */
const MAX_CERTIFICATES = 16 * 1024 * 1024;

async function readCertificates(path: string): Promise<string> {
  const text = new TextDecoder().decode(
    await collectFile(path, MAX_CERTIFICATES).catch((error) => {
      if (!(error instanceof MismatchError)) throw fileError(error, path);
      throw new InvalidInputError(`${path} is too large for a file of certificates`);
    }),
  );
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new InvalidInputError(`${path} has no certificate in it`, {
    hint: "the file has to be in PEM format",
  });
}

/** Options that carry a secret, as they are typed. */
const SECRETS = { token: "-p", bearerToken: "--bearer-token", authorization: "--authorization" };

/** Says what the options make unsafe. */
export function warnOfUnsafe(
  terminal: Terminal,
  flags: ConnectionFlags,
  isTyped: (option: string) => boolean,
): void {
  for (const [option, typed] of Object.entries(SECRETS)) {
    if (!isTyped(option)) continue;
    terminal.warn(
      `${typed} shows the token to everybody on this machine; layerstash login and LAYERSTASH_TOKEN do not`,
    );
  }
  if (flags.insecureSkipTlsVerify === true) {
    terminal.warn("certificates are not checked: whoever is on the line can read and change everything");
  }
}

/** A refusal of Deno itself, in words. */
export function permissionError(error: Deno.errors.NotCapable): NotAllowedError {
  return new NotAllowedError(error.message.replace(/, run again.*/s, ""), {
    hint: "run it with deno run -A, or give the permissions that the README names",
    cause: error,
  });
}
