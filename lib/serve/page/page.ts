/** The frame of every page: head, navigation, and the headers of its answer. @module */
import { encodePath } from "../files/file_path.ts";
import { type Html, html } from "./html.ts";

/** What a page shows. */
export interface PageContent {
  title: string;
  /** The names on the way to what it shows, from the top. */
  names: readonly string[];
  body: Html;
  status?: number;
}

/** Nothing from elsewhere, no script in the page itself, and no other page around it. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; " +
  "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** The answer that is a page. */
export function pageResponse({ title, names, body, status = 200 }: PageContent): Response {
  const page = html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${title} - layerstash</title>
        <link rel="icon" href="/page/icon.svg" type="image/svg+xml">
        <link rel="stylesheet" href="/page/style.css">
        <script src="/page/page.js" defer></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <div class="wide">
            <a class="brand" href="/"><img src="/page/icon.svg" alt="" width="26" height="26"> layerstash</a>
            <nav aria-label="Path">${breadcrumbs(names)}</nav>
          </div>
        </header>
        <main id="main" class="wide">
    ${body}
        </main>
        <footer
          class="wide">Served by layerstash. Files are read as you open them: nothing is unpacked here.</footer>
      </body>
    </html>
  `;
  return new Response(page.text, { status, headers: pageHeaders() });
}

/** The answer that is a piece of a page, which its script asks for. */
export function pieceResponse(piece: Html): Response {
  return new Response(piece.text, { headers: pageHeaders() });
}

function pageHeaders(): Headers {
  return new Headers({
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": POLICY,
    "cache-control": "no-cache",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
}

function breadcrumbs(names: readonly string[]): Html {
  const crumbs = names.map((name, index) => {
    const isLast = index === names.length - 1;
    const way = names.slice(0, index + 1);
    return isLast
      ? html`<li><span aria-current="page">${name}</span></li>`
      : html`<li><a href="/files/${encodePath(way)}/">${name}</a></li>`;
  });
  return names.length === 0 ? html`` : html`<ol>${crumbs}</ol>`;
}
