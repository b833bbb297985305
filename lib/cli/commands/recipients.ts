/** `layerstash recipients`: for whom a stored file is encrypted. @module */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { FindArtifactOptions } from "../../artifacts/find_artifact.ts";
import { InvalidInputError } from "../../errors.ts";
import type { OnEvent } from "../../events.ts";
import type { Recipients } from "../../encryption/recipients.ts";
import { changeRecipients, listRecipients } from "../../exports/encryption.ts";
import { counted, printable } from "../../messages.ts";
import type { RecipientsChange } from "../../stash/change_recipients.ts";
import type { Store } from "../../store/store.ts";
import { addressIn } from "../../store/command_line.ts";
import { storeAction, type StoreSession } from "../action.ts";
import { ADDRESS, stashCommand, transferCommand } from "../base_commands.ts";
import { doneLine, getItBack, keptThere, keyWords } from "../ending.ts";
import {
  type DecryptionFlags,
  identitiesOf,
  identityOption,
  newPassphraseOption,
  newRecipientsOf,
  passphraseOption,
} from "../encryption_options.ts";
import { namedPlaceOf, type ParsedCommand, type PlaceFlags, refusalOf, type WithName } from "../place.ts";
import { textLines } from "../text/answers.ts";
import { jsonLine } from "../text/json_lines.ts";
import { formatSize } from "../text/sizes.ts";
import { renderPace } from "../terminal/transfer_totals.ts";
import { splitWords } from "../words.ts";

const EXAMPLES = `
Examples:
  $ layerstash recipients list me/files:secret
  $ layerstash recipients add me/files:secret bob.txt --identity keys.txt

A file does not say whose keys it is encrypted for, so that none can be taken
out by its name: set names all who can decrypt from then on, and yourself, too.
add does not add a key again that decrypts the file already.
`;

/** Makes the command with its subcommands. */
export function recipientsCommand(): CommandUnknownOpts {
  const command = new Command("recipients")
    .helpCommand("help [command]", "print the help of a command").addHelpText("after", EXAMPLES);
  for (const make of [recipientsListCommand, addCommand, setCommand]) command.addCommand(make());
  return command;
}

const LIST_EXAMPLES = `
Example:
  $ layerstash recipients list me/files:secret

One line for each key: its type. Whose key it is, an age file does not say.
`;

function recipientsListCommand(): CommandUnknownOpts {
  const command = stashCommand("list")
    .description("print the types of the keys that decrypt a stored file")
    .argument(...ADDRESS)
    .addHelpText("after", LIST_EXAMPLES);
  const work = storeAction<WithName<ReturnType<typeof command.opts>>>(
    ({ baseTag }) => `list the recipients of ${baseTag}`,
    async ({ terminal, store, signal }, { baseTag, json }) => {
      const { kind, types } = await listRecipients(store, baseTag, { signal })
        .catch((failure) => explainFolder(failure, store, { name: baseTag, signal }));
      terminal.data(json ? jsonLine({ kind, types }) : textLines(types.map(printable)));
      if (!kind) terminal.note(`${baseTag} is not encrypted`);
    },
  );
  command.action((address, flags, parsed) => work(namedPlaceOf(address, flags, parsed), parsed));
  return command;
}

const WHAT_IT_COSTS = `
All chunks are fetched and sent once, because a blob cannot be changed: only
their headers are new, and nothing is encrypted again. --dry-run says how much
that is. Interrupted, the same command goes on.
Whoever could decrypt before may have kept the key or the file, and a registry
may keep what was replaced: this does not take that back.
`;

const ADD_EXAMPLES = `
Example:
  $ layerstash recipients add me/files:secret bob.txt --identity keys.txt
${WHAT_IT_COSTS}`;

function addCommand(): CommandUnknownOpts {
  return changeCommand("add", {
    description: "let others decrypt a stored file, too",
    examples: ADD_EXAMPLES,
  });
}

const SET_EXAMPLES = `
Example:
  $ layerstash recipients set me/files:secret me.txt bob.txt --identity keys.txt
${WHAT_IT_COSTS}`;

function setCommand(): CommandUnknownOpts {
  const description = "let these decrypt a stored file from now on, and nobody else";
  return changeCommand("set", { description, examples: SET_EXAMPLES });
}

function changeCommand(
  name: "add" | "set",
  { description, examples }: { description: string; examples: string },
): CommandUnknownOpts {
  const command = transferCommand(name)
    .description(description)
    .argument("[recipient...]", "public keys (age1...) or files of them; before them the address")
    .option("--dry-run", "only say how much would be sent")
    .addOption(identityOption())
    .addOption(passphraseOption("decrypt with a passphrase"))
    .addHelpText("after", examples);
  if (name === "set") command.addOption(newPassphraseOption());
  const work = storeAction<Change & WithName<ReturnType<typeof command.opts>>>(
    ({ baseTag }) => `change the recipients of ${baseTag}`,
    (session, flags) => change(session, { ...flags, keep: name === "add" }),
    {
      moving: ({ baseTag }) => `changing ${baseTag}`,
      kept: (_, progress) => keptThere(progress),
    },
  );
  command.usage("[options] <address> <recipient...>").action((words, flags, parsed) =>
    work(changeOf(words, flags, parsed), parsed)
  );
  return command;
}

/** Who is named on the command line. */
interface Change {
  recipients: readonly string[];
  newPassphrase?: boolean | undefined;
}

function changeOf<F extends PlaceFlags & Pick<Change, "newPassphrase">>(
  words: readonly string[],
  flags: F,
  parsed: ParsedCommand,
): Change & WithName<F> {
  const { address, others } = splitWords(words, parsed, { most: Infinity });
  const place = namedPlaceOf(address, flags, parsed);
  if (others.length > 0 && flags.newPassphrase) {
    refusalOf(parsed)("--new-passphrase and recipients exclude each other: age files have one or the other");
  }
  if (others.length > 0 || flags.newPassphrase) return { ...place, recipients: others };
  return refusalOf(parsed)("the recipients are missing: add public keys (age1...), or files of them");
}

interface ChangeFlags extends Change, DecryptionFlags {
  baseTag: string;
  keep: boolean;
  dryRun?: true | undefined;
  stateDir?: string | undefined;
  jobs?: number | undefined;
  json?: boolean | string | undefined;
}

async function change(session: StoreSession, flags: ChangeFlags): Promise<void> {
  const { terminal, store, signal } = session;
  const { baseTag, keep, dryRun, stateDir: stateDirectory, jobs, json } = flags;
  const identities = await identitiesOf(flags, session);
  const recipients = await newRecipientsOf(flags, session);
  const onEvent: OnEvent = (event) => {
    if (event.type === "plan") terminal.note(renderPlan(event, dryRun));
    session.onEvent(event);
  };
  const changed = await changeRecipients(store, baseTag, {
    identities,
    recipients,
    keep,
    dryRun,
    stateDirectory,
    jobs,
    signal,
    onEvent,
  }).catch((failure) => explainFolder(failure, store, { name: baseTag, signal }));
  if (json) terminal.data(doneLine(session, { ...changed.stash, state: changed.state }));
  report(session, changed, recipients);
}

/**
 * Says that a folder has the name of which no stored file was found.
 *
 * @throws {InvalidInputError} if a folder has the name; else the failure
 */
async function explainFolder(
  failure: unknown,
  store: Store,
  options: FindArtifactOptions & { name: string },
): Promise<never> {
  const { requireFolderInstead } = await import("./artifact_instead.ts");
  await requireFolderInstead(failure, store, options);
  throw new InvalidInputError(
    `${options.name} is a folder, and recipients are those of stored files`,
    {
      hint: "store it again for others: layerstash upload DIRECTORY ADDRESS --encrypt-to RECIPIENT",
    },
  );
}

function renderPlan({ size = 0, blobs = 1 }: { size?: number; blobs?: number }, dryRun?: boolean): string {
  const much = `${formatSize(size)} in ${counted(blobs, "chunk")}`;
  return dryRun
    ? `${much} would be fetched and sent again, with new headers`
    : `fetching and sending ${much} again, with new headers`;
}

function report(
  { terminal, store, totals }: StoreSession,
  { stash: { baseTag }, state, locksOut }: RecipientsChange,
  { kind }: Recipients,
): void {
  if (locksOut) {
    terminal.warn(
      `the key that was used ${state === "planned" ? "would not open" : "does not open"} it any more`,
    );
  }
  if (state === "planned") return;
  const name = addressIn(store, baseTag);
  terminal.note(
    state === "present"
      ? `${name} has these recipients already: nothing was sent`
      : `changed the recipients of ${name}: ${renderPace(totals())}; whoever could decrypt it before may ` +
        "have kept the key or the file, and a registry what was replaced",
  );
  terminal.note(getItBack("download", name, ...keyWords(kind)));
}
