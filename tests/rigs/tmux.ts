/**
 * tmux in control mode: one process takes all commands, and tells when a program has printed something.
 *
 * @see https://github.com/tmux/tmux/wiki/Control-Mode
 * @module
 */
import { linesOf } from "./line_reader.ts";

/** A server of tmux with one window. */
export class Tmux implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  readonly #answers: PromiseWithResolvers<string>[] = [];
  #news = Promise.withResolvers<void>();
  #ended = false;

  /** Runs a shell command in the window, with these variables alone; `options` are those of `new-session`. */
  constructor(command: string, options: readonly string[], env: Record<string, string>) {
    const socket = `layerstash-${crypto.randomUUID()}`;
    this.#child = new Deno.Command("tmux", {
      args: ["-L", socket, "-f", "/dev/null", "-C", "new-session", ...options, command],
      clearEnv: true,
      env,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#answers.push(Promise.withResolvers()); // `new-session` is answered, too
    this.#reading = this.#read();
  }

  /** Gives one command, and what it printed. */
  async tell(...words: string[]): Promise<string> {
    if (this.#ended) throw new Error(`tmux had ended before ${words.join(" ")}`);
    const answer = Promise.withResolvers<string>();
    this.#answers.push(answer);
    await this.#input.write(new TextEncoder().encode(`${words.map(quoted).join(" ")}\n`));
    return await answer.promise;
  }

  /** Resolves when the program has printed something since this was read, and when tmux has ended. */
  get news(): Promise<void> {
    return this.#ended ? Promise.resolve() : this.#news.promise;
  }

  async #read(): Promise<void> {
    let block: { name: string; lines: string[] } | undefined;
    for await (const line of linesOf(this.#child.stdout)) {
      const [, mark, name = ""] = /^%(begin|end|error) (.*)/.exec(line) ?? [];
      if (!block && mark === "begin") block = { name, lines: [] };
      else if (block && mark && name === block.name) {
        this.#answers.shift()?.resolve(block.lines.join("\n"));
        block = undefined;
      } else if (block) block.lines.push(line);
      else if (line.startsWith("%output ")) this.#wake();
    }
    this.#ended = true;
    for (const { reject } of this.#answers) reject(new Error("tmux has ended"));
    this.#wake();
  }

  #wake(): void {
    const { resolve } = this.#news;
    this.#news = Promise.withResolvers();
    resolve();
  }

  /** Ends the program, and tmux. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.tell("kill-server").catch(() => {});
    await this.#reading;
    await this.#input.close().catch(() => {});
    await this.#child.status;
  }
}

/** A word as tmux reads it, whatever is in it. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
