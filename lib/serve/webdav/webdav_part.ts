/** WebDAV, class 1, read-only (RFC 4918): file managers and rclone mount what is stored at `/dav/`. @module */
import { explained, shelfOf } from "../files/files_part.ts";
import { encodePart, encodePath, namesIn } from "../files/file_path.ts";
import { fileResponse } from "../files/file_response.ts";
import { type Found, type FoundClosed, isClosed, type ListedName } from "../files/found.ts";
import { mediaTypeOf } from "../files/media_type_of.ts";
import { closedResponse } from "../page/closed.ts";
import { isReading, type Part, textResponse } from "../part.ts";
import { multistatus, type Resource } from "./multistatus.ts";
import { wantedProperties } from "./propfind.ts";

const ALLOWED = "OPTIONS, GET, HEAD, PROPFIND";

/** Answers requests below `/dav/`; and at `/`, where Windows asks first what the server can do. */
export const webdavPart: Part = async (request, url, serving) => {
  if (request.method === "OPTIONS") return optionsResponse();
  if (request.method !== "PROPFIND" && !isReading(request)) {
    return textResponse(405, "what is stored is only read here", { allow: ALLOWED });
  }
  return await explained(request, serving, async () => {
    const isTop = url.pathname === "/";
    const names = isTop ? [] : namesIn(url.pathname.slice("/dav".length));
    const found = names && await shelfOf(serving).find(names);
    if (!found) return textResponse(404, `there is nothing at ${url.pathname}`);
    if (isClosed(found)) return closedResponse(found, url);
    if (request.method === "PROPFIND") {
      return await propfind(request, found, isTop ? "/" : "/dav/");
    }
    if (found.kind === "file") return await fileResponse(request, found.file);
    const location = `/files/${url.pathname.slice("/dav/".length)}`;
    return new Response(null, { status: 302, headers: { location } });
  });
};

/** What the server can do. */
function optionsResponse(): Response {
  return new Response(null, {
    status: 200,
    headers: { allow: ALLOWED, dav: "1", "ms-author-via": "DAV", "content-length": "0" },
  });
}

/** What WebDAV shows. */
type FoundResource = Exclude<Found, FoundClosed>;

/** Answers with the properties of what was found, and of what is in it; `base` is the path of the top. */
async function propfind(request: Request, found: FoundResource, base: string): Promise<Response> {
  const depth = request.headers.get("depth")?.trim().toLowerCase() ?? "infinity";
  if (depth === "infinity") return multistatus.tooDeep();
  if (depth !== "0" && depth !== "1") return textResponse(400, "the header Depth is 0, 1 or infinity");
  const wanted = await wantedProperties(request);
  if (wanted === "malformed") return textResponse(400, "the body is not a propfind element");
  const own = resourceOf(found, base);
  const isListed = depth === "1" && found.kind === "directory" && base !== "/";
  const below = isListed ? resourcesIn(await found.list(), own.path) : [];
  return multistatus.response(own, below, wanted);
}

function resourceOf(found: FoundResource, base: string): Resource {
  const path = base + encodePath(found.names);
  const name = found.names.at(-1) ?? "";
  if (found.kind === "directory") return { path: path.endsWith("/") ? path : `${path}/`, name };
  const { size, modified, tag } = found.file;
  return { path, name, modified, file: { size, type: mediaTypeOf(found.file.name), tag } };
}

/** What the directory with a path has. Links are what they lead to; what cannot be read is left out. */
function* resourcesIn(listed: Iterable<ListedName>, directory: string): Generator<Resource> {
  for (const { name, kind, size, modified, state, opens = kind === "directory" ? kind : "file" } of listed) {
    const path = directory + encodePart(name);
    if (state === "locked" || opens === "nothing") continue;
    if (opens === "directory") yield { path: `${path}/`, name, modified };
    else if (size !== undefined) yield { path, name, modified, file: { size, type: mediaTypeOf(name) } };
  }
}
