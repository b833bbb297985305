/** The page of something encrypted, of which the server has no key: it says how to read it. @module */
import type { FoundLocked } from "../files/found.ts";
import { textResponse } from "../part.ts";
import { addressAt, waysSection } from "./commands_view.ts";
import { html } from "./html.ts";
import { pageResponse, pieceResponse } from "./page.ts";
import { badge } from "./words.ts";

/** Says to programs that something is encrypted, and how it is read with the key. */
export function lockedResponse(found: FoundLocked, url: URL): Response {
  const download = `layerstash download ${addressAt(url, found)} --identity KEYFILE (or --passphrase)`;
  return textResponse(
    403,
    `${found.reason.message}, and this server has no key for it; with the key: ${download}`,
  );
}

/** Answers with the page of what is locked; with `rows` in the query, with one sentence. */
export function lockedPage(found: FoundLocked, url: URL): Response {
  const { names, repository, reason } = found;
  const name = names.at(-1)!;
  if (url.searchParams.has("rows")) {
    return pieceResponse(
      html`<p class="locked">It is encrypted: serve it with --identity KEYFILE to open it.</p>`,
    );
  }
  const own = addressAt(url, { repository });
  const body = html`
    <h1>${name} ${badge("encrypted", "locked")}</h1>
    <section class="card locked" aria-label="Why it is not shown">
      <p>This server cannot open it: ${reason.message}.</p>
      <p>With the key you can read it all the same. The key stays on your machine.</p>
    </section>
    ${waysSection([
      { label: "download", command: `layerstash download ${addressAt(url, found)} --identity KEYFILE` },
      { label: "browse", command: `layerstash serve ${own} --listen 127.0.0.1:5001 --identity KEYFILE` },
    ])}
    <p
      class="dim">If it was stored with a passphrase, type <code>--passphrase</code> instead of <code>--identity KEYFILE</code>.</p>
  `;
  return pageResponse({ title: name, names, body, status: 403 });
}
