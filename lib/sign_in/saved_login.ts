/** Saves a login where docker would, and removes it. @module */
import { InvalidInputError } from "../errors.ts";
import { credentialHelper } from "./credential_helper.ts";
import type { AuthEntry, DockerConfig } from "./docker_config.ts";
import {
  changeConfigFile,
  dockerConfigPath,
  type Environment,
  readConfigFile,
} from "./docker_config_file.ts";
import {
  dockerKey,
  encodeLogin,
  helperKeys,
  helpersFor,
  keysOf,
  type Login,
  scopeOfKey,
} from "./docker_login.ts";

/** Where a login was saved. */
export interface SavedLogin {
  /** The path of the file, or the name of the helper program. */
  location: string;
  /** Whether the password is readable for whoever can read the file. */
  plainText: boolean;
}

/**
 * Saves a login where `docker login` does, so that docker finds it too: with the helper program that `config.json`
 * names for the host, or else in `config.json` itself.
 *
 * @throws {InvalidInputError} if the user name is empty or contains a colon
 * @throws {NotAllowedError} if the file cannot be read or written
 * @throws {LayerstashError} if the file is malformed, or the helper is not installed or fails
 */
export async function saveLogin(host: string, login: Login, env: Environment): Promise<SavedLogin> {
  if (login.kind === "password" && !/^[^:]+$/.test(login.username)) {
    throw new InvalidInputError("the user name is empty or contains a colon");
  }
  const path = requiredPath(env);
  const config = (await readConfigFile(path))?.config ?? {};
  const [suffix] = helpersFor(config, host);
  const helper = suffix === undefined ? undefined : credentialHelper(suffix, env);
  await helper?.store(dockerKey(host), login);
  // Docker marks logins of helpers with an empty entry. It also replaces a password saved before the helper.
  const entry = helper ? {} : encodeLogin(login);
  await changeConfigFile(path, (config) => withAuth(config, host, entry));
  return helper ? { location: helper.program, plainText: false } : { location: path, plainText: true };
}

/**
 * Removes the login for a host from docker's `config.json`, under each of the host's names, and from the helper
 * programs that it names.
 *
 * @returns whether there was a login
 * @throws {NotAllowedError} if the file cannot be read or written
 * @throws {LayerstashError} if the file is malformed, or a helper is not installed or fails
 */
export async function eraseLogin(host: string, env: Environment): Promise<boolean> {
  const path = requiredPath(env);
  const config = (await readConfigFile(path))?.config;
  if (!config) return false;
  // The file comes first: its password is in plain text, and a helper may fail.
  const fromFile = await eraseFromFile(path, config, host);
  const fromHelpers = await eraseFromHelpers(config, host, env);
  return fromFile || fromHelpers;
}

async function eraseFromFile(path: string, config: DockerConfig, host: string): Promise<boolean> {
  const keys = keysOf(config, scopeOfKey(host));
  if (keys.length === 0) return false;
  await changeConfigFile(path, (config) => {
    const kept = Object.entries(config.auths ?? {}).filter(([key]) => !keys.includes(key));
    return { ...config, auths: Object.fromEntries(kept) };
  });
  return keys.some((key) => Object.keys(config.auths?.[key] ?? {}).length > 0);
}

async function eraseFromHelpers(config: DockerConfig, host: string, env: Environment): Promise<boolean> {
  let erased = false;
  for (const suffix of helpersFor(config, host)) {
    const helper = credentialHelper(suffix, env);
    for (const key of helperKeys(host)) {
      if (await helper.get(key) === undefined) continue;
      await helper.erase(key);
      erased = true;
    }
  }
  return erased;
}

function withAuth(config: DockerConfig, host: string, entry: AuthEntry): DockerConfig {
  return { ...config, auths: { ...config.auths, [dockerKey(host)]: entry } };
}

function requiredPath(env: Environment): string {
  const path = dockerConfigPath(env);
  if (path) return path;
  throw new InvalidInputError("docker's config.json has no path: no home directory is set", {
    hint: "set DOCKER_CONFIG to a folder",
  });
}
