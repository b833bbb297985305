/** What is stored as files and pages: `/files/` and below. @module */
import { printable } from "../../messages.ts";
import { closedPage, closedResponse } from "../page/closed.ts";
import { directoryPage } from "../page/directory_page.ts";
import { filePage } from "../page/file_page.ts";
import { html } from "../page/html.ts";
import { overviewPage } from "../page/overview_page.ts";
import { pageResponse } from "../page/page.ts";
import { isReading, type Part, readOnlyResponse, type Serving, textResponse } from "../part.ts";
import { reportedRefusal } from "../registry/refusal.ts";
import { namesIn } from "./file_path.ts";
import { fileResponse } from "./file_response.ts";
import { type Found, isClosed } from "./found.ts";
import { Shelf } from "./shelf.ts";

/** What was looked up, for as long as it is served. A server with other keys decrypts other files. */
const shelves = new WeakMap<Serving, Shelf>();

/** What a server serves, as a tree. It is the same in all parts of the server. */
export function shelfOf(serving: Serving): Shelf {
  const shelf = shelves.get(serving) ?? new Shelf(serving);
  shelves.set(serving, shelf);
  return shelf;
}

/** Answers requests for files and directories. */
export const filesPart: Part = async (request, url, serving) => {
  if (!isReading(request)) return readOnlyResponse();
  return await explained(request, serving, async () => {
    const names = namesIn(url.pathname.slice("/files".length));
    const found = names && await shelfOf(serving).find(names);
    if (!found) return notFound(request, url);
    return withoutBody(request, await answer(found, request, url));
  });
};

/** Answers with the overview, at the top. */
export const overviewPart: Part = async (request, url, serving) => {
  if (url.pathname !== "/") return textResponse(404, `there is nothing at ${url.pathname}`);
  if (!isReading(request)) return readOnlyResponse();
  return await explained(request, serving, async () => {
    return withoutBody(request, await overviewPage(shelfOf(serving), url));
  });
};

async function answer(found: Found, request: Request, url: URL): Promise<Response> {
  if (isClosed(found)) {
    const isForPeople = wantsPage(request) || url.searchParams.has("rows");
    return isForPeople ? closedPage(found, url) : closedResponse(found, url);
  }
  const hasSlash = url.pathname.endsWith("/");
  if (found.kind === "file") {
    if (hasSlash) return movedTo(url.pathname.replace(/\/+$/, "") + url.search);
    return url.searchParams.has("view")
      ? await filePage(found, url)
      : await fileResponse(request, found.file);
  }
  return hasSlash ? await directoryPage(found, url) : movedTo(`${url.pathname}/${url.search}`);
}

/** Leads on within this server: two slashes at the beginning would name another one. */
function movedTo(path: string): Response {
  const location = path.replace(/^\/+/, "/");
  return new Response(null, { status: 308, headers: { location } });
}

/** Whether a browser asks, for somebody to look at the answer. */
function wantsPage({ headers }: Request): boolean {
  return /text\/html/.test(headers.get("accept") ?? "");
}

/** The answer to HEAD is that to GET, without what it says. */
function withoutBody({ method }: Request, response: Response): Response {
  if (method !== "HEAD" || response.body === null) return response;
  response.body.cancel();
  return new Response(null, response);
}

/** Answers a failure with what it means, to people as a page. */
export async function explained(
  request: Request,
  serving: Serving,
  answer: () => Promise<Response>,
): Promise<Response> {
  try {
    return await answer();
  } catch (error) {
    return problem(request, reportedRefusal(error, request, serving));
  }
}

function notFound(request: Request, url: URL): Response {
  return problem(request, { status: 404, message: `there is nothing at ${printable(url.pathname)}` });
}

function problem(
  request: Request,
  { status, message }: { status: number; message: string },
): Response {
  if (!wantsPage(request)) return textResponse(status, message);
  const body = html`
    <h1>${status === 404 ? "Not found" : "This could not be read"}</h1>
    <div class="card">
      <p class="problem">${message}</p>
      <p><a href="/">To the overview</a></p>
    </div>
  `;
  return pageResponse({ title: String(status), names: [], body, status });
}
