/** Gets the programs that the tests run against: from the machine, or from Debian's packages, or from PyPI. @module */
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { announce, onceInRun } from "./run_notes.ts";
import { onPosix, POSIX } from "./system.ts";

const tools = new Map<string, Promise<boolean>>();
const peers = new Map<string, Promise<string | undefined>>();
/** Where the network leads nowhere, apt-get is not to try for minutes. */
const SOON = [
  "-o",
  "Acquire::Retries=0",
  "-o",
  "Acquire::http::Timeout=10",
  "-o",
  "Acquire::https::Timeout=10",
];

/**
 * Whether a command can be run. One that is missing is installed where that is possible: on Debian and its kin,
 * as root. Where it is not possible one line says so, and the tests that need it are to be skipped.
 */
export function ensureTool(command: string, debianPackage: string): Promise<boolean> {
  return remembered(tools, command, async () => {
    if (await isOnPath(command)) return true;
    const refusal = await byOneAtATime(debianPackage, async () => {
      return await isOnPath(command) ? undefined : await installPackage(debianPackage);
    });
    if (refusal === undefined && await isOnPath(command)) return true;
    announce(`cannot test against ${command} here: ${refusal ?? `${debianPackage} does not have it`}`);
    return false;
  });
}

/** Whether `tar` is that of GNU, which knows formats that the tar of macOS and Windows does not write. */
export async function ensureGnuTar(): Promise<boolean> {
  if (!await ensureTool("tar", "tar")) return false;
  const { stdout } = await new Deno.Command("tar", { args: ["--version"] }).output();
  if (new TextDecoder().decode(stdout).includes("GNU tar")) return true;
  announce("cannot test against GNU tar here: tar is another one");
  return false;
}

/**
 * Makes a Python environment with one package in it, such as `layerstash==1.0.0`, and keeps it for the next time.
 * Gives the directory of its programs; `undefined`, after one line that says why, where it cannot be had.
 */
export function pythonPeer(packageSpec: string): Promise<string | undefined> {
  return remembered(peers, packageSpec, async () => {
    if (onPosix(packageSpec).ignore) return undefined;
    if (!await ensureTool("python3", "python3")) return undefined;
    const directory = join(cacheDirectory(), packageSpec.replaceAll(/[^\w.-]+/g, "-"));
    const refusal = await byOneAtATime(packageSpec, async () => {
      return await isComplete(directory) ? undefined : await makeEnvironment(directory, packageSpec);
    });
    if (refusal === undefined) return join(directory, "bin");
    announce(`cannot test against ${packageSpec} here: ${refusal}`);
    return undefined;
  });
}

function remembered<T>(memory: Map<string, Promise<T>>, key: string, find: () => Promise<T>): Promise<T> {
  const found = memory.get(key) ?? find();
  memory.set(key, found);
  return found;
}

/** Files of tests that run side by side install one after another; what one could not, no other one tries again. */
async function byOneAtATime(
  name: string,
  install: () => Promise<string | undefined>,
): Promise<string | undefined> {
  await Deno.mkdir(cacheDirectory(), { recursive: true });
  using file = await Deno.open(join(cacheDirectory(), "lock"), { create: true, write: true });
  await file.lock(true);
  return await onceInRun(name, install);
}

async function isOnPath(command: string): Promise<boolean> {
  const names = POSIX ? [command] : [`${command}.exe`, `${command}.cmd`];
  for (const directory of (Deno.env.get("PATH") ?? "").split(delimiter)) {
    for (const name of names) if (await isFile(join(directory, name))) return true;
  }
  return false;
}

/** Installs a package and says why it could not; the service that it may bring along is not left running. */
async function installPackage(name: string): Promise<string | undefined> {
  if (!await isFile("/usr/bin/apt-get")) return "it is not installed";
  if (Deno.uid() !== 0) return `it is not installed, and only root can run: apt-get install ${name}`;
  // An update that fails may have left lists that are good enough.
  await onceInRun("apt-get update", () => run("apt-get", [...SOON, "update", "-qq"]));
  const refusal = await run("apt-get", [...SOON, "install", "-y", "-qq", "--no-install-recommends", name]);
  if (refusal === undefined) await stopService(name);
  return refusal;
}

async function stopService(name: string): Promise<void> {
  const systemd = await run("systemctl", ["disable", "--now", name]);
  if (systemd !== undefined && await isFile(`/etc/init.d/${name}`)) {
    await run(`/etc/init.d/${name}`, ["stop"]);
  }
}

async function makeEnvironment(directory: string, packageSpec: string): Promise<string | undefined> {
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  await Deno.mkdir(directory, { recursive: true });
  const python = join(directory, "bin/python");
  // Debian keeps the half of venv that brings pip in a package of its own; the pip of the system can stand in.
  const withPip = await run("python3", ["-m", "venv", "--clear", directory]) === undefined ||
    await installPackage("python3-venv") === undefined &&
      await run("python3", ["-m", "venv", "--clear", directory]) === undefined;
  const bare = withPip
    ? undefined
    : await run("python3", ["-m", "venv", "--clear", "--without-pip", directory]);
  const pip = withPip ? [python, "-m", "pip"] : ["python3", "-m", "pip", "--python", python];
  const refusal = bare ??
    await run(pip[0]!, [...pip.slice(1), "install", "--quiet", ...packageSpec.split(" ")]);
  if (refusal === undefined) await Deno.writeTextFile(completeMark(directory), packageSpec);
  return refusal;
}

function isComplete(directory: string): Promise<boolean> {
  return isFile(completeMark(directory));
}

function completeMark(directory: string): string {
  return join(directory, "complete");
}

/** One for each user: nobody runs programs that somebody else has put there. */
export function cacheDirectory(): string {
  return join(Deno.env.get("XDG_CACHE_HOME") || tmpdir(), `layerstash-tests-${Deno.uid()}`);
}

/** Runs a program to its end; gives its last line of complaint when it failed. */
async function run(command: string, args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(command, {
      args,
      env: { DEBIAN_FRONTEND: "noninteractive" },
      stdin: "null",
    }).output();
    if (success) return undefined;
    const said = new TextDecoder().decode(stderr).trim() || new TextDecoder().decode(stdout).trim();
    return said.split("\n").at(-1) || `${command} failed`;
  } catch (error) {
    return `${command}: ${(error as Error).message}`;
  }
}

function isFile(path: string): Promise<boolean> {
  return Deno.stat(path).then((info) => info.isFile, () => false);
}
