/** `layerstash remove`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { remove } from "../../../main.ts";
import { NotFoundError } from "../../errors.ts";
import { printable } from "../../messages.ts";
import { OtherThingError } from "../../stash/stash_not_found.ts";
import type { TagRemoval } from "../../stash/remove_tags.ts";
import type { CallOptions, Store } from "../../store/store.ts";
import { addressIn, commandLine } from "../../store/command_line.ts";
import { storeAction } from "../action.ts";
import { ADDRESS, stashCommand } from "../base_commands.ts";
import { CommandEnded, exitCodeOf } from "../exit_codes.ts";
import { namedPlaceOf, type WithName } from "../place.ts";
import { jsonLine } from "../text/json_lines.ts";

const EXAMPLES = `
Example:
  $ layerstash remove me/files:disk

Only the tags of this file or folder are removed; other images with such tags
are kept, and named. A directory frees the space at once, Docker Hub and GHCR do
it later. A registry of your own frees it when it collects garbage: manifests
that nothing names any more are removed for that. To find out, every tag of the
repository is read once.
`;

/** Removes the stored file that has a name, or the folder. */
async function removeEither(store: Store, name: string, options: CallOptions): Promise<TagRemoval> {
  return await remove(store, name, options).catch(async (failure) => {
    if (!(failure instanceof NotFoundError)) throw failure;
    const { removeFolder } = await import("../../exports/folders.ts");
    if (await removeFolder(store, name, options)) return { removed: [name], kept: [] };
    throw failure instanceof OtherThingError
      ? failure.with({ hint: `to remove this tag alone: ${aliasRemoval(store, name)}` })
      : failure;
  });
}

function aliasRemoval(store: Store, name: string): string {
  return commandLine("alias", "remove", addressIn(store, name));
}

/** Makes the command. */
export function removeCommand(): CommandUnknownOpts {
  const command = stashCommand("remove")
    .argument(...ADDRESS)
    .addHelpText("after", EXAMPLES);
  const work = storeAction<WithName<ReturnType<typeof command.opts>>>(
    ({ baseTag }) => `remove ${baseTag}`,
    async ({ terminal, store, signal }, { baseTag, json }) => {
      const { removed, kept } = await removeEither(store, baseTag, { signal });
      const reasons = kept.map(({ tag, why }) => ({ tag, why }));
      if (json) terminal.data(jsonLine({ removed, kept: reasons }));
      else terminal.data(removed.map((tag) => `${printable(tag)}\n`).join(""));
      for (const { tag, why, error } of kept) {
        if (error) terminal.fail(`cannot remove the tag ${tag}`, error);
        else terminal.warn(`${printable(tag)} is kept: ${printable(why)}`);
      }
      const failed = kept.find(({ error }) => error !== undefined);
      if (failed) throw new CommandEnded(exitCodeOf(failed.error));
    },
    { kept: () => "what was removed is gone" },
  );
  command.action((address, flags, parsed) => work(namedPlaceOf(address, flags, parsed), parsed));
  return command;
}
