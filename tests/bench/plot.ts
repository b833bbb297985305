/** Plots of results, as inline SVG. They repeat what the tables say, so that readers of screens can pass over them. @module */
import { describeSeconds } from "./figures.ts";
import { escape } from "./html.ts";
import { type ContenderResult, type LoadResult, spread, typical } from "./results.ts";

/** A bar for each contender, from zero to the median, with a line from the shortest to the longest time. */
export function barPlot({ contenders }: LoadResult): string {
  const longest = Math.max(...contenders.map((each) => spread(each)[1]));
  const rows = contenders.map((each) =>
    `<span class="name">${escape(each.name)}</span>${bar(each, longest)}` +
    `<span class="figure">${describeSeconds(typical(each))} s</span>`
  );
  return `<div class="plot" aria-hidden="true">${rows.join("\n")}</div>`;
}

function bar(contender: ContenderResult, longest: number): string {
  const place = (seconds: number) => (seconds / longest * 100).toFixed(2);
  const [from, to] = spread(contender).map(place);
  return `<svg viewBox="0 0 100 10" preserveAspectRatio="none">` +
    `<rect class="${kindOf(contender)}" x="0" y="1" width="${place(typical(contender))}" height="8"/>` +
    `<path class="spread" d="M${from} 5H${to}M${from} 3V7M${to} 3V7"/></svg>`;
}

/** What a contender's colour tells. */
function kindOf({ ours, verifies }: ContenderResult): "ours" | "verifies" | "other" {
  return ours ? "ours" : verifies ? "verifies" : "other";
}

/** A dot on a scale from an eighth to eight times the time of a peer; in the middle both are as fast. */
export function ratioPlot(ratio: number): string {
  const place = 50 + Math.max(-1, Math.min(1, Math.log2(ratio) / 3)) * 46;
  const [from, width] = [Math.min(50, place), Math.abs(place - 50)].map((each) => each.toFixed(2));
  return `<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">` +
    `<rect class="${ratio <= 1 ? "ours" : "slower"}" x="${from}" y="2" width="${width}" height="6"/>` +
    `<path class="middle" d="M50 0V10"/></svg>`;
}
