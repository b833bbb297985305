/**
 * Builds servers and clients that are written in Go, from the module proxy, and keeps them outside of the checkout:
 * `deno run -A tests/compatibility/go_programs.ts crane` builds one of them.
 *
 * @module
 */
import { join } from "node:path";
import { cacheDirectory, ensureTool } from "../rigs/debian.ts";
import { announce, onceInRun } from "../rigs/run_notes.ts";

/** A program of a Go module. */
export interface GoProgram {
  /** The module's path. */
  module: string;
  /** Its version, such as `v3.1.2`. */
  version: string;
  /** The directory of the program in the module, such as `cmd/registry`. */
  directory: string;
  /** Build tags, separated by spaces. */
  tags?: string;
}

/** The programs that registries and clients are compared with. */
export const GO_PROGRAMS = {
  distribution: {
    module: "github.com/distribution/distribution/v3",
    version: "v3.1.2",
    directory: "cmd/registry",
  },
  // Its list of tags on S3 has gaps.
  "older-distribution": {
    module: "github.com/distribution/distribution/v3",
    version: "v3.1.1",
    directory: "cmd/registry",
  },
  gitea: {
    module: "code.gitea.io/gitea",
    version: "v1.26.0",
    directory: ".",
    tags: "sqlite sqlite_unlock_notify",
  },
  crane: { module: "github.com/google/go-containerregistry", version: "v0.22.1", directory: "cmd/crane" },
  olareg: { module: "github.com/olareg/olareg", version: "v0.2.2", directory: "cmd/olareg" },
  helm: { module: "helm.sh/helm/v3", version: "v3.22.0", directory: "cmd/helm" },
  oras: { module: "oras.land/oras", version: "v1.3.6", directory: "cmd/oras" },
  regctl: { module: "github.com/regclient/regclient", version: "v0.11.7", directory: "cmd/regctl" },
  conformance: {
    module: "github.com/opencontainers/distribution-spec/conformance",
    version: "v0.0.0-20260831232431-97274622c111",
    directory: ".",
  },
} as const satisfies Record<string, GoProgram>;

/** The path of a program, which is built where it is missing; `undefined`, after one line that says why, where that fails. */
export async function goProgram(name: keyof typeof GO_PROGRAMS): Promise<string | undefined> {
  const path = join(cacheDirectory(), "go", `${name}-${GO_PROGRAMS[name].version}`);
  if (await Deno.stat(path).then(() => true, () => false)) return path;
  if (!await ensureTool("go", "golang-go")) return undefined;
  const refusal = await onceInRun(
    `building ${name}`,
    () => build(GO_PROGRAMS[name], path).then(() => undefined, (error: Error) => error.message),
  );
  if (refusal === undefined) return path;
  announce(`cannot build ${name} here: ${refusal}`);
  return undefined;
}

/** `go install` refuses modules that replace others, as Gitea does: so the module is built in a copy of its own. */
async function build(program: GoProgram, path: string): Promise<void> {
  const source = await Deno.makeTempDir({ prefix: "layerstash-go-" });
  try {
    const found = await run(
      "go",
      ["mod", "download", "-json", `${program.module}@${program.version}`],
      source,
    );
    await run("cp", ["-R", `${JSON.parse(found).Dir}/.`, source], source);
    await run("chmod", ["-R", "u+w", source], source);
    const tags = program.tags === undefined ? [] : ["-tags", program.tags];
    await run("go", ["build", ...tags, "-o", path, `./${program.directory}`], source);
  } finally {
    await Deno.remove(source, { recursive: true });
  }
}

/** Where Go keeps the source of a program's module, which is fetched where it is missing. */
export async function moduleDirectory({ module, version }: GoProgram): Promise<string> {
  const { Dir } = JSON.parse(await run("go", ["mod", "download", "-json", `${module}@${version}`], "/"));
  return Dir;
}

async function run(command: string, args: string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd, stdin: "null" }).output();
  const [given, complaint = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  if (success) return given!;
  throw new Error((reasonIn(given!) ?? complaint.split("\n").at(-1)) || `${command} ${args[0]} failed`);
}

/** What `go mod download -json` says on standard output of its failure. */
function reasonIn(given: string): string | undefined {
  try {
    return JSON.parse(given).Error;
  } catch {
    return undefined; // another command
  }
}

if (import.meta.main) {
  for (const name of Deno.args) {
    if (!Object.hasOwn(GO_PROGRAMS, name)) throw new Error(`there is no ${name}`);
    if (await goProgram(name as keyof typeof GO_PROGRAMS) === undefined) Deno.exitCode = 1;
  }
}
