/** Looks for the logins that docker and podman have saved. @module */
import { credentialHelper } from "./credential_helper.ts";
import { type FindCredentials, firstOf } from "./credentials.ts";
import { type DockerConfig, parseDockerConfig } from "./docker_config.ts";
import { credentialFilePaths, type Environment, readConfigFile } from "./docker_config_file.ts";
import { helperKeys, helpersFor, type Login, loginIn } from "./docker_login.ts";

/**
 * Finds saved logins: in `DOCKER_AUTH_CONFIG`, docker's `config.json`, podman's `auth.json`, and the credential
 * helpers that these name. `REGISTRY_AUTH_FILE` comes before them all. Everything is read anew at each call, so
 * that a login counts that was made meanwhile.
 *
 * A call rejects with a {@linkcode LayerstashError} when a file cannot be read or is malformed, or when a helper
 * is not there or fails. Absent files, and helpers that have no login, are passed over.
 *
 * @example
 * ```ts
 * import { savedCredentials } from "@layerstash/cli";
 * const find = savedCredentials({ DOCKER_AUTH_CONFIG: '{"auths":{"ghcr.io":{"auth":"bWU6cGFzcw=="}}}' });
 * const found = await find("ghcr.io", "me/files");
 * if (found?.kind !== "password" || found.username !== "me") throw new Error("unexpected");
 * ```
 */
export function savedCredentials(env: Environment): FindCredentials {
  const files = credentialFilePaths(env).map((path) => inFile(path, env));
  const named = env.REGISTRY_AUTH_FILE ? files.splice(0, 1) : [];
  return firstOf(...named, inVariable(env), ...files);
}

/** Docker reads only the logins of the variable: the helpers that it may name are those of another machine. */
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
