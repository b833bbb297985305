/** `layerstash info`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { info } from "../../../main.ts";
import type { Artifact } from "../../artifacts/artifact.ts";
import type { FindArtifactOptions } from "../../artifacts/find_artifact.ts";
import { counted } from "../../messages.ts";
import { isDigest } from "../../oci/digest.ts";
import { chunkTag } from "../../stash/chunk_tags.ts";
import { sizeOf, type Stash } from "../../stash/stash.ts";
import { hintOfFaults } from "../../stash/stash_faults.ts";
import type { InfoOptions } from "../../stash/verb_options.ts";
import type { Store } from "../../store/store.ts";
import { addressIn, commandLine } from "../../store/command_line.ts";
import { storeAction } from "../action.ts";
import { ADDRESS, stashCommand } from "../base_commands.ts";
import { getItBack, keyWords } from "../ending.ts";
import { artifactDocument, renderArtifact } from "../text/artifact_report.ts";
import { namedPlaceOf, type WithName } from "../place.ts";
import { identitiesOf, identityOption, passphraseOption } from "../encryption_options.ts";
import { platformOption } from "../options.ts";
import { renderTable, type TableStyle } from "../text/columns.ts";
import { jsonLine } from "../text/json_lines.ts";
import { formatSize } from "../text/sizes.ts";

const EXAMPLES = `
Examples:
  $ layerstash info ghcr.io/me/files:disk
  $ layerstash info ghcr.io/me/files:disk --json

The tag of each chunk is asked for. Whether the chunks themselves are there is
for verify to find out.
`;

/** Makes the command. */
export function infoCommand(): CommandUnknownOpts {
  const command = stashCommand("info")
    .argument(...ADDRESS)
    .addOption(platformOption())
    .addOption(identityOption())
    .addOption(passphraseOption("decrypt with a passphrase"))
    .addHelpText("after", EXAMPLES);
  const work = storeAction<WithName<ReturnType<typeof command.opts>>>(
    ({ baseTag }) => `show ${baseTag}`,
    async (session, { baseTag, platform, json, ...flags }) => {
      const { terminal, store, signal, onEvent } = session;
      const identities = await identitiesOf(flags, session);
      const found = await findEither(store, baseTag, { platform, identities, signal, onEvent });
      if ("baseTag" in found) {
        terminal.data(json ? jsonLine(found) : renderInfo(found, terminal.tableStyle));
        const hint = hintOfFaults(found.faults ?? []);
        return hint === undefined ? undefined : terminal.hint(hint);
      }
      if (json) return terminal.data(jsonLine(artifactDocument(found)));
      terminal.data(renderArtifact(found, terminal.tableStyle));
      const keys = keyWords(found.encryption && identities?.kind);
      if (!found.folder) return;
      const address = addressIn(store, baseTag);
      terminal.note(getItBack("download", address, ...keys));
      const isAsked = !found.encryption && !isDigest(baseTag);
      if (isAsked) terminal.note(`what of DIR is new: ${commandLine("upload", "DIR", address, "--dry-run")}`);
    },
  );
  command.action((address, flags, parsed) => work(namedPlaceOf(address, flags, parsed), parsed));
  return command;
}

/** The stored file that has a name, or what else has it. */
async function findEither(
  store: Store,
  name: string,
  { identities, ...options }: FindArtifactOptions & InfoOptions,
): Promise<Stash | Artifact> {
  return await info(store, name, { ...options, identities }).catch(async (failure) => {
    const { artifactInstead } = await import("./artifact_instead.ts");
    return await artifactInstead(failure, store, { name, identities, ...options });
  });
}

/** The details of a stash as tables. */
function renderInfo(stash: Stash, style: TableStyle = {}): string {
  const { baseTag, name, digest, modified, chunkSize, chunks, encryption, provenComplete } = stash;
  const size = sizeOf(stash);
  const facts = [
    ...(isDigest(baseTag) ? [] : [["stash:", baseTag]]),
    ...(digest === undefined ? [] : [["digest:", digest]]),
    ...(name === undefined ? [] : [["file:", name]]),
    ["size:", `${formatSize(size)} (${counted(size, "byte")})`],
    ...(encryption ? [["encrypted:", noteOfEncryption(stash)]] : []),
    ...(modified === undefined ? [] : [["date:", modified]]),
    [
      "chunks:",
      chunks.length === 1 ? "1" : `${chunks.length} of ${formatSize(chunkSize)} (${chunkSize} bytes)`,
    ],
    ["complete:", provenComplete ? `yes${noteOfTags(stash)}` : "unknown: another tool stored it"],
  ];
  const rows = chunks.map(({ number, tag, digest, size }) => [tag ?? `${number}`, digest, formatSize(size)]);
  return `${renderTable(facts)}\n${
    renderTable([[isDigest(baseTag) ? "CHUNK" : "TAG", "DIGEST", "SIZE"], ...rows], style)
  }`;
}

function noteOfEncryption({ size, encryption }: Stash): string {
  if (encryption?.size === undefined) {
    return "for age; --identity FILE or --passphrase shows the file's name and size";
  }
  return `for age; ${formatSize(size)} (${counted(size, "byte")}) are stored`;
}

function noteOfTags({ baseTag, faults: [first, ...more] = [] }: Stash): string {
  if (first === undefined) return "";
  const what = first.kind === "taken" ? "holds something else" : "is missing";
  const others = more.length > 0 ? `; so with ${counted(more.length, "other tag")}` : "";
  return `, but the tag ${chunkTag(baseTag, first.chunk)} ${what}${others}`;
}
