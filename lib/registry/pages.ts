/** Lists that a registry gives page by page: tags, referrers, repositories. @module */
import type * as v from "valibot";
import { MismatchError } from "../errors.ts";
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
/** How many pages in a row may bring nothing new: pages that a registry filters may be empty. */
const MOST_IDLE_PAGES = 100;

/** Which list, and what is in it. */
export interface PagedList<T> extends CallOptions {
  /** The first page; the others differ in the address. */
  first: Call;
  /** Called with the registry's error codes where the list does not exist. It may throw; else the list is empty. */
  ifAbsent?: (codes: readonly string[]) => void;
  /** The items in a page. */
  schema: v.GenericSchema<unknown, T[]>;
  /** What tells items apart: of several with one key the first is given. */
  keyOf(item: T): string;
}

interface Page<T> {
  items: T[];
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
  let [left, idle, linked] = [MAX_LIST, 0, false];
  while (page && pages.size < pages.add(page.href).size) {
    const { items, next, size }: Page<T> = await readPage(client, page, list);
    const fresh = items.filter((item) => seen.size < seen.add(list.keyOf(item)).size);
    left -= Math.max(size, LEAST_PAGE);
    idle = fresh.length > 0 ? 0 : idle + 1;
    if (left < 0 || idle > MOST_IDLE_PAGES) {
      throw new MismatchError(`${list.first.what} has no end: ${pages.size} pages were read`);
    }
    yield* fresh;
    linked ||= next !== undefined;
    page = next ?? (linked ? undefined : pageAfter(page, items.map(list.keyOf)));
  }
}

async function readPage<T>(client: RegistryClient, page: URL, list: PagedList<T>): Promise<Page<T>> {
  const { first, schema, ifAbsent } = list;
  const what = first.what.replace(/^the /, "");
  return await client.callFor({ ...first, to: page }, list, async (answer) => {
    if (answer.status === 404) {
      ifAbsent?.(await codesOf(answer));
      return { items: [], size: 0 };
    }
    const bytes = await bytesOf(answer, { most: MAX_PAGE, what });
    return { items: parseAs(schema, bytes, what), size: bytes.length, next: nextPage(answer, page) };
  });
}

/** The page after a full one, at a registry that counts as it is asked to, but gives no `Link`. */
function pageAfter(current: URL, names: string[]): URL | undefined {
  if (names.length === 0 || names.length !== Number(current.searchParams.get("n"))) return undefined;
  const next = new URL(current);
  next.searchParams.set("last", names.at(-1)!);
  return next;
}

/** The next page by the `Link` header; its cursor may be anything. */
function nextPage(answer: Response, current: URL): URL | undefined {
  const link = answer.headers.get("link") ?? "";
  const target = link.split(/,(?=\s*<)/).find((each) => /;\s*rel="?next"?/i.test(each))?.match(/<([^<>]*)>/)
    ?.[1];
  return target === undefined ? undefined : urlNamed(target, current);
}
