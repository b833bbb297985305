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

  includes(path: string): boolean {
    const matching = this.#patterns.filter((pattern) => pattern.includes(path));
    for (const { text } of matching) this.#found.add(text);
    return this.isAll || matching.length > 0;
  }

  /** @throws {NotFoundError} if a pattern has matched nothing */
  requireFound(): void {
    const missing = this.#patterns.find(({ text }) => !this.#found.has(text));
    if (missing) throw new NotFoundError(`the folder has nothing at ${quoted(missing.text)}`);
  }
}

/**
 * What globs leave out.
 *
 * @throws {InvalidInputError} if a glob is too long
 */
export async function exclusions(globs: readonly string[]): Promise<(path: string) => boolean> {
  const patterns = await Promise.all(globs.map(ignorePattern));
  return (path) => patterns.some((pattern) => pattern.includes(path));
}
