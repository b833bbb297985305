/** The layers of an image, the steps of its build, and what one layer changes. @module */
import { dateIn } from "../files/served_date.ts";
import type { ServedImage } from "../files/served_image.ts";
import type { LayerChange } from "../../images/layer_changes.ts";
import { type Html, html } from "./html.ts";
import { badge, dateText, sizeText } from "./words.ts";

/** How many changed paths of a layer are shown. */
const MOST_CHANGES = 1000;

const MARKS: Readonly<Record<LayerChange, string>> = { added: "+", changed: "~", hidden: "−" };

const TONES = { added: "good", changed: "plain", hidden: "bad" } as const;

/** The sections about layers: of all layers, and of the one that is shown. */
export async function layersSection(
  image: ServedImage,
  { base, layer }: { base: string; layer: string | null },
): Promise<{ all: Html; shown: Html | undefined }> {
  const { layers } = image.report;
  const number = layers.find((each) => String(each.number) === layer)?.number;
  const rows = layers.toReversed().map((each) =>
    html`
      <li
        class="layer"><a href="${base}?layer=${each.number}" ${each.number === number
          ? html`aria-current="true"`
          : html``}>Layer ${each.number}</a><span class="size">${sizeText(
            each.size,
          )}</span><code class="step">${each.createdBy ??
          each.mediaType}</code><code class="digest" title="${each.digest}">${each.digest.slice(
            0,
            19,
          )}…</code></li>
    `
  );
  const all = html`
    <details class="card" ${image.isFolder ? html`` : html`open`}>
      <summary>
        <h2>Layers</h2>
      </summary>
      <p class="dim">The topmost comes first. Each opens to what it adds, changes and hides.</p>
      <ol class="layers">${rows}</ol>
    </details>
    ${stepsSection(image)}
  `;
  return { all, shown: number === undefined ? undefined : await changesSection(image, { base, number }) };
}

function stepsSection({ report: { steps, about } }: ServedImage): Html | undefined {
  if (steps.length === 0) return undefined;
  const items = steps.map(({ createdBy, comment, created, layer }) =>
    html`<li><code>${createdBy || comment || "(a step without words)"}</code> <span class="dim">${
      layer ? `layer ${layer}` : "no layer"
    } ${dateText(dateIn(created))}</span></li>`
  );
  const run = [...about?.entrypoint ?? [], ...about?.cmd ?? []].join(" ");
  return html`<details class="card"><summary><h2>Build steps</h2></summary>
${
    run === ""
      ? undefined
      : html`<p>It runs <code>${run}</code></p>`
  }<ol class="steps">${items}</ol></details>`;
}

async function changesSection(
  image: ServedImage,
  { base, number }: { base: string; number: number },
): Promise<Html> {
  const { changes } = await image.changes(number);
  const shown = [...changes].slice(0, MOST_CHANGES);
  const counts = (["added", "changed", "hidden"] as const).map((kind) => {
    const count = changes.values().filter((each) => each === kind).toArray().length;
    return count === 0 ? undefined : badge(`${count} ${kind}`, TONES[kind]);
  });
  const items = shown.map(([path, change]) =>
    html`
      <li
        class="${change}"><span aria-hidden="true">${MARKS[
          change
        ]}</span> <span class="visually-hidden">${change}: </span>${path}</li>
    `
  );
  return html`<section class="card" aria-labelledby="changes"><h2 id="changes">What layer ${number} does</h2>
<p class="counts">${counts}<a class="button" href="${base}">Close</a></p><ul class="changes">${items}</ul>${
    changes.size > shown.length ? html`<p class="empty">${changes.size - shown.length} more</p>` : undefined
  }</section>`;
}
