/** The page of a directory: a repository, a folder, an image, an artifact, or a directory in one of these. @module */
import { encodePath } from "../files/file_path.ts";
import { type FoundDirectory, listedEntry, type ListedName } from "../files/found.ts";
import { namedPlatforms } from "../files/platform_names.ts";
import { ServedImage } from "../files/served_image.ts";
import { shellWord } from "../../messages.ts";
import {
  addressAt,
  type Addressed,
  keyWordsFor,
  pathWord,
  plainAddress,
  platformWords,
  type Way,
  waysSection,
} from "./commands_view.ts";
import { type Html, html } from "./html.ts";
import { layersSection } from "./layers_view.ts";
import { pageResponse, pieceResponse } from "./page.ts";
import { directoryRows, foundRows } from "./rows.ts";
import { badge, sizeText } from "./words.ts";

/** How many files a search shows. */
const MOST_FOUND = 300;
/** How many names of one directory are shown. */
const MOST_ROWS = 2000;

/** Answers with the page of a directory; with `rows` in the query, with its list alone. */
export async function directoryPage(found: FoundDirectory, url: URL): Promise<Response> {
  const base = `/files/${encodePath(found.names)}${found.names.length > 0 ? "/" : ""}`;
  const query = url.searchParams.get("q")?.trim() ?? "";
  const layers = found.thing instanceof ServedImage && found.path === ""
    ? await layersSection(found.thing, { base, layer: url.searchParams.get("layer") })
    : undefined;
  const rows = query === "" ? await listOf(found, base) : await searchOf(found, { base, query });
  if (url.searchParams.has("rows")) return pieceResponse(rows);
  const name = found.names.at(-1) ?? "Files";
  const isTree = found.thing !== undefined;
  const body = html`
    <h1>${name} ${kindBadge(found)}</h1>
    ${platformsOf(found)}
    ${layers?.shown}
    ${isTree ? searchForm(query) : undefined}
    <section class="card" aria-label="Files">
      <div id="rows" data-base="${base}" class="${isTree ? "tree" : ""}">${rows}</div>
    </section>
    ${layers?.all}
    ${found.repository && waysSection(waysTo({ ...found, repository: found.repository }, url))}
  `;
  return pageResponse({ title: name, names: found.names, body });
}

function kindBadge({ thing, reference, repository }: FoundDirectory): Html | undefined {
  if (!thing) return repository && !reference ? badge("repository") : undefined;
  if (thing.kind === "artifact") return badge(thing.artifact.kind);
  return html`${badge(thing.isFolder ? "folder" : "image")} <span class="dim">${
    sizeText(thing.report.size)
  } packed</span>`;
}

/** The other images of an index, one for each platform. */
function platformsOf({ thing, reference, path, names }: FoundDirectory): Html | undefined {
  const { platforms = [], digest } = thing?.artifact ?? {};
  if (platforms.length < 2 || path !== "") return undefined;
  const items = namedPlatforms(platforms, reference!).map(({ platform, name, image }) => {
    const isShown = image.digest === digest;
    return html`<li><a href="/files/${encodePath([...names.slice(0, -1), name])}/" ${
      isShown ? html`aria-current="true"` : html``
    }>${platform}</a></li>`;
  });
  return html`
    <nav class="platforms" aria-label="Platforms">
      <ul>${items}</ul>
    </nav>
  `;
}

function searchForm(query: string): Html {
  return html`<form role="search" class="search" method="get"><label for="q">Search below here</label>
<input type="search" id="q" name="q" value="${query}" placeholder="a part of a name" autocomplete="off" spellcheck="false">
<button type="submit">Search</button></form>`;
}

async function listOf(found: FoundDirectory, base: string): Promise<Html> {
  const listed = await found.list();
  if (listed.length === 0) return html`<p class="empty">Nothing is in it.</p>`;
  const more = listed.length - MOST_ROWS;
  return html`${directoryRows(listed.slice(0, MOST_ROWS), { base })}${
    more > 0 ? html`<p class="empty">${more} more names are not shown: search for them.</p>` : undefined
  }`;
}

async function searchOf(
  { thing, path, list }: FoundDirectory,
  { base, query }: { base: string; query: string },
): Promise<Html> {
  const wanted = query.toLowerCase();
  const found: { path: string; entry: ListedName }[] = [];
  for (
    const [each, entry] of thing
      ? await shownEntries(thing)
      : (await list()).map((entry) => [entry.name, entry] as const)
  ) {
    const below = path === "" ? each : each.startsWith(`${path}/`) ? each.slice(path.length + 1) : "";
    if (below === "" || !below.toLowerCase().includes(wanted)) continue;
    found.push({ path: below, entry: typeof entry === "function" ? entry() : entry });
    if (found.length === MOST_FOUND) break;
  }
  return foundRows(found, { base, query, isCut: found.length === MOST_FOUND });
}

/** All paths of an image or an artifact, each with what makes its row. */
async function shownEntries(
  thing: NonNullable<FoundDirectory["thing"]>,
): Promise<Iterable<readonly [string, ListedName | (() => ListedName)]>> {
  if (thing.kind === "artifact") {
    return [...thing.files].map(([path, { name, size }]) => [path, { name, size, kind: "file" }] as const);
  }
  const tree = await thing.tree();
  return tree.paths().map((path) => [path, () => listedEntry(tree, tree.find(path)!)] as const);
}

function waysTo(found: FoundDirectory & Addressed, url: URL): Way[] {
  const { reference, thing, path, names } = found;
  const [address, plain] = [addressAt(url, found), plainAddress(url, found)];
  const [platform, key] = [platformWords(found), keyWordsFor(thing)];
  const mounted = shellWord(`${url.origin}/dav/${encodePath(names)}/`);
  if (!reference) {
    return [
      { label: "layerstash", command: `layerstash list ${address}` },
      { label: "rclone", command: `rclone ls :webdav: --webdav-url ${mounted}` },
    ];
  }
  if (thing?.kind === "artifact") {
    const http = url.protocol === "http:" ? "--plain-http " : "";
    return [
      { label: "layerstash", command: `layerstash download ${address}${platform}` },
      { label: "oras", command: `oras pull ${http}${plain}${platform}` },
    ];
  }
  const all = thing?.isFolder
    ? `layerstash download ${address} ${reference}${key}`
    : `layerstash extract ${address}${platform} -o .`;
  return [
    {
      label: "layerstash",
      command: path === "" ? all : `layerstash extract ${address}${platform}${key} ${pathWord(path)} -o .`,
    },
    { label: "rclone", command: `rclone copy :webdav: ${pathWord(names.at(-1)!)} --webdav-url ${mounted}` },
    ...(thing?.isFolder ? [] : [{ label: "docker", command: `docker pull${platform} ${plain}` }]),
  ];
}
