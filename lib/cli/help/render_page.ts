/** Lays out a page of the help for a terminal. It understands as much Markdown as the topics are written in. @module */
import { columnsOf } from "../text/columns.ts";
import { styled } from "../text/styled.ts";

/** What a terminal can show. */
export interface PageOptions {
  /** Its columns. */
  width: number;
  /** Whether it shows bold and coloured text. */
  colour: boolean;
}

/** Lines of more columns are hard to read, however wide the window is. */
const MAX_WIDTH = 100;
const MIN_WIDTH = 40;
const [BOLD, CYAN] = ["1", "36"];

/** Lays out a page. */
export function renderPage(markdown: string, { width, colour }: PageOptions): string {
  const page = { width: Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, width - 1)), colour };
  return `${blocksOf(markdown).map((block) => renderBlock(block, page)).join("\n\n")}\n`;
}

/** Blank lines separate blocks, except in a block of code. */
function blocksOf(markdown: string): string[] {
  const blocks = markdown.match(/^```[^]*?^```$|^(?:(?!```).+(?:\n|$))+/gm) ?? [];
  return blocks.map((block) => block.trimEnd());
}

function renderBlock(block: string, page: PageOptions): string {
  const lines = block.split("\n");
  const [first = ""] = lines;
  if (first.startsWith("```")) {
    return lines.slice(1, -1).map((line) =>
      `    ${styled(line, page.colour && /^\$ /.test(line) && BOLD)}`.trimEnd()
    ).join("\n");
  }
  if (first.startsWith("#")) return inline(`**${first.replace(/^#+ /, "")}**`, page);
  if (first.startsWith("|")) return renderPageTable(lines.map(cellsOf), page);
  if (!/^(?:-|\d+\.) /.test(first)) return wrap(block, "", "", page);
  return block.split(/\n(?=(?:-|\d+\.) )/).map((item) => {
    const [, marker = "", text = ""] = /^(\S+ )([^]*)$/.exec(item) ?? [];
    return wrap(text, `  ${marker}`, " ".repeat(2 + marker.length), page);
  }).join("\n");
}

/** The last column of a table is wrapped. If little room is left for it, each row becomes an item of a list. */
function renderPageTable([head = [], , ...rows]: string[][], page: PageOptions): string {
  const last = head.length - 1;
  const isNamed = head.some((title) => title !== "");
  const all = [...isNamed ? [head.map((title) => title && `**${title}**`)] : [], ...rows]
    .map((row) => row.map((cell) => inline(cell, page)));
  const widths = head.slice(0, last).map((_, index) =>
    Math.max(...all.map((row) => columnsOf(row[index] ?? "")))
  );
  const indent = " ".repeat(widths.reduce((sum, width) => sum + width + 2, 0));
  if (indent.length > page.width / 2) return rows.map((row) => renderRow(head, row, page)).join("\n");
  return all.map((row) => {
    const before = widths.map((width, index) => {
      const cell = row[index] ?? "";
      return cell + " ".repeat(width - columnsOf(cell) + 2);
    });
    return wrapStyled(row[last] ?? "", before.join(""), indent, page).trimEnd();
  }).join("\n");
}

function renderRow(head: string[], [first = "", ...rest]: string[], page: PageOptions): string {
  const lines = rest.map((cell, index) =>
    rest.length > 1 && cell !== "" ? `${head[index + 1]}: ${cell}` : cell
  );
  const shown = lines.filter((line) => line !== "").map((line) => wrap(line, "    ", "    ", page));
  return [wrap(first, "  - ", "    ", page), ...shown].join("\n");
}

function cellsOf(row: string): string[] {
  return row.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function wrap(text: string, before: string, indent: string, page: PageOptions): string {
  return wrapStyled(inline(text, page), before, indent, page);
}

/** Breaks a text at its blanks, after `before` in the first line and after `indent` in the others. */
function wrapStyled(text: string, before: string, indent: string, page: PageOptions): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    const longer = `${line} ${word}`;
    if (line === undefined || indent.length + columnsOf(longer) > page.width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return (before + lines.join(`\n${indent}`)).replaceAll("\u00a0", " ");
}

/** Styles code, bold text and links. Code is not broken: its blanks are made non-breaking until the lines are made. */
function inline(text: string, page: PageOptions): string {
  return text.replaceAll(/\s+/g, " ").replaceAll(
    /`([^`]+)`|\*\*(.+?)\*\*|\[([^\]]+)\]\(([^)]+)\)/g,
    (_, code?: string, bold?: string, words?: string, target?: string) => {
      if (code !== undefined) {
        return (page.colour ? styled(code, CYAN) : `\`${code}\``).replaceAll(" ", "\u00a0");
      }
      if (bold === undefined) return inline(`${words}${whereIs(target!)}`, page);
      return inline(bold, page).split(" ").map((word) => styled(word, page.colour && BOLD)).join(" ");
    },
  );
}

/** A link cannot be followed on a terminal: so it says what to type, or the address. */
function whereIs(target: string): string {
  const [, topic] = /^(\w+)\.md/.exec(target) ?? [];
  if (topic !== undefined) return ` (\`layerstash help ${topic}\`)`;
  return /^https?:/.test(target) ? ` (${target})` : "";
}
