/** Where a server listens, by which certificate, and who has a password, by the options of `serve`. @module */
import { InvalidInputError, LayerstashError } from "../errors.ts";
import { isLoopback } from "../oci/registry_address.ts";
import { type ListenOptions, parseListenAddress, urlHost } from "../serve/listener.ts";
import { Passwords } from "../serve/passwords.ts";
import { readCertificates, readSmallFile } from "./connection.ts";

/** What these options say. */
export interface ListenFlags {
  listen: string;
  htpasswd?: string | undefined;
  anonymousRead?: boolean | string | undefined;
  tlsCert?: string | undefined;
  tlsKey?: string | undefined;
}

/**
 * Where to listen, and by which certificate.
 *
 * @throws {InvalidInputError} if others could change everything, or nobody could connect
 */
export async function listenOptionsOf(flags: ListenFlags): Promise<Omit<ListenOptions, "signal">> {
  const address = parseListenAddress(flags.listen);
  const { htpasswd, anonymousRead, tlsCert, tlsKey } = flags;
  if (!isLoopback(urlHost(address.hostname)) && htpasswd === undefined && anonymousRead !== true) {
    throw new InvalidInputError(`others on the network reach ${flags.listen}, and could change everything`, {
      hint: "add --htpasswd FILE, or --anonymous-read to let everybody read",
    });
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new InvalidInputError("--tls-cert and --tls-key belong together: give both");
  }
  if (tlsCert === undefined || tlsKey === undefined) return address;
  return { ...address, tls: await readServerKey(tlsCert, tlsKey) };
}

/** Reads a certificate and its private key. The server itself would find out only when somebody connects. */
async function readServerKey(certPath: string, keyPath: string): Promise<{ cert: string; key: string }> {
  const [cert, key] = [await readCertificates(certPath), await readSmallFile(keyPath, "keys")];
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key)) {
    throw new InvalidInputError(`${keyPath} contains no private key`, {
      hint: "the file must be in PEM format",
    });
  }
  try {
    Deno.createHttpClient({ cert, key }).close();
  } catch (cause) {
    throw new InvalidInputError(`${keyPath} is not the key of the certificate in ${certPath}`, {
      hint: "the key must not have a passphrase",
      cause,
    });
  }
  return { cert, key };
}

/**
 * Reads a file of passwords.
 *
 * @throws {InvalidInputError} if it is not such a file
 */
export async function readPasswords(path: string): Promise<Passwords> {
  const text = await readSmallFile(path, "passwords");
  try {
    return new Passwords(text);
  } catch (error) {
    if (!(error instanceof LayerstashError)) throw error;
    throw error.with({ message: `${path}: ${error.message}` });
  }
}
