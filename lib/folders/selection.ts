/** Which part of a directory is stored, and which part of a folder is brought back. @module */
import { NotFoundError } from "../errors.ts";
import { ignorePattern } from "../images/path_pattern.ts";
import { quoted } from "../messages.ts";

type Pattern = Awaited<ReturnType<typeof ignorePattern>>;

/** Which paths of a folder are wanted. */
export class Selection {
  readonly #patterns: readonly Pattern[];
  readonly #found = new Set<string>();

  private constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
  }

  static async of(globs: readonly string[]): Promise<Selection> {
    return new Selection(await Promise.all(globs.map(ignorePattern)));
  }

  /** Whether everything is wanted. */
  get isAll(): boolean {
    return this.#patterns.length === 0;
  }

  /** Whether a path is wanted. */
  includes(path: string): boolean {
    return this.isAll || this.names(path);
  }

  /** Whether a pattern matches a path. */
  names(path: string): boolean {
    const matching = this.#patterns.filter((pattern) => pattern.includes(path));
    for (const { text } of matching) this.#found.add(text);
    return matching.length > 0;
  }

  /** Whether any pattern has matched something. */
  get hasFound(): boolean {
    return this.#found.size > 0;
  }

  /** The patterns that have matched nothing. */
  get missing(): string[] {
    return this.#patterns.map(({ text }) => text).filter((text) => !this.#found.has(text));
  }

  /** @throws {NotFoundError} if a pattern has matched nothing */
  requireFound(): void {
    const [missing] = this.missing;
    if (missing !== undefined) throw new NotFoundError(`the folder has nothing at ${quoted(missing)}`);
  }
}
