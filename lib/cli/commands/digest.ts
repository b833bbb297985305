/** `layerstash digest` and `layerstash manifest`. @module */
import { Argument, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { getConfigDigest, getManifest } from "../../exports/blobs.ts";
import { isByPlatform, mapEach } from "../../images/platforms.ts";
import { storeAction } from "../action.ts";
import { platformCommand } from "../base_commands.ts";
import { answerDocument, printAnswers, renderAnswer, textLines } from "../text/answers.ts";
import { jsonLine } from "../text/json_lines.ts";
import { manifestOption, namesOrManifest } from "./blob_arguments.ts";

const DIGEST_EXAMPLES = `
Examples:
  $ layerstash digest -r fred/datalogger may15-readings
  $ layerstash digest -r library/nginx alpine --platform linux/amd64
`;

/** Makes the command `digest`. */
export function digestCommand(): CommandUnknownOpts {
  const command = platformCommand("digest")
    .addArgument(new Argument("[alias...]", "tags, or digests of manifests"))
    .addOption(manifestOption())
    .addHelpText("after", DIGEST_EXAMPLES);
  const work = storeAction<ReturnType<typeof command.opts> & { aliases: readonly string[] }>(
    () => "find the digest",
    async ({ terminal, store, signal }, { aliases, manifest, platform, json }) => {
      const found = [];
      for (const alias of await namesOrManifest(aliases, manifest, "alias")) {
        found.push(await getConfigDigest(store, alias, { platform, signal }));
      }
      printAnswers(terminal, found, (digest) => textLines([digest]), { json });
    },
  );
  command.action((aliases, flags, parsed) => work({ ...flags, aliases }, parsed));
  return command;
}

const MANIFEST_EXAMPLES = `
Examples:
  $ layerstash manifest -r fred/datalogger may15-readings
  $ layerstash manifest -r library/nginx alpine --platform linux/amd64

If there is an image for each platform, and --platform names none, a JSON object
is printed: the manifests by platform. layerstash inspect --raw prints the index
itself, byte for byte.
`;

/** Makes the command `manifest`. */
export function manifestCommand(): CommandUnknownOpts {
  const command = platformCommand("manifest")
    .addArgument(new Argument("<alias...>", "tags, or digests of manifests"))
    .addHelpText("after", MANIFEST_EXAMPLES);
  const work = storeAction<ReturnType<typeof command.opts> & { aliases: readonly string[] }>(
    ({ aliases }) => `read the manifest of ${aliases.join(", ")}`,
    async ({ terminal, store, signal }, { aliases, platform, json }) => {
      const texts = [];
      for (const alias of aliases) {
        const found = await getManifest(store, alias, { platform, signal });
        if (!json && !isByPlatform(found)) terminal.document(found.bytes);
        const text = mapEach(found, ({ bytes }) => new TextDecoder().decode(bytes));
        if (!json && isByPlatform(text)) terminal.data(renderAnswer(text, (each) => each));
        texts.push(answerDocument(text));
      }
      if (json) terminal.data(jsonLine(texts));
    },
  );
  command.action((aliases, flags, parsed) => work({ ...flags, aliases }, parsed));
  return command;
}
