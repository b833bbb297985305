/** Opens what the options name: the terminal, a registry or repository, and the two images of a copy. @module */
import { firstCredentials, openStore, savedCredentials } from "../../main.ts";
import { collectFile } from "../content/collect.ts";
import { readError } from "../content/file_errors.ts";
import { InvalidInputError, MismatchError, NotAllowedError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { RateLimit } from "../http/rate_limit.ts";
import type { TransportOptions } from "../http/request.ts";
import { openAddress } from "../open/open_store.ts";
import type { RegistryOptions } from "../registry/open_client.ts";
import type { Credentials, FindCredentials } from "../sign_in/credentials.ts";
import type { ManifestFormat } from "../store/manifest_format.ts";
import type { Store } from "../store/store.ts";
import { SECRETS } from "./corrected_line.ts";
import type { Place } from "./place.ts";
import type { LogLevel } from "./terminal/log.ts";
import type { ProgressMode } from "./terminal/progress_display.ts";
import { systemTerminal } from "./terminal/system_terminal.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** The options that say how to speak to a registry. */
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
export interface RepositoryFlags extends RegistryFlags, Place {
  /** The format of new manifests; absent where the command makes none. */
  manifestFormat?: ManifestFormat | undefined;
}

/** The terminal, as the options want it. */
export function openTerminal(flags: Pick<ConnectionFlags, "logLevel" | "progress">): Terminal {
  return systemTerminal({ env: Deno.env.toObject(), ...flags });
}

/** The store that the options name. */
export async function openNamedStore(flags: RepositoryFlags, onEvent: OnEvent): Promise<Store> {
  const { address, repository, manifestFormat } = flags;
  const options = { manifestFormat, ...await registryOptionsOf(flags, onEvent) };
  return address ? openAddress(address, options) : openStore({ repository, ...options });
}

/** The registry that the options name, and how to speak to it. */
export async function registryOptionsOf(flags: RegistryFlags, onEvent: OnEvent): Promise<RegistryOptions> {
  const { registry, authHost } = flags;
  return { registry, authHost, credentials: findCredentials(flags), onEvent, ...await transportOf(flags) };
}

/** Finds credentials: those of the options or their variables, else those that docker or podman have saved. */
export function findCredentials(flags: ConnectionFlags): FindCredentials {
  const explicit = explicitCredentials(flags);
  return firstCredentials(() => Promise.resolve(explicit), savedCredentials(Deno.env.toObject()));
}

/** The credentials of the options or their variables; `undefined` = there are none. */
export function explicitCredentials(
  { username, token, bearerToken, authorization }: ConnectionFlags,
): Credentials | undefined {
  if (bearerToken) return { kind: "bearer", token: bearerToken };
  if (username && token) return { kind: "password", username, password: token };
  if (!username && !token) return authorization ? { kind: "header", authorization } : undefined;
  throw new InvalidInputError(
    username ? "the token for the user name is missing" : "the user name is missing",
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
    limitRate: limitRate ? new RateLimit(limitRate) : undefined, // shared by all connections; 0 = no limit
    proxyEnv: Deno.env.toObject(),
  };
}

/** The largest file of certificates, keys or passwords that is read, in bytes. All authorities of a system take some 200 KB. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * Reads a text file that an option names.
 *
 * @param what what is in it, in the plural, for messages
 * @throws {InvalidInputError} if it is much too large for that
 */
export async function readSmallFile(path: string, what: string): Promise<string> {
  const bytes = await collectFile(path, MOST_BYTES).catch((error) => {
    if (!(error instanceof MismatchError)) throw readError(error, path);
    throw new InvalidInputError(`${path} is too large for a file of ${what}`);
  });
  return new TextDecoder().decode(bytes);
}

/**
 * Reads a file of certificates.
 *
 * @throws {InvalidInputError} if it has no certificate, or a damaged one
 */
export async function readCertificates(path: string): Promise<string> {
  const text = await readSmallFile(path, "certificates");
  if (!text.includes("-----BEGIN CERTIFICATE-----")) {
    throw new InvalidInputError(`${path} contains no certificate`, {
      hint: "the file must be in PEM format",
    });
  }
  try {
    Deno.createHttpClient({ caCerts: [text] }).close();
  } catch (cause) {
    throw new InvalidInputError(`${path} contains a certificate that is damaged`, { cause });
  }
  return text;
}

/** Warns of options that are unsafe. */
export function warnOfUnsafe(
  terminal: Terminal,
  flags: ConnectionFlags,
  isTyped: (option: string) => boolean,
  safer = "use layerstash login or LAYERSTASH_TOKEN",
): void {
  for (const [option, typed] of Object.entries(SECRETS)) {
    if (!isTyped(option)) continue;
    terminal.warn(
      `${typed} shows the token to everybody on this machine: ${safer}`,
    );
  }
  if (flags.insecureSkipTlsVerify === true) {
    terminal.warn(
      "certificates are not checked, and logins go over http: whoever controls the network can read and change everything",
    );
  }
}

/** Turns a denied permission of Deno into an error for the user. */
export function permissionError(error: Deno.errors.NotCapable): NotAllowedError {
  return new NotAllowedError(error.message.replace(/, run again.*/s, ""), {
    hint: "give Deno the permissions that it needs (layerstash help install), or -A",
    cause: error,
  });
}
