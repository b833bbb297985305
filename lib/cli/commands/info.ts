/** `layerstash info`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { info } from "../../../main.ts";
import { counted } from "../../messages.ts";
import { chunkTag } from "../../stash/chunk_tags.ts";
import type { Stash } from "../../stash/stash.ts";
import { storeAction } from "../action.ts";
import { stashCommand } from "../base_commands.ts";
import { renderTable } from "../text/columns.ts";
import { jsonLine } from "../text/json_lines.ts";
import { formatSize } from "../text/sizes.ts";

const EXAMPLES = `
Examples:
  $ layerstash info -r me/files -t disk
  $ layerstash info -r me/files -t disk --json
`;

/** Makes the command. */
export function infoCommand(): CommandUnknownOpts {
  const command = stashCommand("info")
    .addHelpText("after", EXAMPLES)
    .action(storeAction(
      ({ baseTag }) => `show ${baseTag}`,
      async ({ terminal, store, signal }, { baseTag, json }) => {
        const stash = await info(store, baseTag, { signal });
        terminal.data(json ? jsonLine(stash) : renderInfo(stash));
      },
    ));
  return command;
}

/** The details of a stash as tables. */
export function renderInfo(stash: Stash): string {
  const { baseTag, name, size, modified, chunkSize, chunks, provenComplete } = stash;
  const facts = [
    ["stash:", baseTag],
    ...(name === undefined ? [] : [["file:", name]]),
    ["size:", `${formatSize(size)} (${counted(size, "byte")})`],
    ...(modified === undefined ? [] : [["date:", modified]]),
    [
      "chunks:",
      chunks.length === 1 ? "1" : `${chunks.length} of ${formatSize(chunkSize)} (${chunkSize} bytes)`,
    ],
    ["complete:", provenComplete ? `yes${noteOfTags(stash)}` : "unknown: another tool stored it"],
  ];
  const rows = chunks.map(({ tag, digest, size }) => [tag, digest, formatSize(size)]);
  return `${renderTable(facts)}\n${renderTable([["TAG", "DIGEST", "SIZE"], ...rows])}`;
}

function noteOfTags({ baseTag, untagged: [first, ...more] = [] }: Stash): string {
  if (first === undefined) return "";
  const others = more.length > 0 ? `, and ${more.length} more` : "";
  return `, but the tag ${chunkTag(baseTag, first)} is missing${others}: store the file again to put it back`;
}
