/** Renders the results as a page: one file, without any outside resource. @module */
import { escape, htmlTable } from "./html.ts";
import { STYLE } from "./page_style.ts";
import { barPlot, ratioPlot } from "./plot.ts";
import { comparisons, type LoadResult, type Report } from "./results.ts";
import { columnsOf, describeComparisons, describeTroubles, runsOf } from "./text_table.ts";

const HOW = [
  "All programs do the same work in one run, in turn, so that what disturbs one disturbs all. The first time of each does not count. Bars show the medians, lines the shortest and the longest time.",
  "Between two runs everything that was stored is deleted, at the server too: a client that finds its blob there sends nothing. Files are in memory, so that no disk is measured.",
  "crane, regctl, oras, skopeo, umoci and layerstash verify digests; oras leaves it to the target where that is a registry. curl and tar do not. curl is told the blob, and its upload is begun before the clock runs: it shows what one connection can do at most.",
  "A long line is made of two network namespaces of this machine. A program between them delays, drops and queues packets, with a queue of 4 MiB.",
  "CPU is what a client took. Servers run on the same processors, and their part is shown beside it.",
];

/** The page. */
export function renderPage(report: Report): string {
  const dates = report.loads.map(({ date }) => date.slice(0, 10)).toSorted();
  const days = [...new Set([dates[0], dates.at(-1)])].join(" to ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>layerstash beside other programs</title>
<style>${STYLE}</style>
</head>
<body>
<h1>layerstash beside other programs</h1>
<p>Measured ${days}, by <code>deno task bench</code>. Shorter is better everywhere.</p>
<h2>At a glance</h2>
<p>The time of layerstash over that of the fastest other program, and over that of the fastest that verifies what it
fetches. A bar to the left of the middle: layerstash is faster. The scale ends at eight times.</p>
${glance(report.loads)}
<h2>Each load</h2>
${legend()}
${report.loads.map(section).join("\n")}
<h2>How it was measured</h2>
${HOW.map((each) => `<p>${escape(each)}</p>`).join("\n")}
<div class="facts">${htmlTable("The machine", ["", ""], Object.entries(report.machine))}
${htmlTable("The programs", ["", "version"], Object.entries(report.programs))}</div>
${report.missing.length > 0 ? trouble(`could not be had: ${report.missing.join(", ")}`) : ""}
</body>
</html>
`;
}

/** A line for each of ours beside the fastest peer, and one beside the fastest that verifies, where that is another. */
function glance(loads: readonly LoadResult[]): string {
  const rows = loads.filter(({ floor }) => floor === undefined).flatMap((load) =>
    comparisons(load).map(({ ours, peer, ratio, verifies }, at) => {
      const title = at === 0 ? `<a href="#${load.name}">${escape(load.title)}</a>` : "";
      const words = `${ratio.toFixed(2)} of ${peer}${verifies ? ", verified" : ""}`;
      const variant = ours === "layerstash" ? "" : `<br>${escape(ours)}`;
      return `<span>${title}</span>${ratioPlot(ratio)}<span class="figure">${escape(words)}${variant}</span>`;
    })
  );
  return `<div class="glance">${rows.join("\n")}</div>`;
}

function section(load: LoadResult): string {
  const columns = columnsOf(load);
  const table = htmlTable(
    `Medians of ${runsOf(load)} runs`,
    ["", ...columns.map(({ title }) => title)],
    load.contenders.map((each) => [each.name, ...columns.map(({ cell }) => cell(each))]),
  );
  return `<section id="${load.name}">
<h3>${escape(load.title)}</h3>
<p class="faint">${escape(load.proves)}</p>
${barPlot(load)}
${describeComparisons(load).map((each) => `<p>${escape(each)}</p>`).join("\n")}
${describeTroubles(load).map(trouble).join("\n")}
<details><summary>Figures</summary>
${table}
<p class="faint">To repeat it: <code>${escape(load.command)}</code></p>
</details>
</section>`;
}

function legend(): string {
  const kinds = { ours: "layerstash", verifies: "verifies digests", other: "does not" };
  const square = (kind: string) =>
    `<svg viewBox="0 0 10 10" aria-hidden="true"><rect class="${kind}" width="10" height="10"/></svg>`;
  return `<p class="legend">${
    Object.entries(kinds).map(([kind, words]) => `<span>${square(kind)}${words}</span>`).join("")
  }</p>`;
}

function trouble(text: string): string {
  return `<p class="trouble">${escape(text)}</p>`;
}
