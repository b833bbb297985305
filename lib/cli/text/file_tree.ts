/** Draws files as a tree. @module */
import { printable } from "../../messages.ts";
import { hiddenMark, type ListedEntry } from "./file_listing.ts";
import { formatSize } from "./sizes.ts";

interface Branch {
  /** What is at the path: entries that later layers hide, and last the one that is seen. */
  entries: ListedEntry[];
  children: Map<string, Branch>;
}

/** Draws entries as a tree, sorted by name. A directory above them is drawn even if it is not an entry itself. */
export function renderTree(entries: Iterable<ListedEntry>, { layers }: { layers: boolean }): string {
  const root: Branch = { entries: [], children: new Map() };
  for (const entry of entries) {
    let branch = root;
    for (const part of entry.path.split("/").filter((part) => part !== "")) {
      const next: Branch = branch.children.get(part) ?? { entries: [], children: new Map() };
      branch.children.set(part, next);
      branch = next;
    }
    branch.entries = [...branch.entries.filter(({ hiddenBy }) => hiddenBy !== undefined), entry];
  }
  return `/\n${[...treeLines(root, "", layers)].join("")}`;
}

function* treeLines({ children }: Branch, margin: string, layers: boolean): Generator<string> {
  const names = [...children.keys()].sort();
  for (const [index, name] of names.entries()) {
    const branch = children.get(name)!;
    const last = index === names.length - 1;
    const labels = labelsOf(name, branch, layers);
    const below = labels.pop()!;
    for (const label of labels) yield `${margin}├── ${printable(label)}\n`;
    yield `${margin}${last ? "└── " : "├── "}${printable(below)}\n`;
    yield* treeLines(branch, margin + (last ? "    " : "│   "), layers);
  }
}

/** What is drawn for a name: mostly one line. The last one is that of the directory, if there is one. */
function labelsOf(name: string, { entries, children }: Branch, layers: boolean): string[] {
  const files = entries.filter(({ type }) => type !== "directory");
  const directory = entries.findLast(({ type }) => type === "directory");
  const labels = files.map((entry) => fileLabel(name, entry) + marks(entry, layers));
  const hasDirectory = directory || children.size > 0 || labels.length === 0;
  return hasDirectory ? [...labels, `${name}/${directory ? marks(directory, layers) : ""}`] : labels;
}

function fileLabel(name: string, { type, target, size }: ListedEntry): string {
  if (type === "symlink") return `${name} -> ${target}`;
  if (type === "hardlink") return `${name} link to ${target}`;
  return `${name} (${type === "file" ? formatSize(size) : type})`;
}

function marks(entry: ListedEntry, layers: boolean): string {
  return (layers ? ` [${entry.layer}]` : "") + hiddenMark(entry);
}
