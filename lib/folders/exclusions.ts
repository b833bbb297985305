/** Decides by globs what a folder leaves out. @module */
import { pathPattern } from "../images/path_pattern.ts";

/**
 * Reads globs as `.gitignore` has them: one without a slash, but at its end, names files and directories at any depth, and one
 * with a slash a path from the top.
 *
 * @throws {InvalidInputError} if a glob is too long
 */
export async function exclusions(globs: readonly string[]): Promise<(path: string) => boolean> {
  const patterns = await Promise.all(globs.map((glob) => {
    const isName = !glob.replace(/(?<!\/)\/+$/, "").includes("/");
    return pathPattern(isName ? `**/${glob}` : glob);
  }));
  return (path) => patterns.some((pattern) => pattern.includes(path));
}
