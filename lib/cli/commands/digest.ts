/** `layerstash digest` and `layerstash manifest`. @module */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { getConfigDigest, getManifest } from "../../exports/blobs.ts";
import { isByPlatform, mapEach } from "../../images/platforms.ts";
import { storeAction } from "../action.ts";
import { platformCommand } from "../base_commands.ts";
import type { WithPlace } from "../place.ts";
import { answerDocument, printAnswers, renderAnswer, textLines } from "../text/answers.ts";
import { jsonLine } from "../text/json_lines.ts";
import { thingsOf } from "../words.ts";
import { aliasesArgument, manifestOption, namesOrManifest } from "./blob_arguments.ts";

const DIGEST_EXAMPLES = `
Examples:
  $ layerstash digest fred/datalogger:may15-readings
  $ layerstash digest nginx:alpine --platform linux/amd64
`;

/** Makes the command `digest`. */
export function digestCommand(): CommandUnknownOpts {
  const command = platformCommand("digest")
    .addArgument(aliasesArgument("[alias...]"))
    .addOption(manifestOption())
    .addHelpText("after", DIGEST_EXAMPLES);
  const work = storeAction<WithPlace<ReturnType<typeof command.opts>> & { names: readonly string[] }>(
    () => "find the digest",
    async ({ terminal, store, signal }, { names, manifest, platform, json }) => {
      const found = [];
      for (const alias of await namesOrManifest(names, manifest, "alias")) {
        found.push(await getConfigDigest(store, alias, { platform, signal }));
      }
      printAnswers(terminal, found, (digest) => textLines([digest]), { json });
    },
  );
  command.action((words, flags, parsed) => work(thingsOf(words, flags, parsed), parsed));
  return command;
}

const MANIFEST_EXAMPLES = `
Examples:
  $ layerstash manifest fred/datalogger:may15-readings
  $ layerstash manifest nginx:alpine --platform linux/amd64

If there is an image for each platform, and --platform names none, a JSON object
is printed: the manifests by platform. layerstash inspect --raw prints the index
itself, byte for byte.
`;

/** Makes the command `manifest`. */
export function manifestCommand(): CommandUnknownOpts {
  const command = platformCommand("manifest")
    .addArgument(aliasesArgument("<alias...>"))
    .addHelpText("after", MANIFEST_EXAMPLES);
  const work = storeAction<WithPlace<ReturnType<typeof command.opts>> & { names: readonly string[] }>(
    ({ names }) => `read the manifest of ${names.join(", ")}`,
    async ({ terminal, store, signal }, { names, platform, json }) => {
      const texts = [];
      for (const alias of names) {
        const found = await getManifest(store, alias, { platform, signal });
        if (!json && !isByPlatform(found)) terminal.document(found.bytes);
        const text = mapEach(found, ({ bytes }) => new TextDecoder().decode(bytes));
        if (!json && isByPlatform(text)) terminal.data(renderAnswer(text, (each) => each));
        texts.push(answerDocument(text));
      }
      if (json) terminal.data(jsonLine(texts));
    },
  );
  command.action((words, flags, parsed) => work(thingsOf(words, flags, parsed), parsed));
  return command;
}
