/** `layerstash list`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { list } from "../../../main.ts";
import { faultOfListed, type ListedStash } from "../../stash/list_stashes.ts";
import { isFolderKind } from "../../artifacts/artifact.ts";
import type { ListArtifactsOptions, ListedArtifact } from "../../artifacts/list_artifacts.ts";
import type { Store } from "../../store/store.ts";
import { NotFoundError } from "../../errors.ts";
import { storeAction } from "../action.ts";
import { correctedLine } from "../corrected_line.ts";
import { placeCommand, REPOSITORY_ADDRESS } from "../base_commands.ts";
import { listedDocument, renderArtifacts, toMinutes } from "../text/artifact_report.ts";
import { repositoryOf, type WithPlace } from "../place.ts";
import { renderTable } from "../text/columns.ts";
import { jsonLine } from "../text/json_lines.ts";
import { formatSize } from "../text/sizes.ts";

const EXAMPLES = `
Examples:
  $ layerstash list ghcr.io/me/files
  $ layerstash list ghcr.io/me/files --exact-size
  $ layerstash list ghcr.io/me/files --json
  $ layerstash list ghcr.io/me/files --all

Folders are listed after the stored files. The first and the last chunk of each
file are looked at, so that an incomplete file is called incomplete; info looks
at the tags between, and verify at all chunks. If the repository does not exist,
the exit code is 3; if it has no stored files, 0.
`;

/** How many tags are looked at to find folders, each with a request. A repository with more of them rather holds images. */
const MOST_LOOKS = 100;
/** The same in a registry that counts such requests, and refuses more than some. */
const MOST_COUNTED_LOOKS = 10;

/** Makes the command. */
export function listCommand(): CommandUnknownOpts {
  const command = placeCommand("list")
    .argument(...REPOSITORY_ADDRESS)
    .option("--exact-size", "add sizes, names and dates")
    .option("--all", "list what else lies there too, with its kind: one or two requests for each tag")
    .addHelpText("after", EXAMPLES);
  const work = storeAction<WithPlace<ReturnType<typeof command.opts>>>(
    ({ repository }) => `list ${repository}`,
    async ({ terminal, store, signal }, { exactSize, all, json }) => {
      const tags = await Array.fromAsync(store.tags({ mustExist: true, signal })).catch((error) => {
        if (json && error instanceof NotFoundError) terminal.data(jsonLine([]));
        throw error;
      });
      const found = await Array.fromAsync(list(store, { exactSize, tags, signal }));
      const most = all ? Infinity : store.manifestReadsCount ? MOST_COUNTED_LOOKS : MOST_LOOKS;
      const there = await listOthers(store, found, { tags, most, signal });
      const others = all ? there : there.filter(({ artifact }) => artifact && isFolderKind(artifact.kind));
      const whatElse = () => correctedLine(command, (words) => [...words, "--all"]);
      if (json) terminal.data(jsonLine([...found.map(documentOf), ...others.map(listedDocument)]));
      else if (found.length + others.length > 0) terminal.data(tablesOf(found, others, { exactSize }));
      if (there.length > most) {
        return terminal.note(
          `${there.length} other tags, perhaps of folders, are not looked at: ${whatElse()}`,
        );
      }
      if (json || found.length > 0 || others.length > 0) return;
      const more = there.length > 0 ? `; what else it has: ${whatElse()}` : "";
      terminal.note(`${store.name} has no stored files${more}`);
    },
  );
  command.action((address, flags, parsed) => work(repositoryOf(address, flags, parsed), parsed));
  return command;
}

async function listOthers(
  store: Store,
  found: readonly ListedStash[],
  options: ListArtifactsOptions,
): Promise<ListedArtifact[]> {
  const { listArtifacts } = await import("../../exports/artifacts.ts");
  return await listArtifacts(store, found, options);
}

/** The stored files as a table, and after it what else lies there as another. */
function tablesOf(
  found: readonly ListedStash[],
  others: readonly ListedArtifact[],
  options: { exactSize?: boolean | undefined },
): string {
  const tables = [
    ...(found.length > 0 ? [renderList(found, options)] : []),
    ...(others.length > 0 ? [renderArtifacts(others)] : []),
  ];
  return tables.join("\n");
}

/** The list as a table. */
function renderList(
  found: readonly ListedStash[],
  { exactSize = false }: { exactSize?: boolean | undefined },
): string {
  const head = exactSize ? ["STASH", "CHUNKS", "SIZE", "FILE", "DATE", ""] : ["STASH", "CHUNKS", ""];
  return renderTable([head, ...found.map((listed) => rowOf(listed, exactSize))]);
}

function rowOf(listed: ListedStash, exactSize: boolean): string[] {
  const { baseTag, chunks, encryption, stash } = listed;
  const fault = faultOfListed(listed);
  const note = [encryption && "encrypted", fault].filter((each) => each !== undefined).join(", ");
  if (!exactSize) return [baseTag, String(chunks), note];
  const date = toMinutes(stash?.modified);
  return [baseTag, String(chunks), stash ? formatSize(stash.size) : "?", stash?.name ?? "", date, note];
}

/** One element of the JSON document. */
function documentOf({ baseTag, chunks, encryption, missing, stash, problem }: ListedStash) {
  return {
    baseTag,
    chunks,
    encryption,
    missing,
    problem,
    digest: stash?.digest,
    name: stash?.name,
    size: stash?.size,
    modified: stash?.modified,
  };
}
