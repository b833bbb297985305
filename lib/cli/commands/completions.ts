/** `layerstash completions`, and `layerstash complete`, which its scripts call. @module */
import { Argument, Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { complete } from "../completions/complete.ts";
import { knownPlaces } from "../completions/known_places.ts";
import { COMPLETION_SCRIPTS, SHELLS } from "../completions/scripts.ts";
import type { Write } from "../terminal/standard_streams.ts";

const EXAMPLES = `
Examples:
  $ echo 'source <(layerstash completions bash)' >> ~/.bashrc
  $ echo 'source <(layerstash completions zsh)' >> ~/.zshrc  # below compinit
  $ layerstash completions fish > ~/.config/fish/completions/layerstash.fish
  $ layerstash completions powershell >> $PROFILE

The shell then asks layerstash itself, so completions are never out of date.
`;

/** Makes the command `completions`. */
export function completionsCommand(out: Write): CommandUnknownOpts {
  const command = new Command("completions")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText("after", EXAMPLES)
    .action((shell) => out(COMPLETION_SCRIPTS[shell]));
  return command;
}

/** Makes the command `complete`. It is for the scripts, not for people, so the help omits it. */
export function completeCommand(out: Write): CommandUnknownOpts {
  const command = new Command("complete")
    .argument("[word...]", "the words after the program's name, up to the cursor")
    .action(async (words, _flags, self) => {
      const known = knownPlaces(words, Deno.env.toObject());
      const { candidates, files } = await complete(self.parent!, words, known);
      for (const { word, description } of candidates) out(`${word}\t${description}\n`);
      if (files) out(":files\n");
    });
  return command;
}
