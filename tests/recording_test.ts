/** The moving picture in the README: how frames are drawn, and that the one in the repository is in order. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Document, DOMParser, onErrorStopParsing } from "@xmldom/xmldom";
import { drawFrames, type Frame } from "./recording/draw_frames.ts";
import { RECORDING } from "./recording/record.ts";

const README = join(import.meta.dirname!, "../README.md");
const PICTURE = { title: "a terminal", columns: 40, rows: 3, pause: 2000 };

Deno.test("every frame's text is drawn, and only the last one's is in sight without motion", () => {
  const svg = parse(
    drawFrames([frame(0, "$ ls"), frame(500, "$ ls", "1 %"), frame(900, "$ ls", "100 %")], PICTURE),
  );
  assert.deepEqual(textsOf(svg), ["a terminal", "$ ls", "1 %", "100 %"]);
  assert.deepEqual(textsInSight(svg), ["$ ls", "100 %"]);
});

Deno.test("a line moves when it changes, at its time, and the others stand still", () => {
  const drawn = drawFrames(
    [frame(0, "$ ls"), frame(500, "$ ls", "1 %"), frame(2000, "$ ls", "done")],
    PICTURE,
  );
  const [, keyframes] = /@keyframes r1\{(.*)\}\n/.exec(drawn) ?? [];
  assert.equal(
    keyframes,
    "0%{transform:translateY(0px)}12.5%{transform:translateY(-20px)}50%{transform:translateY(-40px)}",
  );
  assert.match(drawn, /\.r1\{animation:r1 4\.00s step-end infinite\}/);
  assert.ok(!drawn.includes("@keyframes r0"));
});

Deno.test("there is no motion but for those who have not asked for less", () => {
  const drawn = drawFrames([frame(0, "one"), frame(500, "two")], PICTURE);
  const [before, after] = drawn.split("@media (prefers-reduced-motion:no-preference){");
  assert.ok(!before!.includes("animation") && after!.includes("animation"));
});

Deno.test("what XML and terminals would take for their own is drawn as text", () => {
  const svg = parse(
    drawFrames([frame(0, '<a href="x">&amp;]]></a>', "\x1b[31m\0\u202e\ud800\ufffe")], PICTURE),
  );
  assert.deepEqual(textsInSight(svg), ['<a href="x">&amp;]]></a>', "?[31m??\ufffd?"]);
});

Deno.test("blanks stay, and the cursor stands behind the text", () => {
  const rows = ["  STASH  SIZE", "$"];
  const svg = parse(drawFrames([{ at: 0, rows, cursor: { column: 2, row: 1 } }], PICTURE));
  assert.deepEqual(textsInSight(svg), ["  STASH  SIZE", "$ \u2588"]);
});

Deno.test("the README shows a recording of its own commands", async () => {
  const readme = await Deno.readTextFile(README);
  assert.match(readme, /^!\[[^\]]+\]\(\.github\/transfer\.svg\)$/m);
  const drawn = await Deno.readTextFile(RECORDING);
  assert.ok(drawn.length < 100_000);
  const inSight = textsInSight(parse(drawn));
  const commands = inSight.filter((line) => line.startsWith("$ layerstash "));
  assert.ok(commands.length >= 3);
  // The recording is of a registry, and the README's beginning of a directory.
  const places = (text: string) => text.replaceAll(/(oci:\.\/box|localhost:5000)\//g, "PLACE/");
  const shown = places(readme).split("\n");
  for (const command of commands) {
    assert.ok(shown.includes(places(command)), `run deno task record: ${command}`);
  }
  assert.ok(inSight.some((line) => line.includes(", verified, ")));
});

Deno.test("the recording needs nothing from elsewhere", async () => {
  const drawn = await Deno.readTextFile(RECORDING);
  assert.doesNotMatch(
    drawn.replace('xmlns="http://www.w3.org/2000/svg"', ""),
    /https?:|<script|@import|url\(/,
  );
});

function frame(at: number, ...rows: string[]): Frame {
  return { at, rows, cursor: { column: 0, row: 0 } };
}

/** Fails where it is not well-formed. */
function parse(svg: string): Document {
  return new DOMParser({ onError: onErrorStopParsing }).parseFromString(svg, "image/svg+xml");
}

function textsOf(svg: Document): string[] {
  return Array.from(svg.getElementsByTagName("text"), (each) => each.textContent ?? "");
}

/** The texts in the windows of the lines when nothing moves. */
function textsInSight(svg: Document): string[] {
  return Array.from(svg.getElementsByTagName("g")).flatMap((strip) => {
    const moved = Number(/^translate\(0 (-?\d+)\)$/.exec(strip.getAttribute("transform") ?? "")?.[1]);
    return Array.from(strip.getElementsByTagName("text"))
      .filter((text) => Math.floor((Number(text.getAttribute("y")) + moved) / 20) === 0)
      .map((text) => text.textContent ?? "");
  });
}
