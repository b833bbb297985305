/** Whiteouts: files that mark the removal of what lower layers have (OCI image spec, layer.md). @module */
import { baseName, parentOf, pathIn } from "../layers/entry.ts";

/**
 * What a whiteout removes: one path with everything below it, all content of a directory (`opaque`), or nothing
 * (`none`: AUFS's own bookkeeping files).
 */
export type Whiteout =
  | { kind: "removed"; path: string }
  | { kind: "opaque"; directory: string }
  | { kind: "none" };

const PREFIX = ".wh.";

/** The whiteout that a path of a layer stands for; `undefined` for an ordinary file. */
export function whiteoutOf(path: string): Whiteout | undefined {
  const name = baseName(path);
  if (!name.startsWith(PREFIX)) return undefined;
  const directory = parentOf(path);
  if (name === ".wh..wh..opq") return { kind: "opaque", directory };
  const gone = name.slice(PREFIX.length);
  if (gone === "" || gone === "." || gone === ".." || gone.startsWith(PREFIX)) return { kind: "none" };
  return { kind: "removed", path: pathIn(directory, gone) };
}

/** Whether a path is in a directory that AUFS kept for itself, such as `.wh..wh.plnk`. */
export function isOfAufs(path: string): boolean {
  return path.startsWith(`${PREFIX}${PREFIX}`);
}
