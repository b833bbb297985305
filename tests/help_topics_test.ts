/** The topics of the help: what `layerstash help TOPIC` prints, on a terminal and elsewhere. @module */
import assert from "node:assert/strict";
import { renderPage } from "../lib/cli/help/render_page.ts";
import { TOPICS, topicText } from "../lib/cli/help/topics.ts";
import { runProgram } from "../lib/cli/program.ts";

const PAGE = `# A page

A sentence with \`some code\`, **bold words** and [a link](files.md#addresses), which goes on [elsewhere](https://example.com/x).

- One item, which is so long that it does not fit into one line of this window.
- Another.

| code | what it means                                                        |
| ---- | -------------------------------------------------------------------- |
| \`0\`  | done                                                                 |
| \`5\`  | bytes do not match, or a fault was found, such as a missing \`a\\|b\` |

\`\`\`console
$ layerstash upload disk.img ghcr.io/me/files:disk --chunk-size 500MB

done
\`\`\`
`;

Deno.test("a page is laid out in the columns of the terminal", () => {
  assert.equal(
    renderPage(PAGE, { width: 61, colour: false }),
    `A page

A sentence with \`some code\`, bold words and a link
(\`layerstash help files\`), which goes on elsewhere
(https://example.com/x).

  - One item, which is so long that it does not fit into one
    line of this window.
  - Another.

code  what it means
\`0\`   done
\`5\`   bytes do not match, or a fault was found, such as a
      missing \`a|b\`

    $ layerstash upload disk.img ghcr.io/me/files:disk --chunk-size 500MB

    done
`,
  );
});

Deno.test("where colours are shown, code needs no quotes and headings are bold", () => {
  const lines = renderPage(PAGE, { width: 61, colour: true }).split("\n");
  assert.equal(lines[0], "\u001b[1mA\u001b[0m \u001b[1mpage\u001b[0m");
  assert.ok(lines.includes("(\u001b[36mlayerstash help files\u001b[0m), which goes on elsewhere"));
  assert.ok(lines[2]!.startsWith("A sentence with \u001b[36msome code\u001b[0m, \u001b[1mbold\u001b[0m"));
});

Deno.test("no text of a topic is wider than the terminal, but for commands and other code", async () => {
  for (const { name } of TOPICS) {
    const page = renderPage(await topicText(name) ?? "", { width: 80, colour: false });
    const wide = page.split("\n").filter((line) => line.length > 79 && !line.startsWith("    "));
    assert.deepEqual(wide.filter((line) => !/`[^`]{40,}`|https:\S{40,}/.test(line)), [], name);
    const prose = page.replaceAll(/^ {4}.*|`[^`]+`/gm, "");
    assert.doesNotMatch(prose, /\*\*|\]\(|^#/m, `${name}: Markdown that is not laid out`);
  }
});

Deno.test("help of a topic prints its page, laid out on a terminal only", async () => {
  for (const { name } of TOPICS) {
    const [piped, shown] = [await run(["help", name]), await run(["help", name], true)];
    assert.deepEqual(piped, { code: 0, out: await topicText(name), err: "" });
    assert.equal(shown.code, 0);
    assert.match(piped.out, /^# \S/);
    assert.ok(!shown.out.startsWith("#"));
  }
});

Deno.test("help of a word that is neither a command nor a topic is refused", async () => {
  const { code, out, err } = await run(["help", "recipe_book"]);
  assert.deepEqual([code, out], [2, ""]);
  assert.match(err, /unknown command 'recipe_book'/);
});

async function run(args: string[], terminal = false): Promise<{ code: number; out: string; err: string }> {
  const printed = { out: "", err: "" };
  const code = await runProgram(args, {
    out: (text) => void (printed.out += text),
    err: (text) => void (printed.err += text),
    terminal,
  });
  return { code, ...printed };
}
