/** What browsers get beside the pages. `deno task page` makes this file: edit the files beside it. @module */

/** The text of each file, by its name. */
export const PAGE_TEXTS: Readonly<Record<string, string>> = {
  "style.css": `/* The look of the pages: light and dark, from a phone to a wide screen. */
:root {
  --ground: #f5f6f8;
  --card: #fff;
  --text: #1b2330;
  --dim: #5b6778;
  --line: #e1e5eb;
  --hover: #f0f4fb;
  --accent: #2355d6;
  --accent-text: #fff;
  --good: #11692f;
  --good-ground: #e2f5e8;
  --bad: #a3210f;
  --bad-ground: #fdeae6;
  --locked: #7a4d00;
  --locked-ground: #fdf0d2;
  --code: #f1f3f7;
  --shadow: 0 1px 2px rgb(20 30 50 / 6%), 0 2px 12px rgb(20 30 50 / 4%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11151c;
    --card: #191f29;
    --text: #e4e8ef;
    --dim: #98a4b5;
    --line: #2a3240;
    --hover: #202836;
    --accent: #84a9ff;
    --accent-text: #0c1322;
    --good: #86dba0;
    --good-ground: #17351f;
    --bad: #ff9d8c;
    --bad-ground: #3c1d18;
    --locked: #f0c674;
    --locked-ground: #37290f;
    --code: #12171f;
    --shadow: none;
  }
}
* {
  box-sizing: border-box;
}
html {
  color-scheme: light dark;
  scrollbar-gutter: stable;
}
body {
  margin: 0;
  background: var(--ground);
  color: var(--text);
  overflow-wrap: anywhere;
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
}
a {
  color: var(--accent);
  text-decoration: none;
}
a:hover {
  text-decoration: underline;
}
:focus-visible {
  outline: 3px solid var(--accent);
  outline-offset: 2px;
  border-radius: 4px;
}
code,
pre {
  font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace;
  font-size: .86em;
}
h1 {
  font-size: 1.6rem;
  line-height: 1.25;
  margin: 1.6rem 0 1rem;
  letter-spacing: -.01em;
}
h2 {
  font-size: 1.05rem;
  margin: 0;
  display: inline-block;
}
.wide {
  width: 100%;
  max-width: 1060px;
  margin: 0 auto;
  padding: 0 20px;
}
.top {
  background: var(--card);
  border-bottom: 1px solid var(--line);
  position: sticky;
  top: 0;
  z-index: 1;
}
.top .wide {
  display: flex;
  align-items: center;
  gap: 6px 22px;
  min-height: 56px;
  flex-wrap: wrap;
  padding-block: 8px;
}
.brand {
  display: inline-flex;
  align-items: center;
  gap: 9px;
  font-weight: 650;
  color: var(--text);
}
.top ol {
  display: flex;
  flex-wrap: wrap;
  list-style: none;
  margin: 0;
  padding: 0;
}
.top li + li::before {
  content: "/";
  color: var(--dim);
  margin: 0 7px;
}
footer {
  color: var(--dim);
  font-size: .85rem;
  padding-block: 14px 34px;
}
.skip {
  position: absolute;
  left: -999px;
}
.skip:focus {
  left: 12px;
  top: 12px;
  z-index: 2;
  background: var(--card);
  padding: 8px 14px;
  border-radius: 8px;
}
.visually-hidden {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
.card {
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 12px;
  box-shadow: var(--shadow);
  padding: 16px 18px;
  margin: 0 0 18px;
}
.card > h2 {
  margin-bottom: 8px;
}
.dim,
.where {
  color: var(--dim);
  font-size: .88rem;
  font-weight: 400;
}
.empty {
  color: var(--dim);
  margin: 6px 0;
}
.problem {
  color: var(--bad);
  margin: 6px 0;
}
.count {
  margin: 2px 0 8px;
  color: var(--dim);
  font-size: .9rem;
}
.badge {
  display: inline-block;
  font-size: .76rem;
  font-weight: 500;
  line-height: 1.5;
  padding: 1px 9px;
  border-radius: 99px;
  vertical-align: middle;
  background: var(--code);
  color: var(--dim);
  letter-spacing: 0;
  max-width: 100%;
}
.badge.good {
  background: var(--good-ground);
  color: var(--good);
}
.badge.bad {
  background: var(--bad-ground);
  color: var(--bad);
}
.badge.locked {
  background: var(--locked-ground);
  color: var(--locked);
}
.locked {
  color: var(--locked);
}
.card.locked {
  color: inherit;
  border-color: var(--locked);
}
.card.locked p {
  margin: 4px 0;
}
.button {
  display: inline-block;
  border: 1px solid var(--line);
  border-radius: 8px;
  padding: 3px 11px;
  font-size: .86rem;
  background: var(--card);
  color: var(--accent);
  cursor: pointer;
  font-family: inherit;
  line-height: 1.5;
}
.button:hover {
  background: var(--hover);
  text-decoration: none;
  border-color: var(--accent);
}
.button.main {
  background: var(--accent);
  color: var(--accent-text);
  border-color: var(--accent);
}
.button.main:hover {
  filter: brightness(1.08);
}
.actions {
  display: flex;
  gap: 10px;
  margin: 0 0 18px;
}
.actions .button {
  padding: 8px 20px;
  font-size: 1rem;
}

/* Lists of names, which open as a tree. */
.rows {
  list-style: none;
  margin: 0;
  padding: 0;
}
.rows .rows {
  margin-left: 15px;
  border-left: 1px solid var(--line);
  padding-left: 6px;
}
.line {
  display: grid;
  grid-template-columns: minmax(0, 1fr) auto 9.4rem 5.4rem 6.2rem;
  gap: 4px 14px;
  align-items: center;
  min-height: 42px;
  padding: 3px 8px;
  border-radius: 8px;
}
.facts {
  display: contents;
}
.what {
  display: flex;
  align-items: center;
  min-width: 0;
}
.rows > .row + .row > .line {
  box-shadow: inset 0 1px 0 -0px var(--line);
  border-radius: 0;
}
.line:hover {
  background: var(--hover);
}
.name {
  display: flex;
  align-items: center;
  gap: 9px;
  color: var(--text);
  font-weight: 500;
  min-width: 0;
}
.where {
  margin-left: 12px;
}
.name::before {
  content: "";
  flex: none;
  width: 18px;
  height: 18px;
  background: var(--dim);
  mask: var(--icon) center / contain no-repeat;
}
.row {
  --icon: url("/page/file.svg");
}
.row.directory {
  --icon: url("/page/directory.svg");
}
.row.link {
  --icon: url("/page/link.svg");
}
.row.image {
  --icon: url("/page/image.svg");
}
.row.encrypted {
  --icon: url("/page/lock.svg");
}
.directory > .line .name::before {
  background: var(--accent);
}
.size,
.date {
  color: var(--dim);
  font-size: .86rem;
  font-variant-numeric: tabular-nums;
  white-space: nowrap;
}
.size,
.get {
  text-align: right;
}
.opener {
  border: 0;
  background: none;
  color: var(--dim);
  width: 26px;
  height: 26px;
  margin-left: -6px;
  padding: 0;
  cursor: pointer;
  border-radius: 6px;
  font-size: .7rem;
  transition: transform .12s;
}
.opener:hover {
  background: var(--line);
}
.opener[aria-expanded="true"] {
  transform: rotate(90deg);
}
.tree .rows:has(.opener) > .row:not(.directory) > .line > .what {
  padding-left: 20px;
}

.search {
  display: flex;
  gap: 10px;
  align-items: center;
  flex-wrap: wrap;
  margin: 0 0 18px;
}
.search label {
  color: var(--dim);
  font-size: .9rem;
}
.search input {
  flex: 1 1 200px;
  font: inherit;
  color: inherit;
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 9px;
  padding: 8px 13px;
  min-width: 0;
}
.search button {
  font: inherit;
  border: 1px solid var(--line);
  background: var(--card);
  color: var(--accent);
  border-radius: 9px;
  padding: 8px 18px;
  cursor: pointer;
}

.platforms ul {
  display: flex;
  flex-wrap: wrap;
  gap: 8px;
  list-style: none;
  margin: 0 0 18px;
  padding: 0;
}
.platforms a {
  display: block;
  border: 1px solid var(--line);
  border-radius: 99px;
  padding: 3px 13px;
  background: var(--card);
  font-size: .9rem;
}
.platforms a[aria-current] {
  background: var(--accent);
  border-color: var(--accent);
  color: var(--accent-text);
  font-weight: 500;
}

.layers,
.steps,
.changes,
.chunks {
  margin: 10px 0 0;
  padding: 0;
  list-style: none;
}
summary {
  cursor: pointer;
}
summary h2 {
  margin-left: 4px;
}
.layer {
  display: grid;
  grid-template-columns: 5rem 5.4rem minmax(0, 1fr) auto;
  gap: 4px 14px;
  padding: 8px;
  border-top: 1px solid var(--line);
  align-items: baseline;
}
.step {
  color: var(--text);
  white-space: nowrap;
  overflow: hidden;
  text-overflow: ellipsis;
}
.digest {
  color: var(--dim);
}
[aria-current="true"] {
  font-weight: 700;
}
.steps li {
  padding: 7px 8px;
  border-top: 1px solid var(--line);
}
.counts {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 6px;
  margin: 4px 0 0;
}
.counts .button {
  margin-left: auto;
}
.changes {
  max-height: 26rem;
  overflow: auto;
  font-size: .92rem;
}
.changes li {
  padding: 2px 8px;
}
.changes .added {
  color: var(--good);
}
.changes .hidden {
  color: var(--bad);
  text-decoration: line-through;
  text-decoration-thickness: 1px;
}

.preview {
  padding: 0;
  overflow: hidden;
  text-align: center;
}
.preview > * {
  display: block;
}
.preview img {
  margin: 0 auto;
  max-width: 100%;
  max-height: 70vh;
  object-fit: contain;
  background: repeating-conic-gradient(var(--code) 0 25%, transparent 0 50%) 0 / 22px 22px;
}
.preview video {
  width: 100%;
  max-height: 70vh;
  background: #000;
}
.preview audio {
  width: calc(100% - 32px);
  margin: 16px;
}
.preview .empty {
  padding: 6px 18px 10px;
  text-align: left;
}
pre.text {
  margin: 0;
  padding: 16px 18px;
  text-align: left;
  max-height: 70vh;
  overflow: auto;
  white-space: pre-wrap;
  tab-size: 8;
  line-height: 1.55;
}
dl {
  margin: 0;
}
dl > div {
  display: grid;
  grid-template-columns: 7rem minmax(0, 1fr);
  gap: 12px;
  padding: 7px 0;
}
dl > div + div {
  border-top: 1px solid var(--line);
}
dt {
  color: var(--dim);
}
dd {
  margin: 0;
}
.long {
  word-break: break-all;
}
.way {
  display: grid;
  grid-template-columns: 6rem minmax(0, 1fr) auto;
  gap: 4px 12px;
  align-items: center;
  padding: 4px 0;
}
.way .label {
  color: var(--dim);
  font-size: .9rem;
}
.way pre,
.card.empty pre {
  margin: 0;
  background: var(--code);
  border-radius: 8px;
  padding: 8px 12px;
  overflow-x: auto;
}

@media (max-width: 640px) {
  .wide {
    padding: 0 12px;
  }
  h1 {
    font-size: 1.35rem;
    margin: 1.1rem 0 .8rem;
  }
  .card {
    padding: 12px;
    border-radius: 10px;
  }
  .preview {
    padding: 0;
  }
  .line {
    grid-template-columns: minmax(0, 1fr) auto;
    padding: 7px 4px;
  }
  .facts {
    grid-column: 1 / -1;
    grid-row: 2;
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 2px 14px;
    padding-left: 27px;
  }
  .facts > :empty,
  .directory > .line .date {
    display: none;
  }
  .what {
    flex-wrap: wrap;
  }
  .where {
    margin-left: 27px;
    flex-basis: 100%;
  }
  .search label {
    flex-basis: 100%;
  }
  .layer {
    grid-template-columns: 1fr auto;
  }
  .step {
    grid-column: 1 / -1;
  }
  .layer .digest {
    display: none;
  }
  dl > div {
    grid-template-columns: 5.4rem minmax(0, 1fr);
  }
  .way {
    grid-template-columns: minmax(0, 1fr) auto;
  }
  .way .label {
    grid-column: 1 / -1;
  }
  .way pre,
  .card.empty pre {
    white-space: pre-wrap;
    word-break: break-all;
  }
}
@media (prefers-reduced-motion: reduce) {
  * {
    transition: none !important;
  }
}
@media print {
  .top {
    position: static;
  }
  .actions,
  .get,
  .opener,
  .search,
  .way .button {
    display: none;
  }
  .card {
    box-shadow: none;
  }
  .way pre {
    white-space: pre-wrap;
  }
  pre.text,
  .changes {
    max-height: none;
  }
}
`,
  "page.js": `// What the pages do beyond links: directories open in place, the search answers while one types, and commands are copied.
"use strict";

/** The list below a path, as the server makes it. */
async function listAt(path) {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(\`the server answered \${answer.status}\`);
  // The server escapes every name, and the content policy of the page lets no script in it run.
  return new DOMParser().parseFromString(await answer.text(), "text/html").body;
}

/** Puts a button before each directory, which shows what is in it. */
function addOpeners(list) {
  for (const line of list.querySelectorAll(".directory > .line")) {
    const name = line.querySelector("a.name");
    if (!name || line.querySelector(".opener")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "opener";
    button.textContent = "▶";
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-label", \`Show what is in \${name.textContent}\`);
    button.addEventListener("click", () => toggle(button, name));
    name.before(button);
  }
}

async function toggle(button, name) {
  const row = button.closest(".row");
  const isOpen = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!isOpen));
  let below = row.querySelector(":scope > .below");
  if (below) {
    below.hidden = isOpen;
    return;
  }
  below = document.createElement("div");
  below.className = "below";
  below.setAttribute("aria-live", "polite");
  row.append(below);
  try {
    below.replaceChildren(...(await listAt(\`\${name.getAttribute("href")}?rows\`)).childNodes);
    addOpeners(below);
  } catch (error) {
    below.textContent = \`This could not be read: \${error.message}\`;
  }
}

/** Moves through a tree with the arrow keys: up and down among the names, right opens, left closes. */
function moveByKeys(tree) {
  tree.addEventListener("keydown", (event) => {
    const names = [...tree.querySelectorAll("a.name")].filter((each) => each.offsetParent !== null);
    const row = event.target.closest(".row");
    const at = names.indexOf(row?.querySelector(".line a.name"));
    if (at < 0) return;
    const opener = row.querySelector(":scope > .line .opener");
    const isOpen = opener?.getAttribute("aria-expanded") === "true";
    if (event.key === "ArrowDown") names[at + 1]?.focus();
    else if (event.key === "ArrowUp") names[at - 1]?.focus();
    else if (event.key === "ArrowRight" && opener && !isOpen) opener.click();
    else if (event.key === "ArrowLeft" && isOpen) opener.click();
    else if (event.key === "ArrowLeft") row.parentElement.closest(".row")?.querySelector(".name")?.focus();
    else return;
    event.preventDefault();
  });
}

/** Searches while one types; the answer to an older question is dropped. */
function searchAtOnce(form, rows) {
  const input = form.querySelector("input");
  let [asked, waiting] = [0, 0];
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const number = ++asked;
      const query = input.value.trim();
      const path = \`\${rows.dataset.base}?rows\${query === "" ? "" : \`&q=\${encodeURIComponent(query)}\`}\`;
      try {
        const found = await listAt(path);
        if (number !== asked) return;
        rows.replaceChildren(...found.childNodes);
        if (query === "") addOpeners(rows);
      } catch (error) {
        if (number === asked) rows.textContent = \`The search failed: \${error.message}\`;
      }
    }, 150);
  });
}

function addCopyButtons() {
  if (!navigator.clipboard) return;
  for (const [index, way] of document.querySelectorAll(".way").entries()) {
    const command = way.querySelector("code");
    command.id = \`command-\${index}\`; // several buttons have the same text: this tells them apart
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-describedby", command.id);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(command.textContent);
      button.textContent = "Copied";
      setTimeout(() => button.textContent = "Copy", 1500);
    });
    way.append(button);
  }
}

const rows = document.querySelector("#rows.tree");
if (rows) {
  addOpeners(rows);
  moveByKeys(rows);
  const form = document.querySelector("form.search");
  if (form) searchAtOnce(form, rows);
}
addCopyButtons();
document.documentElement.classList.add("ready");
`,
  "icon.svg": `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
  <path fill="#6c94ff" d="M16 3 3 9.5 16 16l13-6.5z" />
  <path fill="#3f6ff0" d="m6.4 14.2-3.4 1.7L16 22.4l13-6.5-3.4-1.7L16 19z" />
  <path fill="#2355d6" d="m6.4 20.7-3.4 1.7L16 29l13-6.6-3.4-1.7L16 25.5z" />
</svg>
`,
  "file.svg": `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">
  <path fill="none" stroke="#000" stroke-width="2" stroke-linejoin="round" d="M6 3h8l5 5v13H6zM14 3v5h5" />
</svg>
`,
  "directory.svg": `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">
  <path d="M3 5h6l2 2.5h10V19.5H3z" />
</svg>
`,
  "link.svg": `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">
  <path fill="none" stroke="#000" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"
    d="M5 19V9.5h13M13.5 5 18 9.5 13.5 14" />
</svg>
`,
  "image.svg": `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">
  <path d="M12 2 2 7l10 5 10-5z" />
  <path d="m4.5 10.8-2.5 1.2 10 5 10-5-2.5-1.2L12 14.6z" />
  <path d="M4.5 15.8 2 17l10 5 10-5-2.5-1.2L12 19.6z" />
</svg>
`,
  "lock.svg": `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">
  <path fill="none" stroke="#000" stroke-width="2" d="M8 11V7.5a4 4 0 0 1 8 0V11" />
  <path d="M5 10.5h14V21H5z" />
</svg>
`,
};
