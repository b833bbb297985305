/** Names and numbers in the paths and queries of the registry's requests, checked. @module */
import { type Algorithm, ALGORITHMS, type Digest, isDigest } from "../../oci/digest.ts";
import { isTag, parseRepository } from "../../oci/reference.ts";
import { quoted, singleLine } from "../../messages.ts";
import { Refusal, REFUSED } from "./refusal.ts";

/** The digest in a path or a query. */
export function digestIn(text: string | null): Digest {
  if (isDigest(text)) return text;
  throw new Refusal(REFUSED.digestInvalid, `${shown(text)} is not a sha256 or sha512 digest`);
}

/** The algorithm of the digest that an upload will end with; `undefined` = the client does not say. */
export function algorithmIn({ searchParams }: URL): Algorithm | undefined {
  const text = searchParams.get("digest-algorithm");
  const known = ALGORITHMS.find((each) => each === text);
  if (text === null || known) return known;
  throw new Refusal(REFUSED.digestInvalid, `${shown(text)} is not an algorithm that is known here`);
}

/** How many tags one request gives to a manifest. */
const MOST_TAGS = 100;

/** The tags that a manifest gets beside the digest under which it is stored. */
export function tagsIn({ searchParams }: URL): string[] {
  const tags = [...new Set(searchParams.getAll("tag"))];
  const wrong = tags.find((tag) => !isTag(tag));
  if (wrong !== undefined) throw new Refusal(REFUSED.manifestInvalid, `${shown(wrong)} is not a tag`);
  if (tags.length <= MOST_TAGS) return tags;
  throw new Refusal(REFUSED.tooManyTags, `one request gives at most ${MOST_TAGS} tags`);
}

/** The tag or digest of a manifest. A text that is neither names no manifest that could exist. */
export function referenceIn(text: string): string {
  if (text.includes(":")) return digestIn(text);
  if (isTag(text)) return text;
  throw new Refusal(REFUSED.manifestInvalid, `${shown(text)} is not a tag`);
}

/** The name of a repository. */
export function repositoryIn(text: string): string {
  try {
    return parseRepository(text);
  } catch {
    throw new Refusal(REFUSED.nameInvalid, `${shown(text)} is not the name of a repository`);
  }
}

/** A page of names, which come in order: those after the parameter `last`, at most `n`. */
export function pageOf(
  names: readonly string[],
  { pathname, searchParams }: URL,
): { page: string[]; link: HeadersInit } {
  const [last, n] = [searchParams.get("last") ?? "", searchParams.get("n")];
  if (n !== null && !/^\d{1,9}$/.test(n)) {
    throw new Refusal(REFUSED.pageInvalid, `${shown(n)} is not a number`);
  }
  const after = names.filter((name) => name > last);
  const page = after.slice(0, n === null ? undefined : Number(n));
  const end = page.at(-1);
  if (end === undefined || page.length === after.length) return { page, link: {} };
  return { page, link: { link: `<${pathname}?n=${n}&last=${encodeURIComponent(end)}>; rel="next"` } };
}

function shown(text: string | null): string {
  return text === null ? "nothing" : singleLine(quoted(text));
}
