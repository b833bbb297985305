/** What keys do in `browse`, and what is drawn, without a terminal. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  advanceBrowser,
  type Browser,
  currentScreen,
  startBrowser,
  type Step,
} from "../lib/cli/browse/browser.ts";
import { DirectoryPages } from "../lib/cli/browse/directory_pages.ts";
import { linesOf } from "../lib/cli/browse/file_text.ts";
import { renderFrame } from "../lib/cli/browse/frame.ts";
import { decodeKeys, flushKeys } from "../lib/cli/browse/keys.ts";
import { TaskRunner } from "../lib/cli/browse/tasks.ts";
import { coloured } from "../lib/cli/browse/tones.ts";
import { showsUnicode } from "../lib/cli/terminal/unicode.ts";
import { type FileLocation, listScreen, type Screen, textScreen } from "../lib/cli/browse/screens.ts";
import { renderShortReport } from "../lib/cli/text/read_report.ts";
import { columnsOf } from "../lib/cli/text/columns.ts";
import type { Digest } from "../lib/oci/digest.ts";
import { FileTree, type LayerEntry } from "../lib/exports/images.ts";
import { openStore, upload } from "../main.ts";
import { makeWorkspace, someBytes } from "./rigs/content.ts";
import { putImage } from "./rigs/images.ts";

const SIZE = { columns: 40, rows: 8 };
const MOTD: FileLocation = { image: `sha256:${"0".repeat(64)}` as Digest, path: "etc/motd" };

function press(browser: Browser, ...keys: string[]): Step {
  return keys.reduce<Step>(
    (step, key) => advanceBrowser(step.browser, { type: "key", key }),
    { browser },
  );
}

function showing(screen: Screen, size = SIZE): Browser {
  return advanceBrowser(startBrowser(size, ""), { type: "opened", screen, note: "" }).browser;
}

function textsOf(browser: Browser): string[] {
  return renderFrame(browser).lines.map(({ text }) => text);
}

function chosenOn(browser: Browser): string | undefined {
  return renderFrame(browser).lines.find(({ chosen }) => chosen)?.text;
}

function rows(count: number): Screen {
  return listScreen("list", Array.from({ length: count }, (_, index) => ({ name: `row ${index}` })));
}

function entry(layer: number, path: string, more: Partial<LayerEntry> = {}): LayerEntry {
  return {
    ...{ layer, path, name: path, type: "file", mode: 0o644, uid: 0, gid: 0, owner: "", group: "", size: 0 },
    ...{ modified: 0, position: 0 },
    ...more,
  };
}

/** The root of a tree of these files. */
function showingTree(paths: readonly string[], size = SIZE): Browser {
  const tree = new FileTree();
  for (const path of paths) tree.add(entry(1, path));
  return showing(new DirectoryPages({ tree }, "app", { image: MOTD.image }).page(""), size);
}

Deno.test("keys are decoded, also where they come in parts", () => {
  assert.deepEqual(decodeKeys("a\x1b[A\x1bOB\x1b[5~\r\x7f\x03é"), {
    keys: ["a", "up", "down", "page-up", "enter", "backspace", "ctrl-c", "é"],
    rest: "",
  });
  assert.deepEqual(decodeKeys("x\x1b["), { keys: ["x"], rest: "\x1b[" });
  assert.deepEqual(decodeKeys("\x1b[" + "B"), { keys: ["down"], rest: "" });
  assert.deepEqual(flushKeys("\x1b"), ["escape"]);
  assert.deepEqual(
    decodeKeys("\x1b[1;5A\x1b[200~\x1a\x00"),
    { keys: [], rest: "" },
    "unknown keys do nothing",
  );
});

Deno.test("the chosen row stays in view, and does not leave the list", () => {
  const chosen = (...keys: string[]) => chosenOn(press(showing(rows(20)), ...keys).browser);
  assert.equal(chosen(), "> row 0");
  assert.equal(chosen("up"), "> row 0");
  assert.equal(chosen("down", "down", "k"), "> row 1");
  assert.equal(chosen("page-down"), "> row 4");
  assert.equal(chosen("end", "down"), "> row 19");
  assert.equal(chosen("end", "page-up", "home"), "> row 0");
});

Deno.test("opening a row demands its wish, and nothing else is done until that is met", () => {
  const list = showing(listScreen("list", [{ name: "motd", open: { type: "view", location: MOTD } }]));
  const { browser, effect } = press(list, "enter");
  assert.deepEqual(effect, { type: "task", task: { type: "view", location: MOTD } });
  assert.equal(press(browser, "enter").effect, undefined);
  assert.deepEqual(press(browser, "escape").effect, { type: "cancel" });
  assert.deepEqual(press(browser, "q").effect, { type: "quit" });
  assert.deepEqual(press(browser, "ctrl-c").effect, { type: "interrupt" });
  const opened = advanceBrowser(browser, {
    type: "opened",
    screen: textScreen("motd", ["hello"]),
    note: "done",
  });
  assert.deepEqual(textsOf(opened.browser).slice(0, 2), ["motd", "hello"]);
  assert.equal(currentScreen(press(opened.browser, "left").browser).title, "list");
});

Deno.test("a file is saved under the name that was typed; a failure leaves the question there", () => {
  const text = showing(textScreen("motd", ["hello"], { ...MOTD, path: "etc/a\x1b:\\b" }));
  const asked = press(text, "s").browser;
  assert.ok(textsOf(asked).includes(": a___b_"), "what could be more than a name is not suggested");
  const { browser, effect } = press(asked, "ctrl-u", "q", "é", "x", "backspace", "enter");
  assert.ok(effect?.type === "task" && effect.task.type === "save" && effect.task.to === "qé");
  const failed = advanceBrowser(browser, { type: "noted", note: "it is there already" }).browser;
  assert.equal(currentScreen(failed).kind, "question");
  const saved = advanceBrowser(browser, { type: "saved", note: "saved" }).browser;
  assert.equal(currentScreen(saved).kind, "text");
  assert.match(press(showing(rows(1)), "s").browser.note, /only files can be saved/);
});

Deno.test("saving is offered where there is something to save", () => {
  const wide = { columns: 80, rows: 8 };
  const list = showing(listScreen("list", [{ name: "motd", file: MOTD }, { name: "etc/" }]), wide);
  const help = (browser: Browser) => textsOf(browser).at(-1);
  assert.equal(help(list), "? keys  Enter open  Left back  / search  s save  q quit");
  assert.equal(help(press(list, "down").browser), "? keys  Enter open  Left back  / search  q quit");
  assert.equal(
    help(showing(textScreen("facts", []), wide)),
    "? keys  Space page  Left back  / search  q quit",
  );
  assert.equal(
    help(showing(listScreen("list", []), wide)),
    "? keys  Enter open  Left back  / search  q quit",
  );
});

Deno.test("the usual notes fit into 80 columns", () => {
  const MB = 1_000_000;
  const report = renderShortReport({
    fetched: 987.6 * MB,
    size: 999.4 * MB,
    verified: false,
    byTable: false,
  });
  assert.equal(report, "fetched 988 MB of 999 MB, not verified");
  for (
    const note of [`in hexadecimal, the first 65.5 KB; ${report}`, `saved os-release, 1.03 KB; ${report}`]
  ) {
    assert.ok(note.length < 80, note);
  }
});

Deno.test("a note that is longer than a line is shown whole, over the end of what is listed", () => {
  const note = "there is no app in oci:box/me/files, as far as can be seen (it has: api, app-one, app-two)";
  const browser = advanceBrowser(showing(rows(20)), { type: "noted", note }).browser;
  const texts = textsOf(browser);
  assert.equal(texts.length, SIZE.rows);
  assert.ok(texts.every((text) => columnsOf(text) < SIZE.columns), texts.join("\n"));
  assert.ok(texts.slice(1, -1).map((text) => text.trim()).join(" ").endsWith(note), texts.join("\n"));
  assert.match(chosenOn(browser) ?? "", /row 0/);
  const atEnd = advanceBrowser(press(showing(rows(20)), "end").browser, { type: "noted", note }).browser;
  assert.match(chosenOn(atEnd) ?? "", /row 19/, "the chosen row is not covered");
  assert.equal(textsOf(atEnd).length, SIZE.rows);
});

Deno.test("a repository lists each stored file once, and says how it is brought back", async () => {
  await using work = await makeWorkspace();
  using store = openStore(`oci:${work.path("box")}`);
  await upload(store, "disk", { input: await work.write("disk.img", someBytes(25)), chunkSize: 10 });
  await putImage(store, "app", []);
  await putImage(store, "build-7", []);
  using tasks = new TaskRunner({});
  const signal = new AbortController().signal;
  const opened = await tasks.run({ type: "open", image: store.name }, { onEvent: () => {}, signal });
  assert.ok(opened.type === "opened");
  const browser = showing(opened.screen, { columns: 100, rows: 12 });
  assert.deepEqual(
    textsOf(browser).slice(1, 4).map((text) => text.replace(/ {2,}/g, "  ").trim()),
    ["> disk  stored file, 3 chunks", "app", "build-7"],
  );
  const { browser: asked, effect } = press(browser, "enter");
  assert.equal(effect, undefined);
  assert.equal(asked.note, `disk is a stored file: layerstash download ${store.name}:disk`);
  await assert.rejects(
    tasks.run({ type: "open", image: `${store.name}:disk` }, { onEvent: () => {}, signal }),
    /disk is a stored file, not an image or an alias/,
  );
});

Deno.test("a text moves in both directions, and left at its edge goes back", () => {
  const text = showing(textScreen("t", Array.from({ length: 50 }, (_, i) => `${i} ${"x".repeat(60)}`)));
  const moved = press(text, "right", " ").browser;
  assert.match(textsOf(moved)[1]!, /^x{36}\.\.\.$/);
  assert.match(textsOf(press(moved, "left").browser)[1]!, /^4 x/);
  assert.equal(currentScreen(press(moved, "left", "left").browser).kind, "question");
});

Deno.test("whatever names there are and keys come, lines fit and have no control characters", () => {
  const names = fc.array(fc.string({ unit: "binary", maxLength: 80 }), { maxLength: 30 });
  const keys = fc.array(
    fc.constantFrom(
      "up",
      "down",
      "left",
      "right",
      "page-down",
      "end",
      "s",
      "escape",
      "x",
      "ctrl-u",
      "/",
      "n",
      "N",
      "?",
    ),
    { maxLength: 30 },
  );
  const sizes = fc.record({
    columns: fc.integer({ min: 1, max: 100 }),
    rows: fc.integer({ min: 1, max: 30 }),
  });
  fc.assert(fc.property(names, keys, sizes, sizes, fc.boolean(), (names, keys, size, later, isList) => {
    const location = { ...MOTD, path: names[0] ?? "" };
    const screen = isList
      ? listScreen(names.join(), names.map((name) => ({ name, detail: "1 KB", file: location })))
      : textScreen(names.join(), names, location);
    let browser = press(showing(screen, size), ...keys).browser;
    browser = advanceBrowser(browser, { type: "resized", size: later }).browser;
    browser = advanceBrowser(browser, { type: "noted", note: names.join() }).browser;
    const { lines, record } = renderFrame(browser);
    assert.equal(lines.length, later.rows);
    for (const line of [...lines.map(({ text }) => text), ...record]) {
      assert.ok(columnsOf(line) <= Math.max(1, later.columns - 1), JSON.stringify(line));
      assert.ok(!/[\p{Cc}\p{Bidi_Control}]/u.test(line));
    }
  }));
});

Deno.test("of a title that does not fit the end is shown", () => {
  const title = `registry.example.com/me/app:latest  /usr/share/doc/motd`;
  assert.equal(textsOf(showing(textScreen(title, [])))[0], `...${title.slice(-36)}`);
});

Deno.test("texts lose their tabs, and other bytes are shown as such", () => {
  const lines = (text: string) => linesOf(new TextEncoder().encode(text));
  assert.deepEqual(lines("a\tb\r\n\n\tc"), ["a       b", "", "        c"]);
  assert.deepEqual(lines(""), []);
  assert.deepEqual(lines("\0A"), [`00000000  00 41${" ".repeat(42)}  .A`]);
});

Deno.test("a directory is listed by name, over links; of a single layer with its whiteouts", () => {
  const entries = [
    entry(1, "usr/bin/env"),
    entry(1, "usr/bin/cat"),
    entry(1, "bin", { type: "symlink", target: "usr/bin" }),
    entry(2, "usr/bin/.wh.cat"),
  ];
  const [merged, single] = [new FileTree(), new FileTree({ keepWhiteouts: true })];
  for (const each of entries) for (const tree of [merged, single]) tree.add(each);
  const names = (tree: FileTree, path: string) => tree.list(path).map(({ path }) => path);
  assert.deepEqual(names(merged, ""), ["bin", "usr"]);
  assert.deepEqual(names(merged, "bin"), ["usr/bin/env"]);
  assert.deepEqual(names(single, "/usr/bin/"), ["usr/bin/.wh.cat", "usr/bin/cat", "usr/bin/env"]);
  assert.deepEqual(names(merged, "usr/bin/env"), []);
  assert.deepEqual(names(merged, "nowhere"), []);
});

const TREE = ["etc/app/app.conf", "etc/motd", "opt/Notes", "opt/app/readme", "usr/app.conf"];

/** What is chosen, in which directory, and what is said about the search. */
function seen(browser: Browser): string[] {
  const lines = textsOf(browser);
  return [lines[0]!, chosenOn(browser)?.match(/> (\S+)/)?.[1] ?? "", lines.at(-2)!];
}

Deno.test("a search goes through the whole tree as it is typed, and its directories are open then", () => {
  const root = showingTree(TREE);
  assert.deepEqual(seen(press(root, "/", "a").browser), ["app  /etc", "app/", "/a_  1 of 5"]);
  const typed = press(root, "/", ..."app.c").browser;
  assert.deepEqual(seen(typed), ["app  /etc/app", "app.conf", "/app.c_  1 of 2"]);
  assert.deepEqual(seen(press(typed, "down").browser), ["app  /usr", "app.conf", "/app.c_  2 of 2"]);
  const kept = press(typed, "enter").browser;
  assert.deepEqual(seen(kept), ["app  /etc/app", "app.conf", "/app.c  1 of 2"]);
  assert.deepEqual(seen(press(kept, "n", "n").browser), ["app  /etc/app", "app.conf", "/app.c  1 of 2"]);
  assert.deepEqual(seen(press(kept, "N").browser), ["app  /usr", "app.conf", "/app.c  2 of 2"]);
  const above = press(kept, "left", "left").browser;
  assert.deepEqual(seen(above).slice(0, 2), ["app  /", "etc/"]);
  assert.equal(currentScreen(press(above, "left").browser).kind, "question", "no directory is open twice");
});

Deno.test("the name decides in a search, a path may be typed, and capital letters must match", () => {
  const root = showingTree(TREE);
  const find = (text: string) => seen(press(root, "/", ...text).browser);
  assert.deepEqual(find("opt"), ["app  /", "opt/", "/opt_  1 of 1"]);
  assert.deepEqual(find("opt/app/r"), ["app  /opt/app", "readme", "/opt/app/r_  1 of 1"]);
  assert.deepEqual(find("notes"), ["app  /opt", "Notes", "/notes_  1 of 1"]);
  assert.deepEqual(find("NOTES"), ["app  /", "etc/", "/NOTES_  nothing found"]);
});

Deno.test("Esc leaves a search where it began, and so does taking back what was typed", () => {
  const root = press(showingTree(TREE), "down").browser;
  const typed = press(root, "/", ..."conf").browser;
  assert.deepEqual(seen(press(typed, "escape").browser), ["app  /", "opt/", ""]);
  const cleared = press(typed, "ctrl-u").browser;
  assert.deepEqual(seen(cleared), ["app  /", "opt/", "/_"]);
  assert.deepEqual(seen(press(cleared, "backspace").browser), ["app  /", "opt/", ""]);
  assert.equal(press(root, "n").browser.note, "nothing was searched for: / begins a search");
});

Deno.test("lists and texts are searched, too: a line is shown at the top, and sidewards if it is long", () => {
  assert.equal(chosenOn(press(showing(rows(20)), "/", "1", "2").browser), "> row 12");
  const long = `${"x".repeat(60)}needle${"y".repeat(60)}`;
  const text = showing(textScreen("t", [...Array(50).fill("-"), long, ...Array(50).fill("-")]));
  const { lines } = renderFrame(press(text, "/", ..."needle").browser);
  assert.ok(lines[1]!.text.includes("needle"), lines[1]!.text);
  assert.equal(lines[1]!.tone, "found");
});

Deno.test("? shows the keys, once, and goes back to where it was", () => {
  const root = press(showingTree(TREE), "down").browser;
  const keys = press(root, "?", "down", "?").browser;
  assert.match(textsOf(keys)[0]!, /^Keys/);
  assert.deepEqual(seen(press(keys, "left").browser), ["app  /", "opt/", ""]);
  const all = textsOf(showing(currentScreen(press(root, "?").browser), { columns: 42, rows: 24 }));
  assert.ok(all.every((line) => !line.endsWith("...")), "all of it fits into 42 columns and 24 lines");
});

Deno.test("a colour says what a row is, and the chosen row is reversed", () => {
  const { lines } = renderFrame(press(showingTree(["etc/motd", "file"]), "down").browser);
  assert.equal(coloured("etc/", lines[1]!), "\x1b[1;34metc/\x1b[0m");
  assert.equal(coloured("file", lines[2]!), "\x1b[7mfile\x1b[0m");
  assert.equal(coloured("", { tone: "title" }), "");
});

Deno.test("the locale says whether a terminal shows more than ASCII", () => {
  assert.ok(showsUnicode({}));
  assert.ok(showsUnicode({ LANG: "C.UTF-8" }));
  assert.ok(!showsUnicode({ LANG: "C" }));
  assert.ok(!showsUnicode({ LANG: "de_DE.UTF-8", LC_ALL: "de_DE.ISO-8859-1" }));
});
