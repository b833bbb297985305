/** The style sheet, the script and the pictures of the pages. @module */
import { digestOf } from "../../oci/digest.ts";
import { statusOfConditions } from "../conditions.ts";
import { mediaTypeOf } from "../files/media_type_of.ts";
import { type Part, textResponse } from "../part.ts";
import { PAGE_TEXTS } from "./page_texts.ts";

/** Answers requests below `/page/`. */
export const assetsPart: Part = (request, { pathname }) => {
  const name = pathname.slice("/page/".length);
  const text = Object.hasOwn(PAGE_TEXTS, name) ? PAGE_TEXTS[name] : undefined;
  if (text === undefined) return Promise.resolve(textResponse(404, `there is nothing at ${pathname}`));
  const etag = `"${digestOf(new TextEncoder().encode(text)).slice("sha256:".length, 30)}"`;
  const headers = {
    "content-type": mediaTypeOf(name),
    "cache-control": "max-age=300",
    "x-content-type-options": "nosniff",
    etag,
  };
  const met = statusOfConditions(request.headers, { etag });
  const body = met === undefined && request.method !== "HEAD" ? text : null;
  return Promise.resolve(new Response(body, { status: met ?? 200, headers }));
};
