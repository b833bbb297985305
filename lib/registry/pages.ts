/** Lists that a registry gives page by page: tags, referrers, repositories. @module */
import * as v from "valibot";
import { MismatchError, RegistryError } from "../errors.ts";
import { bytesOf, codesOf, urlNamed } from "../http/answers.ts";
import { parseAs } from "../oci/manifest.ts";
import type { RegistryClient } from "./client.ts";
import type { Call } from "./endpoints.ts";
import type { CallOptions } from "../store/store.ts";

/** The largest page that is read, in bytes. A thousand tags fill less than 200 KiB. */
const MAX_PAGE = 8 * 1024 * 1024;
/** How many bytes of a list are read in all; a page counts for some even where it is empty. */
const MAX_LIST = 256 * 1024 * 1024;
const LEAST_PAGE = 32 * 1024;
/** How many bytes an item counts for at least: what a short name takes in memory, here and in the caller's list. */
const LEAST_ITEM = 256;
/** How many pages in a row may bring nothing new: pages that a registry filters may be empty. */
const MOST_IDLE_PAGES = 100;

/** Which list, and what is in it. */
export interface PagedList<T> extends CallOptions {
  /** The first page; the others differ in the address. */
  first: Call;
  /** Called with the answer and its error codes where the list does not exist. It may throw; else the list is empty. */
  ifAbsent?: (answer: Response, codes: readonly string[]) => Promise<void> | void;
  /** The field of a page that has the items. */
  field: "tags" | "manifests" | "repositories";
  /** Reads an item; `undefined` = it is not understood. Such items are passed over, and a notice says so. */
  read(item: unknown): T | undefined;
  /** What tells items apart: of several with one key the first is given. */
  keyOf(item: T): string;
}

interface Page<T> {
  /** Those that are understood. */
  items: T[];
  /** The number of all items. */
  count: number;
  /** In bytes. */
  size: number;
  next?: URL | undefined;
}

/**
 * All items of a list, each once, as the pages come.
 *
 * @throws {MismatchError} if the list has no end
 */
export async function* allItems<T>(client: RegistryClient, list: PagedList<T>): AsyncGenerator<T> {
  const seen = new Set<string>();
  const pages = new Set<string>(); // the links of a registry may form a circle
  let page: URL | undefined = client.urlOf(list.first.to);
  let [left, idle, linked, odd] = [MAX_LIST, 0, false, false];
  while (page && pages.size < pages.add(page.href).size) {
    const { items, next, size, count }: Page<T> = await readAnyPage(client, page, list);
    const fresh = items.filter((item) => seen.size < seen.add(list.keyOf(item)).size);
    left -= Math.max(size, LEAST_PAGE, count * LEAST_ITEM);
    idle = fresh.length > 0 ? 0 : idle + 1;
    if (left < 0 || idle > MOST_IDLE_PAGES) {
      const read = `${pages.size} pages with ${seen.size} entries were read`;
      throw new MismatchError(`${list.first.what} has no end: ${read}`);
    }
    if (!odd && count > items.length) reportOdd(client, list);
    odd ||= count > items.length;
    yield* fresh;
    linked ||= next !== undefined;
    page = next ?? (linked ? undefined : pageAfter(page, count, items.map(list.keyOf).at(-1)));
  }
}

/** Reads an item that is a text. */
export function textOf(item: unknown): string | undefined {
  return typeof item === "string" ? item : undefined;
}

function reportOdd<T>(client: RegistryClient, { first, onEvent = client.onEvent }: PagedList<T>): void {
  const message = `${first.what} has entries that are not understood: they are passed over`;
  onEvent?.({ type: "notice", message });
}

/** Reads a page. A registry may refuse the number of items that is asked for: then it is asked for as many as it gives. */
async function readAnyPage<T>(client: RegistryClient, page: URL, list: PagedList<T>): Promise<Page<T>> {
  try {
    return await readPage(client, page, list);
  } catch (error) {
    const isRefused = error instanceof RegistryError && error.status === 400 && page.searchParams.has("n");
    if (!isRefused) throw error;
    const unnumbered = new URL(page);
    unnumbered.searchParams.delete("n");
    return await readPage(client, unnumbered, list);
  }
}

async function readPage<T>(client: RegistryClient, page: URL, list: PagedList<T>): Promise<Page<T>> {
  const { first, field, read, ifAbsent } = list;
  const what = first.what.replace(/^the /, "");
  return await client.callFor({ ...first, to: page }, list, async (answer) => {
    if (answer.status === 404) {
      await ifAbsent?.(answer, await codesOf(answer));
      return { items: [], count: 0, size: 0 };
    }
    const bytes = await bytesOf(answer, { most: MAX_PAGE, what });
    const all = parseAs(pageSchema, bytes, what)[field] ?? [];
    const items = all.map(read).filter((item) => item !== undefined);
    return { items, count: all.length, size: bytes.length, next: nextPage(answer, page) };
  });
}

const list = v.nullish(v.array(v.unknown())); // Go writes null for an empty list
const pageSchema = v.pipe(
  v.unknown(),
  v.check((page) => !Array.isArray(page), "Invalid type: Expected Object"),
  v.object({ tags: list, manifests: list, repositories: list }),
);

/** The page after a full one, at a registry that counts as it is asked to, but gives no `Link`. */
function pageAfter(current: URL, count: number, last: string | undefined): URL | undefined {
  if (last === undefined || count !== Number(current.searchParams.get("n"))) return undefined;
  const next = new URL(current);
  next.searchParams.set("last", last);
  return next;
}

/** The next page by the `Link` header; its cursor may be anything. */
function nextPage(answer: Response, current: URL): URL | undefined {
  const link = answer.headers.get("link") ?? "";
  const target = link.split(/,(?=\s*<)/).find((each) => /;\s*rel="?next"?/i.test(each))?.match(/<([^<>]*)>/)
    ?.[1];
  return target === undefined ? undefined : urlNamed(target, current);
}
