/** The rows of a directory: names with what is known of them. @module */
import { encodePart } from "../files/file_path.ts";
import type { ListedName } from "../files/found.ts";
import { type Html, html } from "./html.ts";
import { badge, dateText, sizeText } from "./words.ts";

/** What a row has beside the name. */
interface RowOptions {
  /** The path of the directory in URLs, with a slash at its end. */
  base: string;
  /** Whether its files can be shown one by one. */
  views?: boolean;
}

/** A list of names, directories first. */
export function directoryRows(listed: readonly ListedName[], options: RowOptions): Html {
  const sorted = [...listed].sort((one, other) => rank(one) - rank(other));
  return html`<ul class="rows">${sorted.map((each) => directoryRow(each, options))}</ul>`;
}

function rank({ kind }: ListedName): number {
  return kind === "directory" ? 0 : 1;
}

function directoryRow({ name, kind, size, modified, note }: ListedName, { base }: RowOptions): Html {
  const path = base + encodePart(name);
  const facts = html`<span class="note">${
    note && badge(note, /incomplete/.test(note) ? "bad" : "plain")
  }</span>
<span class="date">${dateText(modified)}</span><span class="size">${sizeText(size)}</span>`;
  if (kind === "directory") {
    return html`
      <li class="row directory">
        <div class="line"><a class="name" href="${path}/">${name}</a>${facts}
      <span class="get"></span></div>
      </li>
    `;
  }
  const isBroken = /^incomplete/.test(note ?? "");
  const get = isBroken || (size === undefined && kind !== "link")
    ? html``
    : html`<a class="button" href="${path}" download aria-label="Download ${name}">Download</a>`;
  return html`
    <li class="row ${kind}">
      <div class="line"><a class="name" href="${path}?view">${name}</a>${facts}
    <span class="get">${get}</span></div>
    </li>
  `;
}

/** Paths that were found by a search, below a directory. */
export function foundRows(
  found: readonly { path: string; entry: ListedName }[],
  { base, isCut, query }: RowOptions & { isCut: boolean; query: string },
): Html {
  if (found.length === 0) {
    return html`<p class="empty" role="status">Nothing here has “${query}” in its path.</p>`;
  }
  const rows = found.map(({ path, entry }) => {
    const directory = path.split("/").slice(0, -1);
    const above = directory.map(encodePart).join("/");
    return html`
      <li class="row ${entry.kind}">
        <div
          class="line"><span class="name"><a href="${base}${above && `${above}/`}${encodePart(
            entry.name,
          )}${entry.kind === "directory" ? "/" : "?view"}">${entry.name}</a> <span class="where">${directory
            .join("/")}</span></span><span class="note"></span><span class="date">${dateText(
              entry.modified,
            )}</span><span class="size">${sizeText(entry.size)}</span><span class="get"></span></div>
      </li>
    `;
  });
  const count = `${found.length}${isCut ? " or more" : ""} found`;
  return html`
    <p class="count" role="status">${count}</p>
    <ul class="rows">${rows}</ul>
  `;
}
