/** `layerstash diff`. @module */
import { Command, type CommandUnknownOpts, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { DiffSide } from "../../compare/diff.ts";
import type { Aspect, TreeDifference } from "../../compare/differences.ts";
import type { Identities } from "../../encryption/identities.ts";
import { NotFoundError } from "../../errors.ts";
import type { OnEvent } from "../../events.ts";
import { diff } from "../../exports/folders.ts";
import { decryptedImages, openImage, parseImage } from "../../exports/images.ts";
import { existingPath, isDirectory, isFile, isPath } from "../../oci/path_reference.ts";
import { action, type Session, showEvents } from "../action.ts";
import { connectionCommand } from "../base_commands.ts";
import { type ConnectionFlags, findCredentials, transportOf } from "../connection.ts";
import {
  type DecryptionFlags,
  identitiesOf,
  identityOption,
  passphraseOption,
} from "../encryption_options.ts";
import { CommandEnded, EXIT_CODES } from "../exit_codes.ts";
import { openBoth } from "../open_both.ts";
import { jsonOption, platformOption } from "../options.ts";
import type { ParsedCommand } from "../place.ts";
import { stashInstead } from "../stash_instead.ts";
import { BatchedLines } from "../terminal/batched_lines.ts";
import { differenceDocument, DifferenceLines } from "../text/difference_lines.ts";
import { eventLine } from "../text/json_lines.ts";
import { renderReadReport } from "../text/read_report.ts";

const EXAMPLES = `
Examples:
  $ layerstash diff nginx:alpine ghcr.io/me/app:1.2
  $ layerstash diff ghcr.io/me/app:1.2 ./app --ignore time | grep ^changed
  $ layerstash diff --json oci:./box:base oci:./box:latest |
      jq -r 'select(.change == "removed").path'

A word that is a directory here is that directory. Exit code 0: no difference;
1: there are some; 2 or more: an error. Layers that both have are fetched only
where they alone tell what is new. Contents are compared by their digests.
`;

/** Makes the command. */
export function diffCommand(): CommandUnknownOpts {
  const command = connectionCommand(new Command("diff"))
    .argument("<old-tree>", "an image or a folder, such as ghcr.io/me/files:site, or a directory")
    .argument("<new-tree>", "the same")
    .addOption(
      new Option("--ignore <what>", `what does not count, with commas between: ${IGNORED.join(", ")}`)
        .argParser(parseIgnored),
    )
    .option("--verify", "read every layer that differs to its last byte, and verify it")
    .addOption(platformOption())
    .addOption(identityOption())
    .addOption(passphraseOption("decrypt with a passphrase"))
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action((before, after, flags, parsed) => compare({ ...flags, before, after }, parsed));
  return command;
}

interface DiffFlags extends ConnectionFlags, DecryptionFlags {
  before: string;
  after: string;
  ignore?: Aspect[] | undefined;
  verify?: true | undefined;
  platform?: string | undefined;
  json?: boolean | string | undefined;
}

/** What may be ignored. */
const IGNORED = ["time", "mode", "owner", "attributes"] as const;

function parseIgnored(text: string): Aspect[] {
  return text.split(",").map((word) => {
    const known = IGNORED.find((each) => each === word.trim());
    if (known) return known;
    throw new InvalidArgumentError(`Allowed choices are ${IGNORED.join(", ")}.`);
  });
}

/** Compares. As for other programs of this name, 1 means a difference; a failure that is 1 elsewhere is 2 here. */
async function compare(flags: DiffFlags, parsed: ParsedCommand): Promise<void> {
  let differ = false;
  const run = action<DiffFlags>(({ before, after }) => `compare ${before} with ${after}`, async (session) => {
    differ = await printDifferences(session, flags);
  }, { images: ({ before, after }) => [before, after].filter((word) => !namesDirectory(word)) });
  await run(flags, parsed).catch((error) => {
    throw error instanceof CommandEnded && error.exitCode === EXIT_CODES.failed ? new CommandEnded(2) : error;
  });
  if (differ) throw new CommandEnded(EXIT_CODES.failed);
}

/** Prints what differs, and returns whether anything does. */
async function printDifferences(session: Session, flags: DiffFlags): Promise<boolean> {
  const { terminal, signal } = session;
  const identities = await identitiesOf(flags, session);
  using display = showEvents(session, `comparing ${flags.before} with ${flags.after}`, {});
  const { onEvent } = display;
  using sides = await openSides(flags, onEvent);
  const { ignore, verify: whole } = flags;
  const [before, after] = [sides.before, sides.after].map((side) => decrypted(side, identities));
  using comparison = await diff(before!, after!, { ignore, whole, signal, onEvent }).catch(
    async (failure) => {
      throw await stashOfEither(failure, sides, signal);
    },
  );
  const counts: Record<TreeDifference["change"], number> = { added: 0, removed: 0, changed: 0 };
  const lines = new DifferenceLines();
  const printed = new BatchedLines<TreeDifference>(
    terminal,
    (each) => flags.json ? eventLine("difference", differenceDocument(each)) : lines.render(each),
  );
  for await (const difference of comparison.differences()) {
    counts[difference.change]++;
    printed.add(difference);
  }
  printed.print();
  const { report } = comparison;
  if (flags.json) terminal.data(eventLine("done", { ...counts, ...report }));
  const found = printed.count === 0 ? "no difference" : countsInWords(counts);
  terminal.note(`${found}${report ? `; ${renderReadReport(report)}` : ""}`);
  return printed.count > 0;
}

/** The failure; or in its place the one that says that a side which is no image is a stored file. */
async function stashOfEither(
  failure: unknown,
  { before, after }: OpenedSides,
  signal: AbortSignal,
): Promise<unknown> {
  for (const side of [before, after]) {
    if (!(failure instanceof NotFoundError) || "directory" in side) continue;
    const { store, reference } = side;
    if (reference === undefined || await store.resolve(reference, { signal })) continue;
    return await stashInstead(failure, { store, reference, signal });
  }
  return failure;
}

/** A side as whoever has the keys sees it. */
function decrypted(side: DiffSide, identities: Identities | undefined): DiffSide {
  if ("directory" in side) return side;
  return { ...side, store: decryptedImages(side.store, { identities }) };
}

/** `1 added, 2 changed`. */
function countsInWords(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts).filter(([, count]) => count > 0)
    .map(([change, count]) => `${count} ${change}`).join(", ");
}

/** What is compared, and what has to be closed. */
interface OpenedSides extends Disposable {
  before: DiffSide;
  after: DiffSide;
}

/** Whether a word means a directory: one that is there, or a path that is not the one of an archive. */
function namesDirectory(word: string): boolean {
  return isDirectory(word) || isPath(word) && existingPath(word, isFile) === undefined;
}

/** Opens the images that are named. */
async function openSides(flags: DiffFlags, onEvent: OnEvent): Promise<OpenedSides> {
  const { platform } = flags;
  const [before, after] = [flags.before, flags.after].map((word) =>
    namesDirectory(word) ? { directory: word } : parseImage(word)
  );
  if (!("directory" in before!) && !("directory" in after!)) {
    const both = await openBoth(flags, { from: before!, to: after!, onEvent });
    return {
      before: { ...both.from, platform },
      after: { ...both.to, platform },
      [Symbol.dispose]: () => both[Symbol.dispose](),
    };
  }
  using opened = new DisposableStack();
  const options = {
    credentials: findCredentials(flags),
    authHost: flags.authHost,
    onEvent,
    ...await transportOf(flags),
  };
  const sides = [before!, after!].map((side): DiffSide =>
    "directory" in side ? side : { ...opened.use(openImage(side, options)), platform }
  );
  const kept = opened.move();
  return { before: sides[0]!, after: sides[1]!, [Symbol.dispose]: () => kept.dispose() };
}
