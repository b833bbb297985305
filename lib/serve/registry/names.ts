/** Names and numbers in the paths and queries of the registry's requests, checked. @module */
import { type Digest, isDigest } from "../../oci/digest.ts";
import { isTag, parseRepository } from "../../oci/reference.ts";
import { quoted, singleLine } from "../../messages.ts";
import { Refusal, REFUSED } from "./refusal.ts";

/** The digest in a path or a query. Only sha256 is known. */
export function digestIn(text: string | null): Digest {
  if (isDigest(text)) return text;
  throw new Refusal(REFUSED.digestInvalid, `${shown(text)} is not a sha256 digest`);
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
