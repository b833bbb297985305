/** Pieces of HTML. @module */

/** A text in which nothing is taken for markup. */
export function escape(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replaceAll(/[&<>"]/g, (each) => names[each]!);
}

/** A table; the first cell of each row is its heading. Cells are texts, or markup that has been made here. */
export function htmlTable(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): string {
  const cells = (row: readonly Cell[]) =>
    row.map((cell, at) => at === 0 ? `<th scope="row">${markup(cell)}</th>` : `<td>${markup(cell)}</td>`);
  return `<div class="wide" tabindex="0"><table><caption>${escape(caption)}</caption>
<thead><tr>${head.map((each) => `<th scope="col">${escape(each)}</th>`).join("")}</tr></thead>
<tbody>${rows.map((row) => `<tr>${cells(row).join("")}</tr>`).join("\n")}</tbody></table></div>`;
}

/** A text, or markup. */
export type Cell = string | { markup: string };

function markup(cell: Cell): string {
  return typeof cell === "string" ? escape(cell) : cell.markup;
}
