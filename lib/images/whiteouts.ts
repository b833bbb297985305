/** Whiteouts: how a layer says that something of the layers below is gone (OCI image spec, layer.md). @module */
import { baseName, parentOf } from "../layers/entry.ts";

/**
 * What a whiteout takes away: one thing with all that is in it, everything in a directory (`opaque`), or nothing at all
 * (what AUFS has left behind for itself).
 */
export type Whiteout =
  | { kind: "removed"; path: string }
  | { kind: "opaque"; directory: string }
  | { kind: "none" };

const PREFIX = ".wh.";

/** The whiteout that a place in a layer is; `undefined` = it is a file like any other. */
export function whiteoutOf(path: string): Whiteout | undefined {
  const name = baseName(path);
  if (!name.startsWith(PREFIX)) return undefined;
  const directory = parentOf(path);
  if (name === ".wh..wh..opq") return { kind: "opaque", directory };
  const gone = name.slice(PREFIX.length);
  if (gone === "" || gone === "." || gone === ".." || gone.startsWith(PREFIX)) return { kind: "none" };
  return { kind: "removed", path: directory ? `${directory}/${gone}` : gone };
}
