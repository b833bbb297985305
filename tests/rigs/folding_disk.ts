/** A disk that folds names as that of macOS does: in one form of accents, without regard to case, `ß` is `ss`. @module */
import { dirname, join, relative, resolve } from "node:path";

/** How a disk folds names. */
export interface FoldingOptions {
  /** The directories, below the root, in which names are folded; absent = all. */
  where?: (directory: string) => boolean;
  /** What two names have in common that are one; absent = their decomposed form, and the full folding of case. */
  fold?: (name: string) => string;
}

/** Full folding of case: `ß` is `ss`, `ς` is `σ`. */
function foldFully(name: string): string {
  return name.normalize("NFD").toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize("NFD");
}

const [ONE_PATH, TWO_PATHS, LINK] = [
  ["lstat", "stat", "mkdir", "open", "remove", "readDir", "chmod", "chown", "utime"],
  ["link", "rename"],
  ["symlink"],
].map((names) => names.flatMap((name) => [name, `${name}Sync`])) as [string[], string[], string[]];

/** Folds the names of all files that this process asks for in a directory, until the block ends. */
export function foldNames(
  root: string,
  { where = () => true, fold = foldFully }: FoldingOptions = {},
): Disposable {
  const original = { ...Deno };
  /** The path as the names on the disk are spelled. */
  const spelled = (path: string | URL): string => {
    const inside = relative(root, resolve(`${path}`));
    if (inside === "" || inside.startsWith("..")) return `${path}`;
    return inside.split("/").reduce((directory, name) => {
      if (!where(directory)) return join(directory, name);
      return join(directory, spelledName(directory, name));
    }, resolve(root));
  };
  const spelledName = (directory: string, name: string): string => {
    try {
      const names = Array.from(original.readDirSync(directory), (entry) => entry.name);
      return names.includes(name) ? name : names.find((each) => fold(each) === fold(name)) ?? name;
    } catch {
      return name; // there is no such directory
    }
  };
  // deno-lint-ignore no-explicit-any -- each function is called as it was, with other paths
  const own = Deno as any, old = original as any;
  for (const name of ONE_PATH) {
    own[name] = (path: string, ...rest: unknown[]) => old[name](spelled(path), ...rest);
  }
  for (const name of TWO_PATHS) {
    own[name] = (from: string, to: string) => old[name](spelled(from), spelled(to));
  }
  for (const name of LINK) {
    own[name] = (target: string, path: string, ...rest: unknown[]) =>
      old[name](target, spelled(path), ...rest);
  }
  const restore = () => {
    for (const name of [...ONE_PATH, ...TWO_PATHS, ...LINK]) own[name] = old[name];
  };
  return { [Symbol.dispose]: restore };
}

/** Whether a path is in the hidden directory of an extraction. */
export function isStaging(path: string): boolean {
  return /\.layerstash-extract-/.test(path) || /\.layerstash-extract-/.test(dirname(path));
}
