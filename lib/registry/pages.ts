/** Lists of names that a registry gives page by page: tags, repositories. @module */
import type * as v from "valibot";
import { MismatchError } from "../errors.ts";
import { bytesOf, codesOf, urlNamed } from "../http/answers.ts";
import { parseAs } from "../oci/manifest.ts";
import type { Call, RegistryClient } from "./client.ts";
import type { CallOptions } from "../store/store.ts";

/** A page is small: a thousand tags fill less than 200 KiB. */
const MAX_PAGE = 8 * 1024 * 1024;
/** So much of a list is read in all, in bytes; a page counts for some even where it is empty. */
const MAX_LIST = 256 * 1024 * 1024;
const LEAST_PAGE = 32 * 1024;
/** So many pages in a row may bring nothing new: pages that are filtered may be empty. */
const MOST_IDLE_PAGES = 100;

/** Which list. */
export interface NameList extends CallOptions {
  /** The first page. */
  first: URL;
  /** What its token has to allow. */
  action: Call["action"];
  /** For messages, such as `list of tags of docker.io/me/files`. */
  what: string;
  /** Set where a list that is not there is one without names; it is told what the registry says, and may throw. */
  ifAbsent?: (codes: readonly string[]) => void;
  /** The names in a page. */
  schema: v.GenericSchema<unknown, string[]>;
}

interface Page {
  names: string[];
  /** In bytes. */
  size: number;
  next?: URL | undefined;
}

/**
 * All names of a list, each once, as the pages come.
 *
 * @throws {MismatchError} when it has no end
 */
export async function* allNames(client: RegistryClient, list: NameList): AsyncGenerator<string> {
  const seen = new Set<string>();
  const pages = new Set<string>(); // a registry may lead round in a circle
  let page: URL | undefined = list.first;
  let [left, idle] = [MAX_LIST, 0];
  while (page && pages.size < pages.add(page.href).size) {
    const { names, next, size } = await readPage(client, page, list);
    left -= Math.max(size, LEAST_PAGE);
    idle = names.every((name) => seen.has(name)) ? idle + 1 : 0;
    if (left < 0 || idle > MOST_IDLE_PAGES) {
      throw new MismatchError(`the ${list.what} has no end: ${pages.size} pages were read`);
    }
    for (const name of names) {
      if (seen.size < seen.add(name).size) yield name;
    }
    page = next;
  }
}

async function readPage(client: RegistryClient, page: URL, list: NameList): Promise<Page> {
  const { action, what, schema, ifAbsent } = list;
  const expect = ifAbsent ? [200, 404] : [200];
  const call = { method: "GET", to: page, action, what: `the ${what}`, expect } as const;
  return await client.callFor(call, list, async (answer) => {
    if (answer.status === 404) {
      ifAbsent?.(await codesOf(answer));
      return { names: [], size: 0 };
    }
    const bytes = await bytesOf(answer, { most: MAX_PAGE, what });
    return { names: parseAs(schema, bytes, what), size: bytes.length, next: nextPage(answer, page) };
  });
}

/** The next page, as the registry names it: the cursor in it may be anything. */
function nextPage(answer: Response, current: URL): URL | undefined {
  const link = answer.headers.get("link") ?? "";
  const target = link.split(/,(?=\s*<)/).find((each) => /;\s*rel="?next"?/i.test(each))?.match(/<([^<>]*)>/)
    ?.[1];
  return target === undefined ? undefined : urlNamed(target, current);
}
