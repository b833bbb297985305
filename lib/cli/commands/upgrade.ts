/** `layerstash upgrade`. @module */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { InvalidInputError } from "../../errors.ts";
import { quoted } from "../../messages.ts";
import { ReleaseServer } from "../../releases/release_server.ts";
import { isNewer, isSame, isVersion, type ReleasedProgram } from "../../releases/released_program.ts";
import { findRelease } from "../../releases/releases.ts";
import { type InstalledProgram, upgradeProgram } from "../../releases/upgrade.ts";
import { action, type Session } from "../action.ts";
import { networkCommand } from "../base_commands.ts";
import { type ConnectionFlags, transportOf } from "../connection.ts";
import { jsonOption, limitRateOption } from "../options.ts";
import { jsonLine } from "../text/json_lines.ts";
import { installedProgram } from "./installed_program.ts";

const EXAMPLES = `
Examples:
  $ layerstash upgrade
  $ layerstash upgrade --check          # is there a newer one?
  $ layerstash upgrade --check --json   # {"current":"1.2.3", ...
  $ layerstash upgrade 1.2.3            # this version, also an older one

The new program is verified and started once before it replaces this one.
LAYERSTASH_RELEASES names a mirror of the releases. If Deno runs this program,
it is not replaced: a hint says how to get a newer one.
`;

interface UpgradeFlags extends ConnectionFlags {
  version?: string | undefined;
  check?: boolean | undefined;
  json?: boolean | string | undefined;
}

/** Makes the command. `find` finds the program to replace. */
export function upgradeCommand(find: () => InstalledProgram = installedProgram): CommandUnknownOpts {
  const bare = new Command("upgrade")
    .argument("[version]", "the version, such as 1.2.3; by default the latest")
    .option("--check", "only say whether there is a newer version");
  const command = networkCommand(bare)
    .addOption(jsonOption())
    .addOption(limitRateOption())
    .addHelpText("after", EXAMPLES);
  const work = action<UpgradeFlags>(
    ({ version }) => version === undefined ? "upgrade" : `change to version ${version}`,
    (session, flags) => upgrade(session, flags, find()),
  );
  command.action((version, flags, parsed) => work({ ...flags, version }, parsed));
  return command;
}

async function upgrade(session: Session, flags: UpgradeFlags, installed: InstalledProgram): Promise<void> {
  const { terminal, signal } = session;
  const { check, json } = flags;
  const version = wantedVersion(flags);
  using display = terminal.progress(check ? "looking for a newer release" : "fetching layerstash");
  const { onEvent } = display;
  const url = Deno.env.get("LAYERSTASH_RELEASES") || undefined;
  using server = new ReleaseServer({ url, onEvent, ...await transportOf(flags) });
  const release = await findRelease(server, { target: installed.target, version, signal });
  const comparison = compareVersions(installed, release, version);
  if (check) return terminal.data(json ? jsonLine(comparison) : `${renderComparison(comparison)}\n`);
  terminal.note(renderComparison(comparison));
  const changes = version === undefined ? comparison.newer : !isSame(release.version, installed.version);
  if (changes) {
    await upgradeProgram(installed, { release, server, onEvent, signal });
    terminal.note(`version ${release.version} is installed: ${installed.program}`);
  }
  if (json) {
    terminal.data(jsonLine({ ...comparison, installed: changes ? release.version : installed.version }));
  }
}

/** The version that was named, without a `v`. */
function wantedVersion({ version, check }: UpgradeFlags): string | undefined {
  if (version === undefined) return undefined;
  if (check) {
    throw new InvalidInputError("--check asks for the latest release", { hint: "omit the version" });
  }
  const bare = version.replace(/^v/, "");
  if (isVersion(bare)) return bare;
  throw new InvalidInputError(`${quoted(version)} is not a version`, { hint: "versions are such as 1.2.3" });
}

/** The running version compared with the release that was found. */
interface Comparison {
  current: string;
  /** Absent if the user named a version. */
  latest?: string;
  newer: boolean;
}

function compareVersions(
  { version: current }: InstalledProgram,
  { version: found }: ReleasedProgram,
  named: string | undefined,
): Comparison {
  return { current, ...(named === undefined && { latest: found }), newer: isNewer(found, current) };
}

function renderComparison({ current, latest, newer }: Comparison): string {
  if (latest === undefined) return `version ${current} is running`;
  if (newer) return `version ${current} is running, and ${latest} is the latest release`;
  if (isSame(current, latest)) return `version ${current} is running: it is the latest release`;
  return `version ${current} is running: it is newer than the latest release, ${latest}`;
}
