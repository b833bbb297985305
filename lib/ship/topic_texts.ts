/**
 * Makes `lib/cli/help/topic_texts.ts` from the Markdown files of the help: `deno task topics`. The program takes the texts
 * from a module because JSR refuses packages that import text, and a bundle contains modules only.
 *
 * @module
 */
import { TOPICS } from "../cli/help/topics.ts";

const HELP = new URL("../cli/help/", import.meta.url);

/** The module that is made. */
export const TOPIC_MODULE = new URL("topic_texts.ts", HELP);

/** The module's text, made anew. */
export async function makeTopicModule(): Promise<string> {
  const entries = await Promise.all(TOPICS.map(async ({ name }) => {
    const page = await Deno.readTextFile(new URL(`${name}.md`, HELP));
    return `  ${name}: \`${page.replaceAll(/[\\`]|\$\{/g, "\\$&")}\`,\n`;
  }));
  return [
    "/** The texts of the topics. `deno task topics` makes this file: edit the Markdown files beside it. @module */",
    "",
    "/** The text of each topic, by its name. */",
    "export const TOPIC_TEXTS: Readonly<Record<string, string>> = {",
    `${entries.join("")}};`,
    "",
  ].join("\n");
}

if (import.meta.main) await Deno.writeTextFile(TOPIC_MODULE, await makeTopicModule());
