/** Finds the programs that take part: on the machine, or built, or installed. @module */
import { join } from "node:path";
import { goProgram } from "../compatibility/go_programs.ts";
import { ensureTool, pythonPeer } from "../rigs/debian.ts";

/** Where programs come from that are not on the machine. */
const SOURCES = {
  crane: () => goProgram("crane"),
  regctl: () => goProgram("regctl"),
  oras: () => goProgram("oras"),
  distribution: () => goProgram("distribution"),
  skopeo: () => fromDebian("skopeo"),
  umoci: () => fromDebian("umoci"),
  curl: () => fromDebian("curl"),
  tar: () => fromDebian("tar"),
  zstd: () => fromDebian("zstd"),
  nginx: () => fromDebian("nginx", "nginx-light"),
  "docker-registry": () => fromDebian("docker-registry"),
  dxf: () => fromPython("python-dxf==12.1.1", "dxf"),
} as const;

/** The name of a program. */
export type ProgramName = keyof typeof SOURCES;

/** All names. */
export const PROGRAM_NAMES = Object.keys(SOURCES) as ProgramName[];

/** The programs that were found. */
export class Programs {
  readonly #paths: ReadonlyMap<ProgramName, string>;
  /** Those that could not be had. */
  readonly missing: ProgramName[];

  /** Finds those that are wanted; what cannot be had is said in a line each. */
  static async find(wanted: readonly ProgramName[] = PROGRAM_NAMES): Promise<Programs> {
    const paths = new Map<ProgramName, string>();
    for (const name of wanted) {
      const path = await onPath(name) ?? await SOURCES[name]();
      if (path !== undefined) paths.set(name, path);
    }
    return new Programs(paths, wanted.filter((name) => !paths.has(name)));
  }

  private constructor(paths: ReadonlyMap<ProgramName, string>, missing: ProgramName[]) {
    this.#paths = paths;
    this.missing = missing;
  }

  /** The path of a program; `undefined` = it could not be had. */
  path(name: ProgramName): string | undefined {
    return this.#paths.get(name);
  }

  /**
   * The path of a program that has to be there.
   *
   * @throws {Error} if it could not be had
   */
  require(name: ProgramName): string {
    const path = this.path(name);
    if (path === undefined) throw new Error(`${name} is missing`);
    return path;
  }

  /** The versions of all. */
  async versions(): Promise<Record<string, string>> {
    const each = Array.from(this.#paths, async ([name, path]) => [name, await versionOf(path)] as const);
    return Object.fromEntries(await Promise.all(each));
  }
}

async function fromDebian(command: string, debianPackage: string = command): Promise<string | undefined> {
  return await ensureTool(command, debianPackage) ? await onPath(command) : undefined;
}

async function fromPython(packageSpec: string, command: string): Promise<string | undefined> {
  const directory = await pythonPeer(packageSpec);
  return directory && join(directory, command);
}

async function onPath(command: string): Promise<string | undefined> {
  const { success, stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${command}`] })
    .output();
  return success ? new TextDecoder().decode(stdout).trim() : undefined;
}

/** The version in the path of what was built or installed for it; else the first in what a program says of itself. */
async function versionOf(path: string): Promise<string> {
  const built = /-v?([\d.]+)(?:\/bin\/\w+)?$/.exec(path);
  if (built) return built[1]!;
  for (const args of [["--version"], ["version"], ["-v"]]) {
    const { stdout, stderr } = await new Deno.Command(path, { args, stdin: "null" }).output();
    const said = [stdout, stderr].map((each) => new TextDecoder().decode(each)).join("\n");
    const version = /\bv?(\d+\.\d+[\w.+~-]*)/.exec(said);
    if (version) return version[1]!;
  }
  return "unknown";
}
