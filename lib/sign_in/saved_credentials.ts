/** Finds the logins that docker and podman have saved. @module */
import { DOCKER_HUB } from "../oci/registry_address.ts";
import { credentialHelper } from "./credential_helper.ts";
import { type FindCredentials, firstCredentials } from "./credentials.ts";
import { type DockerConfig, parseDockerConfig } from "./docker_config.ts";
import { credentialFilePaths, type Environment, readConfigFile } from "./docker_config_file.ts";
import { helperKeys, helpersFor, type Login, loginIn } from "./docker_login.ts";

/**
 * Finds saved logins: in `DOCKER_AUTH_CONFIG`, docker's `config.json`, podman's `auth.json`, and the credential
 * helpers that these files name. `REGISTRY_AUTH_FILE` comes first. Each call reads everything again, so that it sees
 * logins that were saved meanwhile.
 *
 * A call rejects with a {@linkcode LayerstashError} if a file cannot be read or is malformed, or if a helper is not
 * installed or fails. Missing files and helpers without a login are skipped. What is found is marked as `saved`.
 *
 * @category Signing in
 *
 * @example
 * ```ts
 * import { savedCredentials } from "@layerstash/cli";
 * const find = savedCredentials({ DOCKER_AUTH_CONFIG: '{"auths":{"ghcr.io":{"auth":"bWU6cGFzcw=="}}}' });
 * const found = await find("ghcr.io", "me/files");
 * if (found?.kind !== "password" || found.username !== "me") throw new Error("unexpected");
 * ```
 */
export function savedCredentials(env: Record<string, string | undefined>): FindCredentials {
  const files = credentialFilePaths(env).map((path) => inFile(path, env));
  const named = env.REGISTRY_AUTH_FILE ? files.splice(0, 1) : [];
  const find = firstCredentials(...named, inVariable(env), ...files);
  return async (host, repository) => {
    const found = await find(host, repository);
    return found && { ...found, saved: true };
  };
}

/** Searches the variable's logins but not its helpers, which belong to another machine. Docker does the same. */
function inVariable({ DOCKER_AUTH_CONFIG: json }: Environment): FindCredentials {
  return async (host, repository) =>
    await (json
      ? loginIn(parseDockerConfig(json, "DOCKER_AUTH_CONFIG"), `${host}/${repository}`)
      : undefined);
}

function inFile(path: string, env: Environment): FindCredentials {
  return async (host, repository) => {
    const file = await readConfigFile(path);
    return file && (await fromHelpers(file.config, host, env) ?? loginIn(file, `${host}/${repository}`));
  };
}

async function fromHelpers(config: DockerConfig, host: string, env: Environment): Promise<Login | undefined> {
  for (const suffix of helpersFor(config, host)) {
    const helper = credentialHelper(suffix, env);
    for (const key of helperKeys(host)) {
      const found = await helper.get(key);
      if (found) return found;
    }
  }
  return undefined;
}

/** What a completion may offer as a host. Other text of a file must not get onto a command line. */
const HOST = /^[\w.-]+(:\d+)?$/;

/**
 * The hosts with a saved login, for completions. Docker Hub is omitted, as it has a short name. Unreadable and
 * malformed files are skipped.
 */
export async function savedHosts(env: Environment): Promise<string[]> {
  const files = await Promise.all(
    credentialFilePaths(env).map((path) => readConfigFile(path).catch(() => undefined)),
  );
  const keys = files.flatMap((file) => [file?.config.auths, file?.config.credHelpers])
    .flatMap((logins) => Object.keys(logins ?? {}));
  const hosts = keys.map((key) => key.replace(/^https?:\/\//, "").replace(/\/.*/, ""));
  return [...new Set(hosts)].filter((host) => HOST.test(host) && !DOCKER_HUB.has(host)).sort();
}
