/**
 * Makes `lib/serve/page/page_texts.ts` from the files beside it that browsers get: `deno task page`. The program takes the
 * texts from a module because JSR refuses packages that import text, and a bundle contains modules only.
 *
 * @module
 */

const PAGE = new URL("../serve/page/", import.meta.url);

/** The module that is made. */
export const PAGE_MODULE = new URL("page_texts.ts", PAGE);

const NAMES = ["style.css", "page.js", "icon.svg", "file.svg", "directory.svg", "link.svg"];

/** The module's text, made anew. */
export async function makePageModule(): Promise<string> {
  const entries = await Promise.all(NAMES.map(async (name) => {
    const text = await Deno.readTextFile(new URL(name, PAGE));
    return `  "${name}": \`${text.replaceAll(/[\\`]|\$\{/g, "\\$&")}\`,\n`;
  }));
  return [
    "/** What browsers get beside the pages. `deno task page` makes this file: edit the files beside it. @module */",
    "",
    "/** The text of each file, by its name. */",
    "export const PAGE_TEXTS: Readonly<Record<string, string>> = {",
    `${entries.join("")}};`,
    "",
  ].join("\n");
}

if (import.meta.main) await Deno.writeTextFile(PAGE_MODULE, await makePageModule());
