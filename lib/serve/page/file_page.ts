/** The page of one file: what it is, a preview, and how to get it. @module */
import { encodePath } from "../files/file_path.ts";
import { mediaTypeOf, previewOf } from "../files/media_type_of.ts";
import type { FoundFile } from "../files/found.ts";
import { shellWord } from "../../messages.ts";
import { addressAt, keyWordsFor, pathWord, platformWords, type Way, waysSection } from "./commands_view.ts";
import { type Html, html, htmlText } from "./html.ts";
import { pageResponse } from "./page.ts";
import { badge, dateText, exactSizeText, sizeText } from "./words.ts";

/** How much of a text is shown, in bytes. */
const MOST_SHOWN = 256 * 1024;

/** Answers with the page of a file. */
export async function filePage(found: FoundFile, url: URL): Promise<Response> {
  const { file, names } = found;
  const path = `/files/${encodePath(names)}`;
  const name = names.at(-1)!;
  const body = html`
    <h1>${name} ${stateOf(found)}</h1>
    <p
      class="actions"><a class="button main" href="${path}" download>Download</a> <a class="button" href="${path}">Open</a></p>
    ${await preview(found, path)}
    <section class="card" aria-label="Facts">
      <dl>
    ${fact("Size", exactSizeText(file.size))}
    ${fact("Type", html`${mediaTypeOf(file.name)}`)}
    ${file.name === name ? undefined : fact("File name", html`${file.name}`)}
    ${file.modified && fact("Modified", dateText(file.modified))}
    ${fact("Version", html`<code class="long">${file.tag}</code>`)}
    ${chunksFact(found)}
      </dl>
    </section>
    ${waysSection(waysTo(found, url, path))}
  `;
  return pageResponse({ title: name, names, body });
}

function fact(term: string, value: Html): Html {
  return html`
    <div>
      <dt>${term}</dt>
      <dd>${value}</dd>
    </div>
  `;
}

function stateOf({ thing }: FoundFile): Html | undefined {
  if (thing.kind !== "stash") return undefined;
  const { stash } = thing.open;
  const complete = stash.provenComplete
    ? badge("complete", "good")
    : badge("does not say whether it is complete");
  return stash.encryption ? html`${complete} ${badge("encrypted", "locked")}` : complete;
}

function chunksFact({ thing }: FoundFile): Html | undefined {
  if (thing.kind !== "stash") return undefined;
  const { chunks } = thing.open.stash;
  const rows = chunks.slice(0, 100).map(({ number, size, digest }) =>
    html`<li>chunk ${number} <span class="dim">${
      sizeText(size)
    }</span> <code class="long">${digest}</code></li>`
  );
  return fact(
    "Chunks",
    html`
      <details>
        <summary>${chunks.length} ${chunks.length === 1 ? "chunk" : "chunks"}</summary>
        <ol class="chunks">${rows}</ol>
      </details>
    `,
  );
}

async function preview(found: FoundFile, path: string): Promise<Html | undefined> {
  const { file } = found;
  const name = found.names.at(-1)!;
  switch (previewOf(mediaTypeOf(file.name))) {
    case "picture":
      return html`<figure class="card preview"><img src="${path}" alt="The picture ${name}"></figure>`;
    case "audio":
      return html`
        <div class="card preview">
          <audio controls preload="metadata" src="${path}">${name}</audio>
        </div>
      `;
    case "video":
      return html`
        <div class="card preview">
          <video controls preload="metadata" src="${path}">${name}</video>
        </div>
      `;
  }
  const text = await beginningOfText(found);
  if (text === undefined) return undefined;
  const isCut = file.size > MOST_SHOWN;
  return html`
    <section class="card preview"
      aria-label="Preview"><pre class="text" tabindex="0">${htmlText(text)}</pre>${isCut
        ? html`<p class="empty">This is the beginning: the whole file has ${sizeText(file.size)}.</p>`
        : undefined}</section>
  `;
}

/** The beginning of a text; `undefined` if it is something else: text has no zero byte. */
async function beginningOfText({ file }: FoundFile): Promise<string | undefined> {
  const isSaidToBe = previewOf(mediaTypeOf(file.name)) === "text";
  const isUnknown = mediaTypeOf(file.name) === "application/octet-stream";
  if (file.size === 0 || !isSaidToBe && !isUnknown) return undefined;
  const { stream } = await file.open({ start: 0, end: Math.min(file.size, MOST_SHOWN) });
  const bytes = await new Response(stream).bytes();
  if (bytes.includes(0)) return undefined;
  const text = new TextDecoder().decode(bytes);
  return isSaidToBe || !text.slice(0, -1).includes("\ufffd") ? text : undefined;
}

function waysTo(found: FoundFile, url: URL, at: string): Way[] {
  const { thing, path, names } = found;
  const [name, source] = [pathWord(names.at(-1)!), shellWord(url.origin + at)];
  const address = addressAt(url, found) + platformWords(found) + keyWordsFor(thing);
  const own = thing.kind === "image"
    ? `layerstash extract ${address} ${pathWord(path)} -o .`
    : `layerstash download ${address}`;
  return [
    { label: "curl", command: `curl -C - -o ${name} ${source}` },
    { label: "layerstash", command: own },
    { label: "rclone", command: `rclone copyurl ${source} ${name}` },
  ];
}
