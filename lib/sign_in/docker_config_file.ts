/** The files in which docker and podman keep logins: where they are, reading them, and replacing them. @module */
import { dirname, join, resolve } from "node:path";
import { giveName, keepOwner } from "../content/atomic_file.ts";
import { collectFile } from "../content/collect.ts";
import { MismatchError, NotAllowedError } from "../errors.ts";
import { type DockerConfig, malformed, type NamedConfig, parseDockerConfig } from "./docker_config.ts";

/** Environment variables by name. */
export type Environment = Record<string, string | undefined>;

/** The largest file that is read, in bytes: that is room for some ten thousand logins. */
const MAX_FILE_SIZE = 16 * 1024 * 1024;

/** Where docker keeps logins; `undefined` where neither `DOCKER_CONFIG` nor a home directory is set. */
export function dockerConfigPath(env: Environment): string | undefined {
  const home = homeOf(env);
  const folder = env.DOCKER_CONFIG || (home && join(home, ".docker"));
  return folder && join(folder, "config.json");
}

/** The files to look in, in order: the one that the user named, docker's, and podman's where none was named. */
export function credentialFilePaths(env: Environment): string[] {
  const home = homeOf(env);
  const podman = [env.XDG_RUNTIME_DIR, env.XDG_CONFIG_HOME || (home && join(home, ".config"))]
    .map((folder) => folder && join(folder, "containers", "auth.json"));
  const paths = env.REGISTRY_AUTH_FILE
    ? [env.REGISTRY_AUTH_FILE, dockerConfigPath(env)]
    : [dockerConfigPath(env), ...podman];
  return paths.filter((path): path is string => Boolean(path));
}

/**
 * Reads a file; `undefined` = absent.
 *
 * @throws {NotAllowedError} when it cannot be read
 * @throws {LayerstashError} when it is malformed
 */
export async function readConfigFile(path: string): Promise<NamedConfig | undefined> {
  let json: string;
  try {
    json = new TextDecoder().decode(await collectFile(path, MAX_FILE_SIZE));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    if (cause instanceof MismatchError) throw malformed(path, `it has more than ${MAX_FILE_SIZE} bytes`);
    throw new NotAllowedError(`${path} cannot be read`, {
      cause,
      hint: `saved logins are looked for in it: ${remedyFor(cause)}`,
    });
  }
  return parseDockerConfig(json, path);
}

function remedyFor(cause: unknown): string {
  return cause instanceof Deno.errors.NotCapable
    ? "allow it with --allow-read, or give LAYERSTASH_USERNAME and LAYERSTASH_TOKEN"
    : "make it readable, or move it away";
}

/**
 * Replaces a file, and makes its folder where there is none. Nobody but the owner can read it. Where the file
 * is a link, what it points to is replaced.
 *
 * @throws {NotAllowedError} when it cannot be written; the old file is then unchanged
 */
export async function writeConfigFile(path: string, config: DockerConfig): Promise<void> {
  try {
    const target = await followLink(path);
    await Deno.mkdir(dirname(target), { recursive: true, mode: 0o700 });
    // Tabs and no line break at the end: docker's own way, so that the two do not undo each other's form.
    await replaceFile(target, JSON.stringify(config, null, "\t"));
  } catch (cause) {
    throw new NotAllowedError(`${path} cannot be written`, { cause });
  }
}

function homeOf(env: Environment): string | undefined {
  return Deno.build.os === "windows" ? env.USERPROFILE : env.HOME;
}

/** Where a link leads to, also where there is no file yet; any other path is its own answer. */
async function followLink(path: string): Promise<string> {
  try {
    const info = await Deno.lstat(path);
    return info.isSymlink ? followLink(resolve(dirname(path), await Deno.readLink(path))) : path;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}

async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = await Deno.makeTempFile({ dir: dirname(path), prefix: "config.json." });
  try {
    if (Deno.build.os !== "windows") await Deno.chmod(temporary, 0o600);
    await Deno.writeTextFile(temporary, content);
    await keepOwner(path, temporary);
    await giveName(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}
