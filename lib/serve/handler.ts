/** Answers HTTP requests to what is stored: finds the part of the server that a path belongs to. @module */
import type { Store } from "../store/store.ts";
import { filesPart, overviewPart } from "./files/files_part.ts";
import { assetsPart } from "./page/assets_part.ts";
import { type Part, type ServeOptions, type Serving, textResponse } from "./part.ts";
import { registryPart } from "./registry/registry_part.ts";
import { webdavPart } from "./webdav/webdav_part.ts";
import { OpenRepositories, type ServedRepositories } from "./repositories.ts";

/** The parts, by the beginnings of their paths. The first that fits answers. */
const PARTS: readonly (readonly [path: string, part: Part])[] = [
  ["/v2/", registryPart],
  ["/files/", filesPart],
  ["/dav/", webdavPart],
  ["/page/", assetsPart],
  ["/healthz", () => Promise.resolve(textResponse(200, "ok"))],
  ["/metrics", (_request, _url, { metrics }) => Promise.resolve(metricsResponse(metrics))],
  ["/", topPart],
];

/**
 * Makes a handler of HTTP requests, as `Deno.serve` takes it: an OCI registry at `/v2/`, files and
 * directories at `/files/`, by WebDAV at `/dav/`, pages for people at `/`, and `/healthz`.
 *
 * @category Serving
 * @param stores what is served, by the names that clients use
 *
 * @example Serve a directory from a server of one's own
 * ```ts
 * import { openStore } from "@layerstash/cli";
 * import { serveHandler } from "@layerstash/cli/serve";
 *
 * const directory = await Deno.makeTempDir();
 * using store = openStore(`oci:${directory}`);
 * const handler = serveHandler({ "me/files": store });
 *
 * const answer = await handler(new Request("http://localhost/v2/"));
 * if (answer.status !== 200) throw new Error("unexpected status");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export function serveHandler(
  stores: Readonly<Record<string, Store>> | ServedRepositories,
  options: ServeOptions = {},
): (request: Request) => Promise<Response> {
  const serving: Serving = { ...options, repositories: repositoriesOf(stores) };
  return async (request) => {
    const url = new URL(request.url);
    const [, part] = PARTS.find(([path]) => isBelow(url.pathname, path)) ?? [];
    return await part?.(request, url, serving) ?? textResponse(404, `there is nothing at ${url.pathname}`);
  };
}

/** The top: a page for people; for file managers, which ask here first, where the directories are. */
function topPart(request: Request, url: URL, serving: Serving): Promise<Response> {
  const isForDav = url.pathname === "/" && ["OPTIONS", "PROPFIND"].includes(request.method);
  return (isForDav ? webdavPart : overviewPart)(request, url, serving);
}

function isBelow(path: string, begin: string): boolean {
  return begin.endsWith("/") ? path.startsWith(begin) || `${path}/` === begin : path === begin;
}

function repositoriesOf(
  stores: Readonly<Record<string, Store>> | ServedRepositories,
): ServedRepositories {
  return typeof stores.names === "function" ? stores as ServedRepositories : new OpenRepositories(
    stores as Readonly<Record<string, Store>>,
  );
}

function metricsResponse(metrics: (() => string) | undefined): Response {
  if (!metrics) return textResponse(404, "start the server with --metrics");
  return new Response(metrics(), { headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } });
}
