/** `layerstash browse`. @module */
import { Argument, Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { InvalidInputError } from "../../errors.ts";
import { action, type Session } from "../action.ts";
import { connectionCommand } from "../base_commands.ts";
import { BrowseLoop } from "../browse/browse_loop.ts";
import { FullScreen } from "../browse/full_screen.ts";
import { openScreenLog } from "../browse/screen_log.ts";
import { TaskRunner } from "../browse/tasks.ts";
import { type ConnectionFlags, findCredentials, transportOf } from "../connection.ts";
import {
  type DecryptionFlags,
  identitiesOf,
  identityOption,
  passphraseOption,
} from "../encryption_options.ts";
import { platformOption } from "../options.ts";
import { showsUnicode } from "../terminal/unicode.ts";

const EXAMPLES = `
Examples:
  $ layerstash browse                                  # asks for the image
  $ layerstash browse nginx                            # begins with the tags
  $ layerstash browse nginx:alpine
  $ layerstash browse --log-file session.txt oci:./box:latest

Arrows move, Enter opens, Left or Esc goes back, / searches, s saves a file,
q quits, and ? shows all keys. While something is being read, Esc stops it.

Without a terminal, use layerstash peek to list files, and layerstash extract to
get them.
`;

/** Makes the command. */
export function browseCommand(): CommandUnknownOpts {
  const command = connectionCommand(new Command("browse"))
    .addArgument(new Argument("[image]", "such as nginx:alpine, nginx, oci:DIR:TAG, or docker-archive:FILE"))
    .addOption(platformOption())
    .addOption(identityOption())
    .addOption(passphraseOption("decrypt with a passphrase"))
    .addOption(
      new Option("--log-file <file>", "append what is shown to this file, as plain text")
        .env("LAYERSTASH_LOG_FILE"),
    )
    .addHelpText("after", EXAMPLES)
    .action((image, flags, parsed) => browseAction({ ...flags, image }, parsed));
  return command;
}

interface BrowseFlags extends ConnectionFlags, DecryptionFlags {
  image?: string | undefined;
  platform?: string | undefined;
  logFile?: string | undefined;
}

const browseAction = action<BrowseFlags>(
  ({ image }) => `browse ${image ?? "images"}`,
  async (session, flags) => {
    requireTerminal();
    const identities = await identitiesOf(flags, session);
    using log = openScreenLog(flags.logFile);
    using tasks = new TaskRunner({
      platform: flags.platform,
      identities,
      credentials: findCredentials(flags),
      ...await transportOf(flags),
    });
    await runOnScreen(session, (screen) => {
      return new BrowseLoop({ screen, tasks, log, image: flags.image, signal: session.signal });
    });
  },
);

/** Runs on the whole screen. However it ends, the terminal is restored at once, even if work is still going on. */
async function runOnScreen(
  { terminal, signal }: Session,
  begin: (screen: FullScreen) => BrowseLoop,
): Promise<void> {
  using screen = new FullScreen({
    input: Deno.stdin,
    output: Deno.stdout,
    size: () => Deno.consoleSize(),
    colour: terminal.colour,
    unicode: showsUnicode(Deno.env.toObject()),
  });
  signal.addEventListener("abort", () => screen.leave());
  const session = begin(screen);
  const resized = () => session.resize();
  const canResize = Deno.build.os !== "windows";
  if (canResize) Deno.addSignalListener("SIGWINCH", resized);
  try {
    await session.run();
  } finally {
    if (canResize) Deno.removeSignalListener("SIGWINCH", resized);
  }
}

function requireTerminal(): void {
  const isDumb = Deno.env.get("TERM") === "dumb";
  if (!isDumb && Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) return;
  throw new InvalidInputError(
    isDumb ? "this terminal is dumb: nothing can be drawn on it" : "there is no terminal",
    {
      hint: "use layerstash peek IMAGE to list files, and layerstash extract IMAGE PATH to get them",
    },
  );
}
