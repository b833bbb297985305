/** What a repository has, for the hint of an error that says what it has not. @module */
import type { CallOptions, Store } from "./store.ts";

/** So many names are shown. */
const SHOWN = 5;

/** Says which names there are, as `it has: a, b`; of many the first ones. */
export function hintOfNames(names: readonly string[]): string {
  if (names.length === 0) return "it has none at all";
  return `it has: ${names.slice(0, SHOWN).join(", ")}${names.length > SHOWN ? ", ..." : ""}`;
}

/** Says which tags a repository has; `undefined` where it does not tell: the error is another one. */
export async function hintOfTags(store: Store, options: CallOptions): Promise<string | undefined> {
  const tags: string[] = [];
  try {
    for await (const tag of store.tags(options)) {
      if (tags.push(tag) > SHOWN) break;
    }
  } catch {
    options.signal?.throwIfAborted();
    return undefined;
  }
  return hintOfNames(tags);
}
