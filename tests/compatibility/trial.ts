/** One server that layerstash is tried against: commands are run, and what they say is compared. @module */
import assert from "node:assert/strict";
import { type Ended, makeWorkplace, type Workplace } from "../rigs/command_line.ts";
import type { RunningServer } from "./server.ts";

/** An operation: it throws, with the words that were printed, if it does not end as it should. */
export type Operation = (trial: Trial) => Promise<void>;

/** What every operation against one server shares. */
export class Trial implements AsyncDisposable {
  /** The server. */
  readonly server: RunningServer;
  /** The directory in which commands run. */
  readonly place: Workplace;
  /** How many megabytes were moved again, by the transfer that was killed. */
  readonly movedAgain: Map<string, string> = new Map();
  readonly #env: Record<string, string>;

  private constructor(server: RunningServer, place: Workplace) {
    this.server = server;
    this.place = place;
    this.#env = { LAYERSTASH_REGISTRY: `http://${server.host}`, ...server.environment };
  }

  /** Begins a trial in a directory of its own. */
  static async begin(server: RunningServer): Promise<Trial> {
    return new Trial(server, await makeWorkplace());
  }

  /** The name of a repository, below what the server wants in front of it. */
  repository(name: string): string {
    return `${this.server.prefix}${name}`;
  }

  /** The name of an image. */
  image(name: string): string {
    return `${this.server.host}/${this.repository(name)}`;
  }

  /** Runs layerstash, which has to end with 0; gives what it printed on standard output. */
  async run(args: string[], stdin?: Uint8Array<ArrayBuffer>): Promise<string> {
    return (await this.#end(args, 0, stdin)).stdout;
  }

  /** Runs layerstash, which has to end with 0 and to say this on standard error. */
  async says(args: string[], words: RegExp, stdin?: Uint8Array<ArrayBuffer>): Promise<void> {
    const { stderr } = await this.#end(args, 0, stdin);
    assert.match(stderr, words);
  }

  /** Runs layerstash, which has to end with this code. */
  async fails(args: string[], code: number): Promise<void> {
    await this.#end(args, code);
  }

  /** Runs layerstash, and gives the bytes that it prints. */
  async bytes(args: string[]): Promise<Uint8Array<ArrayBuffer>> {
    const path = this.place.path("printed");
    const child = this.place.start(args, { env: this.#env });
    const [{ success }, , stderr] = await Promise.all([
      child.status,
      child.stdout.pipeTo((await Deno.create(path)).writable),
      new Response(child.stderr).text(),
    ]);
    assert.ok(success, stderr);
    return await Deno.readFile(path);
  }

  /** Starts layerstash against another address of the server. */
  start(args: string[], host: string): Deno.ChildProcess {
    return this.place.start(args, { env: { ...this.#env, LAYERSTASH_REGISTRY: `http://${host}` } });
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.place[Symbol.asyncDispose]();
  }

  async #end(args: string[], code: number, stdin?: Uint8Array<ArrayBuffer>): Promise<Ended> {
    const ended = await this.place.run(args, { env: this.#env, stdin });
    if (ended.code === code) return ended;
    throw new Error(`exit code ${ended.code}, not ${code}: ${ended.stderr || ended.stdout}`);
  }
}
