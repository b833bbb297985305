/** The hosts for which a login is kept somewhere: for completions, and for nothing that matters. @module */
import { DOCKER_HUB } from "../oci/address.ts";
import { credentialFilePaths, type Environment, readConfigFile } from "./docker_config_file.ts";

/** What is offered as a host: no text of a file may bring anything else onto a command line. */
const HOST = /^[\w.-]+(:\d+)?$/;

/** The hosts, without Docker Hub, which has a short name. Files that cannot be read, or are malformed, have none. */
export async function savedHosts(env: Environment): Promise<string[]> {
  const files = await Promise.all(
    credentialFilePaths(env).map((path) => readConfigFile(path).catch(() => undefined)),
  );
  const keys = files.flatMap((file) => [file?.config.auths, file?.config.credHelpers])
    .flatMap((logins) => Object.keys(logins ?? {}));
  const hosts = keys.map((key) => key.replace(/^https?:\/\//, "").replace(/\/.*/, ""));
  return [...new Set(hosts)].filter((host) => HOST.test(host) && !DOCKER_HUB.has(host)).sort();
}
