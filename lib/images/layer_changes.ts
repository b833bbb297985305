/** Compares a layer with the filesystem that the layers below it make. @module */
import { Pace } from "../async/pace.ts";
import { FileTree } from "./file_tree.ts";
import type { ImageFiles, OpenLayerEntry } from "./image_files.ts";
import type { LayerEntry } from "./layer_entry.ts";
import { PackedEntries } from "./packed_entries.ts";
import { isOfAufs, whiteoutOf } from "./whiteouts.ts";

/** What a layer does to a path. A directory that it merely lists again is left as it was. */
export type LayerChange = "added" | "changed" | "hidden";

/** What a layer changes. */
export interface LayerChanges {
  /** The files of the layer, and those of lower layers that it hides. Whiteouts are not in it. */
  tree: FileTree;
  /** The paths that are changed. */
  changes: ReadonlyMap<string, LayerChange>;
}

/**
 * Compares the topmost of these layers with the others.
 *
 * @throws {MismatchError} if a layer is damaged, or they have too many entries
 */
export async function compareTopLayer(files: ImageFiles): Promise<LayerChanges> {
  const merged = new FileTree({ keepHidden: true });
  const own = new PackedEntries();
  const top = files.layers.at(-1)!;
  for (const layer of files.layers) {
    for await (const open of files.contents(layer, { want: "names" })) {
      if (layer !== top) merged.add(withoutContent(open));
      else own.push(withoutContent(open));
    }
  }
  const pace = new Pace(files.signal);
  const changes = new Map<string, LayerChange>();
  own.forEach((entry) => {
    const change = isContent(entry) ? changeBy(entry, merged) : undefined;
    if (change) changes.set(entry.path, change);
  });
  own.forEach((entry) => merged.add(entry));
  const tree = new FileTree();
  for (const entry of merged.entries()) {
    if (pace.isPauseDue) await pace.pause();
    if (entry.hiddenBy !== top.number || changes.has(entry.path)) continue;
    changes.set(entry.path, "hidden");
    tree.add(entry);
  }
  own.forEach((entry) => isContent(entry) && tree.add(entry));
  return { tree, changes };
}

function changeBy(entry: LayerEntry, below: FileTree): LayerChange | undefined {
  const before = below.find(entry.path);
  if (!before) return "added";
  const isSame = entry.type === "directory" && before.type === "directory" && entry.mode === before.mode &&
    entry.uid === before.uid && entry.gid === before.gid;
  return isSame ? undefined : "changed";
}

function isContent({ path }: LayerEntry): boolean {
  return whiteoutOf(path) === undefined && !isOfAufs(path);
}

function withoutContent({ extents: _, ...entry }: OpenLayerEntry): LayerEntry {
  return entry;
}
