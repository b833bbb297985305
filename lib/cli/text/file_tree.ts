/** Draws files as a tree. @module */
import type { LayerEntry } from "../../images/layer_entry.ts";
import { printable } from "../../messages.ts";
import { formatSize } from "./sizes.ts";

interface Branch {
  entry: LayerEntry | undefined;
  children: Map<string, Branch>;
}

/** Draws entries as a tree, sorted by name. A directory above them is drawn even if it is not an entry itself. */
export function renderTree(entries: Iterable<LayerEntry>, { layers }: { layers: boolean }): string {
  const root: Branch = { entry: undefined, children: new Map() };
  for (const entry of entries) {
    let branch = root;
    for (const part of entry.path.split("/").filter((part) => part !== "")) {
      const next: Branch = branch.children.get(part) ?? { entry: undefined, children: new Map() };
      branch.children.set(part, next);
      branch = next;
    }
    branch.entry = entry;
  }
  return `/\n${[...treeLines(root, "", layers)].join("")}`;
}

function* treeLines({ children }: Branch, margin: string, layers: boolean): Generator<string> {
  const names = [...children.keys()].sort();
  for (const [index, name] of names.entries()) {
    const branch = children.get(name)!;
    const last = index === names.length - 1;
    yield `${margin}${last ? "└── " : "├── "}${printable(label(name, branch))}${layerMark(branch, layers)}\n`;
    yield* treeLines(branch, margin + (last ? "    " : "│   "), layers);
  }
}

function label(name: string, { entry, children }: Branch): string {
  if (!entry || entry.type === "directory") return `${name}/`;
  if (entry.type === "symlink") return `${name} -> ${entry.target}`;
  if (entry.type === "hardlink") return `${name} link to ${entry.target}`;
  return entry.type === "file" && children.size === 0
    ? `${name} (${formatSize(entry.size)})`
    : `${name} (${entry.type})`;
}

function layerMark({ entry }: Branch, layers: boolean): string {
  return layers && entry ? ` [${entry.layer}]` : "";
}
