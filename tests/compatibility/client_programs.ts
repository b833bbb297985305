/** The clients that layerstash is compared with, and how each is run: with a home of its own, and without TLS. @module */
import { join } from "node:path";
import { bareEnvironment } from "../rigs/system.ts";
import { ensureTool } from "../rigs/debian.ts";
import { GO_PROGRAMS, goProgram } from "./go_programs.ts";
import { debianVersion } from "./server_list.ts";

/** The names of the clients. */
export const CLIENTS = ["podman", "skopeo", "umoci", "crane", "oras", "regctl"] as const;

/** One of them. */
export type Client = typeof CLIENTS[number];

const FROM_DEBIAN: ReadonlySet<string> = new Set(["podman", "skopeo", "umoci"]);

/** Runs clients in one directory. */
export class ClientPrograms {
  readonly #directory: string;
  readonly #paths: Map<Client, string> = new Map();

  /** Finds or builds those clients that can be had. */
  static async find(directory: string): Promise<ClientPrograms> {
    const programs = new ClientPrograms(directory);
    for (const client of CLIENTS) {
      const path = FROM_DEBIAN.has(client)
        ? await ensureTool(client, client) && client
        : await goProgram(client as "crane" | "oras" | "regctl");
      if (path) programs.#paths.set(client, path);
    }
    return programs;
  }

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** The clients that were found. */
  get found(): Client[] {
    return [...this.#paths.keys()];
  }

  /** The name of a client with its version. */
  async title(client: Client): Promise<string> {
    if (FROM_DEBIAN.has(client)) return `${client} ${await debianVersion(client)}`;
    return `${client} ${GO_PROGRAMS[client as "crane"].version.slice(1)}`;
  }

  /**
   * Runs a client in the directory.
   *
   * @throws {Error} with what it printed if it fails
   */
  async run([client, ...args]: readonly [Client, ...string[]]): Promise<void> {
    const path = this.#paths.get(client);
    if (path === undefined) throw new Error(`${client} was not found`);
    const { success, stderr, stdout } = await new Deno.Command(path, {
      args: client === "podman" ? [...this.#podmanOptions(), ...args] : args,
      cwd: this.#directory,
      clearEnv: true,
      env: { ...bareEnvironment(this.#directory), LC_ALL: "C.UTF-8" },
      stdin: "null",
    }).output();
    if (success) return;
    const said = [stderr, stdout].map((bytes) => new TextDecoder().decode(bytes).trim()).find((text) => text);
    throw new Error(said ?? `${client} failed`);
  }

  /** It keeps its images in the directory, and not where it does for its user. */
  #podmanOptions(): string[] {
    const own = (name: string) => join(this.#directory, `podman-${name}`);
    return [
      ...["--root", own("root"), "--runroot", own("run"), "--tmpdir", own("tmp")],
      ...["--storage-driver", "vfs", "--events-backend", "none", "--cgroup-manager", "cgroupfs"],
    ];
  }
}
