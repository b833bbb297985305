/** The answers about what is there and cannot be given: it is encrypted, incomplete or torn. @module */
import type { FoundClosed } from "../files/found.ts";
import { brokenPage, brokenResponse } from "./broken_page.ts";
import { lockedPage, lockedResponse } from "./locked_page.ts";

/** Answers a person with a page. */
export function closedPage(found: FoundClosed, url: URL): Response {
  return found.kind === "locked" ? lockedPage(found, url) : brokenPage(found, url);
}

/** Answers a program with a line of text. */
export function closedResponse(found: FoundClosed, url: URL): Response {
  return found.kind === "locked" ? lockedResponse(found, url) : brokenResponse(found, url);
}
