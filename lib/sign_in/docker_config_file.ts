/** Finds, reads and replaces the files in which docker and podman save logins. @module */
import { dirname, join, resolve } from "node:path";
import { makeDirectory, writeAtomically } from "../content/atomic_file.ts";
import { collectFile } from "../content/collect.ts";
import { storageError } from "../content/file_errors.ts";
import { openLocked } from "../content/open_locked.ts";
import { ConflictError, LayerstashError, MismatchError, NotAllowedError } from "../errors.ts";
import { type DockerConfig, malformedConfig, type NamedConfig, parseDockerConfig } from "./docker_config.ts";

/** Environment variables by name. */
export type Environment = Record<string, string | undefined>;

/** The largest file that is read, in bytes: enough for some ten thousand logins. */
const MAX_FILE_SIZE = 16 * 1024 * 1024;

/** The path of docker's `config.json`; `undefined` if neither `DOCKER_CONFIG` nor a home directory is set. */
export function dockerConfigPath(env: Environment): string | undefined {
  const home = homeOf(env);
  const folder = env.DOCKER_CONFIG || (home && join(home, ".docker"));
  return folder && join(folder, "config.json");
}

/** The files with saved logins, in the order of the search. `REGISTRY_AUTH_FILE` replaces podman's own files. */
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
 * Reads a config file; `undefined` if it does not exist.
 *
 * @throws {NotAllowedError} if it cannot be read
 * @throws {LayerstashError} if it is malformed
 */
export async function readConfigFile(path: string): Promise<NamedConfig | undefined> {
  let json: string;
  try {
    json = new TextDecoder().decode(await collectFile(path, MAX_FILE_SIZE));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    if (cause instanceof MismatchError) {
      throw malformedConfig(path, `it has more than ${MAX_FILE_SIZE} bytes`);
    }
    throw new NotAllowedError(`${path} cannot be read`, {
      cause,
      hint: `layerstash looks for saved logins in it: ${remedyFor(cause)}`,
    });
  }
  return parseDockerConfig(json, path);
}

function remedyFor(cause: unknown): string {
  return cause instanceof Deno.errors.NotCapable
    ? "allow it with --allow-read, or set LAYERSTASH_USERNAME and LAYERSTASH_TOKEN"
    : "make it readable, or move it away";
}

/**
 * Changes a config file, and creates it and its folder if needed. Only the owner can read it. If the path is a symbolic
 * link, the file that it points to is replaced. Processes of layerstash that change the file take turns, so that each
 * sees what the others wrote.
 *
 * @throws {NotAllowedError} if it cannot be written; the old file is then unchanged
 * @throws {ConflictError} if another process has been changing it for long
 * @throws {LayerstashError} if it is malformed, or the disk is full
 */
export async function changeConfigFile(
  path: string,
  change: (config: DockerConfig) => DockerConfig,
): Promise<void> {
  try {
    const target = await followLink(path);
    await makeDirectory(dirname(target), { mode: 0o700 });
    using _turn = await takeTurn(`${target}.lock`);
    const config = change((await readConfigFile(target))?.config ?? {});
    // Tabs, and no line break at the end: docker's format, so that the two do not reformat each other's file.
    const json = JSON.stringify(config, null, "\t");
    await writeAtomically(target, new TextEncoder().encode(json), { mode: 0o600, keepsOwner: true });
  } catch (cause) {
    const known = storageError(cause, path);
    throw known instanceof LayerstashError
      ? known
      : new NotAllowedError(`${path} cannot be written`, { cause });
  }
}

/** For how many milliseconds others are waited for. A change takes a few. */
const PATIENCE = 10_000;

/**
 * Waits for the turn to change a config file, which others have after the block. The lock is on a file of its own: the
 * config itself is replaced, by docker, too. Everybody can read the lock, so that one that root left can be opened.
 */
async function takeTurn(path: string): Promise<Disposable> {
  const file = await openLocked(path, {
    open: () => openOrMake(path),
    lock: (file) => file.tryLock(true).catch(() => true), // some network file systems have no locks: nobody waits there
    patience: PATIENCE,
    busy: () =>
      new ConflictError(`another process holds the lock ${path}`, { hint: "wait until it has ended" }),
  });
  return {
    [Symbol.dispose]() {
      try {
        Deno.removeSync(path);
      } catch {
        // What stays is unlocked, so that it is in nobody's way.
      }
      file.close();
    },
  };
}

/** Opens a file, or makes it; `undefined` if it was made by another process meanwhile. */
async function openOrMake(path: string): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, { read: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return await Deno.open(path, { write: true, createNew: true, mode: 0o644 }).catch((error) => {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    return undefined;
  });
}

function homeOf(env: Environment): string | undefined {
  return Deno.build.os === "windows" ? env.USERPROFILE : env.HOME;
}

/** The path that a symbolic link leads to, even if no file exists there; any other path unchanged. */
async function followLink(path: string): Promise<string> {
  try {
    const info = await Deno.lstat(path);
    return info.isSymlink ? followLink(resolve(dirname(path), await Deno.readLink(path))) : path;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}
