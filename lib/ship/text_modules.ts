/**
 * Makes the modules that hold the texts of the files beside them: `deno task topics` and `deno task page`. The program takes
 * the texts from modules because JSR refuses packages that import text, and a bundle contains modules only.
 *
 * @module
 */
import { TOPICS } from "../cli/help/topics.ts";

/** A module that holds texts. */
export interface TextModule {
  url: URL;
  /** What it holds, in the words of its first lines. */
  about: string;
  /** The name under which it exports the texts. */
  constant: string;
  /** What it says of that name. */
  texts: string;
  /** The files beside it, by the names of their texts. */
  files: Readonly<Record<string, string>>;
}

const PAGE_FILES = ["style.css", "page.js"].concat(
  ["icon", "file", "directory", "link", "image", "lock"].map((name) => `${name}.svg`),
);

/** The modules, by the tasks that make them. */
export const TEXT_MODULES: Readonly<Record<string, TextModule>> = {
  topics: {
    url: new URL("../cli/help/topic_texts.ts", import.meta.url),
    about: "The texts of the topics. `deno task topics` makes this file: edit the Markdown files beside it.",
    constant: "TOPIC_TEXTS",
    texts: "The text of each topic, by its name.",
    files: Object.fromEntries(TOPICS.map(({ name }) => [name, `${name}.md`])),
  },
  page: {
    url: new URL("../serve/page/page_texts.ts", import.meta.url),
    about: "What browsers get beside the pages. `deno task page` makes this file: edit the files beside it.",
    constant: "PAGE_TEXTS",
    texts: "The text of each file, by its name.",
    files: Object.fromEntries(PAGE_FILES.map((name) => [name, name])),
  },
};

/** The text of a module, made anew. */
export async function makeTextModule({ url, about, constant, texts, files }: TextModule): Promise<string> {
  const entries = await Promise.all(
    Object.entries(files).map(async ([name, file]) => {
      const text = await Deno.readTextFile(new URL(file, url));
      const key = /^\w+$/.test(name) ? name : JSON.stringify(name);
      return `  ${key}: \`${text.replaceAll(/[\\`]|\$\{/g, "\\$&")}\`,\n`;
    }),
  );
  return [
    `/** ${about} @module */`,
    "",
    `/** ${texts} */`,
    `export const ${constant}: Readonly<Record<string, string>> = {`,
    `${entries.join("")}};`,
    "",
  ].join("\n");
}

if (import.meta.main) {
  for (const module of Deno.args.map((task) => TEXT_MODULES[task]!)) {
    await Deno.writeTextFile(module.url, await makeTextModule(module));
  }
}
