/** The rows of a directory: names with what is known of them. @module */
import { encodePart } from "../files/file_path.ts";
import type { ListedName, NameState } from "../files/found.ts";
import { type Html, html } from "./html.ts";
import { badge, dateText, sizeText } from "./words.ts";

/** What a row has beside the name. */
interface RowOptions {
  /** The path of the directory in URLs, with a slash at its end. */
  base: string;
}

/** A list of names, directories first. */
export function directoryRows(listed: readonly ListedName[], options: RowOptions): Html {
  const sorted = [...listed].sort((one, other) => rank(one) - rank(other));
  return html`<ul class="rows">${sorted.map((each) => rowOf(each, options))}</ul>${
    listed.some(({ state }) => state === "locked") ? LOCKED : undefined
  }`;
}

/** What WebDAV leaves out, where nobody would look for it. */
const LOCKED = html`
  <p
    class="empty">This server has no key for what is encrypted: its pages say how to read it, and WebDAV leaves it out.</p>
`;

function rank({ kind }: ListedName): number {
  return kind === "directory" ? 0 : 1;
}

/** One name; `where` is the path of the directory that it is in, where that is another one than the page shows. */
function rowOf(listed: ListedName, { base, where }: RowOptions & { where?: string }): Html {
  return html`
    <li class="row ${looks(listed)}">
      <div
        class="line"><span class="what">${nameIn(listed, base)}${where && html`
          <span class="where">${where}</span>
        `}</span><span class="facts">${factsOf(listed)}</span><span class="get">${downloadOf(
          listed,
          base,
        )}</span></div>
    </li>
  `;
}

function factsOf({ state, note, modified, size }: ListedName): Html {
  return html`
    <span class="note">${note && badge(note, state && TONES[state])}</span><span class="date">${dateText(
      modified,
    )}</span><span
      class="size">${sizeText(size)}</span>
  `;
}

function downloadOf(listed: ListedName, base: string): Html | undefined {
  const { name, size } = listed;
  if (opens(listed) !== "file" || size === undefined) return undefined;
  return html`<a class="button" href="${base}${
    encodePart(name)
  }" download aria-label="Download ${name}">Download</a>`;
}

/** The tones of badges. */
const TONES: Readonly<Record<NameState, Parameters<typeof badge>[1]>> = {
  broken: "bad",
  encrypted: "locked",
  locked: "locked",
  image: "plain",
};

/** How a row looks, in classes of the style sheet. */
function looks({ kind, state }: ListedName): string {
  if (state === "image") return `${kind} image`;
  return state === "encrypted" || state === "locked" ? `${kind} encrypted` : kind;
}

/** A name that leads to what opening it shows. */
function nameIn(listed: ListedName, base: string): Html {
  const path = linkTo(listed, base);
  return path === undefined
    ? html`<span class="name">${listed.name}</span>`
    : html`<a class="name" href="${path}">${listed.name}</a>`;
}

function linkTo(listed: ListedName, base: string): string | undefined {
  const path = base + encodePart(listed.name);
  const shown = opens(listed);
  return shown === "nothing" ? undefined : path + (shown === "directory" ? "/" : "?view");
}

function opens({ kind, opens }: ListedName): NonNullable<ListedName["opens"]> {
  return opens ?? (kind === "directory" ? kind : "file");
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
    const above = directory.map((name) => `${encodePart(name)}/`).join("");
    return rowOf(entry, { base: base + above, where: directory.join("/") });
  });
  const count = `${found.length}${isCut ? " or more" : ""} found`;
  return html`
    <p class="count" role="status">${count}</p>
    <ul class="rows">${rows}</ul>
  `;
}
