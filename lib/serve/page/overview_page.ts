/** The first page: all repositories, each with what it holds. @module */
import { LayerstashError } from "../../errors.ts";
import { compareNaturally, shellWord } from "../../messages.ts";
import { encodePath } from "../files/file_path.ts";
import { refusalOfError } from "../registry/refusal.ts";
import type { FoundDirectory } from "../files/found.ts";
import type { Shelf } from "../files/shelf.ts";
import { addressAt, type Way, waysSection } from "./commands_view.ts";
import { type Html, html } from "./html.ts";
import { pageResponse } from "./page.ts";
import { directoryRows } from "./rows.ts";

/** Of how many repositories the page shows the content. Of the others it shows the names. */
const MOST_OPEN = 12;
/** How many names of one repository are shown. */
const MOST_NAMES = 50;

/** Answers with the overview. */
export async function overviewPage(shelf: Shelf, url: URL): Promise<Response> {
  const { host } = url;
  const names = (await shelf.repositories()).sort(compareNaturally);
  const cards = await Promise.all(
    names.map((name, index) => repositoryCard(shelf, name, { isOpen: index < MOST_OPEN })),
  );
  const body = html`<h1>What is stored here</h1>
${names.length === 0 ? emptyText(host) : cards}
${names.length > 0 ? waysSection(waysIn(url, names[0]!)) : undefined}`;
  return pageResponse({ title: "Overview", names: [], body });
}

/** How to open what is served in other ways. */
function waysIn(url: URL, name: string): Way[] {
  return [
    { label: "layerstash", command: `layerstash list ${addressAt(url, { repository: { name } })}` },
    {
      label: "rclone",
      command: `rclone mount :webdav: DIRECTORY --webdav-url ${shellWord(`${url.origin}/dav/`)}`,
    },
    { label: "file manager", command: `${url.origin.replace(/^http/, "dav")}/dav/` },
  ];
}

function emptyText(host: string): Html {
  return html`
    <div class="card empty">
      <p>Nothing is stored here yet. Store a file:</p>
      <pre tabindex="0"><code>layerstash upload disk.img ${host}/me/files:disk</code></pre>
    </div>
  `;
}

async function repositoryCard(shelf: Shelf, name: string, { isOpen }: { isOpen: boolean }): Promise<Html> {
  const base = `/files/${encodePath(name.split("/"))}/`;
  return html`<section class="card"><h2><a href="${base}">${name}</a></h2>${
    isOpen ? await contentOf(shelf, name, base) : undefined
  }</section>`;
}

async function contentOf(shelf: Shelf, name: string, base: string): Promise<Html> {
  try {
    const found = await shelf.find(name.split("/")) as FoundDirectory;
    const listed = await found.list();
    if (listed.length === 0) return html`<p class="empty">It has no tags.</p>`;
    const more = listed.length - MOST_NAMES;
    return html`${directoryRows(listed.slice(0, MOST_NAMES), { base })}${
      more > 0 ? html`<p><a href="${base}">${more} more</a></p>` : undefined
    }`;
  } catch (error) {
    if (!(error instanceof LayerstashError)) throw error;
    return html`<p class="problem">It cannot be read: ${refusalOfError(error).message}</p>`;
  }
}
