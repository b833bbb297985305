/** The settings of distribution. @module */
import { join } from "node:path";
import type { ServerCertificate } from "./certificates.ts";
import type { TokenServer } from "./token_server.ts";
import { USER } from "./user.ts";

/** What a registry is made of. */
export interface RegistryParts {
  /** Makes it speak https. */
  certificate: ServerCertificate | undefined;
  /** Who makes its tokens; their certificate is `signing.pem` in the registry's directory. */
  tokens: TokenServer | undefined;
  /** Whether `USER` has to sign in with the password. */
  htpasswd: boolean;
  /** The directory that it stores in. */
  storage: string;
  /** The settings of a storage on S3, in place of the directory. */
  s3: Record<string, unknown> | undefined;
  /** Whether it deletes. */
  deletes: boolean;
  /** Whether it keeps what it knows of blobs in memory, as the official image does. */
  cache: boolean;
  /** The address that it listens on. */
  address: string;
  /** The port; 0 = a free one. */
  port: number;
}

/** Writes the settings, YAML of which JSON is a part, and gives the file's path. */
export async function writeConfig(directory: string, parts: RegistryParts): Promise<string> {
  const { certificate } = parts;
  const config = {
    version: "0.1",
    log: { level: "info" },
    storage: {
      ...(parts.s3 ? { s3: parts.s3 } : { filesystem: { rootdirectory: parts.storage } }),
      delete: { enabled: parts.deletes },
      ...(parts.cache && { cache: { blobdescriptor: "inmemory" } }),
    },
    http: {
      addr: `${parts.address}:${parts.port}`,
      // One secret for all: the upload locations of a registry stay good when it is started again.
      secret: "layerstash tests",
      ...(certificate && { tls: { certificate: certificate.certificatePath, key: certificate.keyPath } }),
    },
    auth: await authOf(directory, parts),
  };
  const path = join(directory, "config.yml");
  await Deno.writeTextFile(path, JSON.stringify(config, null, 2));
  return path;
}

async function authOf(directory: string, { tokens, htpasswd }: RegistryParts): Promise<object | undefined> {
  if (tokens) {
    const { service, issuer } = tokens.settings;
    return {
      token: { realm: tokens.realm, service, issuer, rootcertbundle: join(directory, "signing.pem") },
    };
  }
  if (!htpasswd) return undefined;
  const path = join(directory, "htpasswd");
  await Deno.writeTextFile(path, USER.htpasswd);
  return { htpasswd: { realm: "layerstash tests", path } };
}
