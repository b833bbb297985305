/** Compares two file trees, entry by entry. @module */
import type { MergedEntry } from "../images/file_tree.ts";
import { comparePaths } from "../images/hidden_entries.ts";
import { normalPath } from "../layers/entry.ts";

/** In what two entries of one path may differ. `link`: one of them is another name of a file, and the other is not. */
export type Aspect =
  | "type"
  | "content"
  | "size"
  | "mode"
  | "time"
  | "owner"
  | "target"
  | "link"
  | "device"
  | "attributes";

/** A path at which two trees differ. */
export interface TreeDifference {
  /** `added`: only the second tree has it. `removed`: only the first one. */
  change: "added" | "removed" | "changed";
  /** The path, without a slash at either end; empty = the top. */
  path: string;
  /** In what the two differ; empty unless both trees have the path. */
  aspects: Aspect[];
  /** What the first tree has. */
  before?: MergedEntry;
  /** What the second tree has. */
  after?: MergedEntry;
}

/** The same of both sides of a comparison. */
export type Sides<T> = readonly [before: T, after: T];

/** What two trees have at one path. */
export interface Pair {
  before?: MergedEntry;
  after?: MergedEntry;
}

/** Pairs the entries of two trees, each in the order in which trees list them. */
export function* pairsOf(before: Iterable<MergedEntry>, after: Iterable<MergedEntry>): Generator<Pair> {
  const [left, right] = [before[Symbol.iterator](), after[Symbol.iterator]()];
  let [one, other] = [left.next(), right.next()];
  while (!one.done || !other.done) {
    const order = one.done ? 1 : other.done ? -1 : comparePaths(one.value.path, other.value.path);
    yield {
      ...(order <= 0 && { before: one.value as MergedEntry }),
      ...(order >= 0 && { after: other.value as MergedEntry }),
    };
    const [takesOne, takesOther] = [order <= 0, order >= 0];
    if (takesOne) one = left.next();
    if (takesOther) other = right.next();
  }
}

/** What is known of both trees. */
export interface CompareRules {
  /** Aspects that do not count. */
  ignored: ReadonlySet<Aspect>;
  /** The least difference of two times that counts, in seconds. */
  timeStep: number;
}

/** In what two entries of one path differ, beside the content of files. */
export function aspectsOf(before: MergedEntry, after: MergedEntry, rules: CompareRules): Aspect[] {
  const [one, other] = [described(before), described(after)];
  const found: Aspect[] = [];
  if (one.type !== other.type) found.push("type");
  else {
    if (one.size !== other.size) found.push("size");
    if (one.type === "symlink" && one.target !== other.target) found.push("target");
    if (keyOfDevice(one) !== keyOfDevice(other)) found.push("device");
    if (linkOf(before) !== linkOf(after)) found.push("link");
  }
  if (before.implied || after.implied) return found; // nobody knows more of these
  if (one.mode !== other.mode && one.type !== "symlink") found.push("mode");
  if (Math.abs(one.modified - other.modified) >= rules.timeStep) found.push("time");
  if (one.uid !== other.uid || one.gid !== other.gid) found.push("owner");
  if (keyOfAttributes(one) !== keyOfAttributes(other)) found.push("attributes");
  return found.filter((aspect) => !rules.ignored.has(aspect));
}

/** The entry that says what is at a path: that of the file, for each of its names. */
export function described({ source, ...entry }: MergedEntry): Omit<MergedEntry, "source"> {
  return source ?? entry;
}

/** The first name of a file, at its others; trees have it as the target of hard links. */
function linkOf({ type, target }: MergedEntry): string | undefined {
  return type === "hardlink" ? normalPath(target ?? "") : undefined;
}

function keyOfDevice({ device }: Pick<MergedEntry, "device">): string {
  return device ? `${device.major}:${device.minor}` : "";
}

/** A text that tells extended attributes from others. */
export function keyOfAttributes({ attributes = {} }: Pick<MergedEntry, "attributes">): string {
  return JSON.stringify(
    Object.entries(attributes).sort(([one], [other]) => one < other ? -1 : 1)
      .map(([name, value]) => [name, value.toBase64()]),
  );
}
