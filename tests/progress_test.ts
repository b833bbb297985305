/** Progress: the state that events make, and the text that it is rendered as. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { inProgress } from "../lib/cli/action.ts";
import { jsonEvents } from "../lib/cli/text/json_lines.ts";
import { columnsOf, renderTable } from "../lib/cli/text/columns.ts";
import { type BarStyle, renderBar as renderStyled, renderPlain } from "../lib/cli/terminal/progress_bar.ts";
import { renderEvent } from "../lib/cli/terminal/log.ts";
import {
  advance,
  movedBytes,
  percentDone,
  type ProgressState,
  rateAt,
  startProgress,
  timeLeft,
} from "../lib/cli/terminal/progress_state.ts";
import type { TransferEvent } from "../lib/events.ts";
import type { Digest } from "../lib/oci/digest.ts";

const MB = 1_000_000;
const DIGEST = `sha256:${"a".repeat(64)}` as Digest;

const sent = (bytes: number): TransferEvent => ({ type: "progress", phase: "send", bytes });
const checked = (bytes: number): TransferEvent => ({ type: "progress", phase: "check", bytes });

function done(
  size: number,
  state: "sent" | "mounted" | "fetched" | "present" | "checked" = "sent",
): TransferEvent {
  return { type: "blob", index: 1, state, digest: DIGEST, size };
}

/** The bar as the plainest terminal shows it, where nothing else is asked for. */
function renderBar(
  state: ProgressState,
  { unicode = false, colour = false, ...size }: Partial<BarStyle> & { width: number; now: number },
): string[] {
  return renderStyled(state, { unicode, colour, ...size });
}

/** The state after events that come one each second. */
function after(events: TransferEvent[], what = "uploading disk.img"): ProgressState {
  return events.reduce(
    (state, event, index) => advance(state, event, (index + 1) * 1000),
    startProgress(what, 0),
  );
}

const PLAN: TransferEvent = { type: "plan", size: 1000 * MB, blobs: 4, chunkSize: 250 * MB };

Deno.test("the bar fills 80 columns", () => {
  const half = after([
    PLAN,
    sent(100 * MB),
    sent(100 * MB),
    sent(50 * MB),
    done(250 * MB),
    sent(170 * MB),
  ]);
  assert.deepEqual(renderBar(startProgress("uploading disk.img", 0), { width: 79, now: 0 }), [
    "uploading disk.img",
    "",
  ]);
  assert.deepEqual(renderBar(after([PLAN]), { width: 79, now: 1000 }), [
    "uploading disk.img  0/4 chunks",
    "[------------------------]    0 %      0 B / 1 GB",
  ]);
  assert.deepEqual(renderBar(half, { width: 79, now: 6000 }), [
    "uploading disk.img  1/4 chunks",
    "[##########--------------]   42 %   420 MB / 1 GB    80 MB/s  7s left",
  ]);
});

Deno.test("the bar fits into 120, 60, 40 and 12 columns", () => {
  const half = after(
    [PLAN, sent(250 * MB), done(250 * MB), sent(170 * MB)],
    "uploading a-rather-long-name.img",
  );
  const at = (width: number) => renderBar(half, { width, now: 6000 });
  assert.deepEqual(at(120), [
    "uploading a-rather-long-name.img  1/4 chunks",
    "[###############-----------------------]   42 %   420 MB / 1 GB  42.5 MB/s  14s left",
  ]);
  assert.deepEqual(at(60), [
    "uploading a-rather-long-name.img  1/4 chunks",
    "[###-----]   42 %   420 MB / 1 GB  42.5 MB/s  14s left",
  ]);
  assert.deepEqual(at(40), [
    "uploading a-rather-long-n...  1/4 chunks",
    "[###-----]   42 %   420 MB / 1 GB",
  ]);
  assert.deepEqual(at(12), ["uploading...", " 42 %"]);
});

Deno.test("where the total is not known, sizes and the rate only", () => {
  const state = after([
    { type: "plan", chunkSize: 250 * MB },
    sent(250 * MB),
    done(250 * MB),
    sent(20 * MB),
  ]);
  assert.deepEqual(renderBar(state, { width: 79, now: 5000 }), [
    "uploading disk.img  1 chunk",
    " 270 MB  6.67 MB/s",
  ]);
  assert.equal(renderPlain(state, 5000), "uploading disk.img: 270 MB, 6.67 MB/s, 1 chunk");
  assert.equal(timeLeft(state, 5000), undefined);
});

Deno.test("of work that moves nothing it is said how long it takes, and how many requests were made", () => {
  const request: TransferEvent = { type: "request", method: "GET", url: "x", status: 200, milliseconds: 1 };
  const state = after([request, request], "removing disk");
  assert.equal(renderPlain(state, 10_000), "removing disk: 10s so far, 2 requests");
  assert.deepEqual(renderBar(state, { width: 79, now: 70_000 }), [
    "removing disk",
    "1m 10s so far, 2 requests",
  ]);
  assert.equal(renderPlain(startProgress("reading x", 0), 20_000), "reading x: 20s so far");
  assert.equal(
    renderPlain(after([PLAN], "storing x"), 10_000),
    "storing x: 0 %, 0 B / 1 GB, 0/4 chunks",
  );
});

Deno.test("what a command does is named while it does it", () => {
  const said = ["remove disk", "list me/files", "set the alias x", "get a token", "find a blob"].map(
    inProgress,
  );
  const expected = [
    "removing disk",
    "listing me/files",
    "setting the alias x",
    "getting a token",
    "finding a blob",
  ];
  assert.deepEqual(said, expected);
});

Deno.test("of a folder the files are counted, and not the blobs that they are in", () => {
  const plan: TransferEvent = { type: "plan", size: 1000 * MB, blobs: 2, files: 1200 };
  const state = after([plan, { type: "files", count: 80 }, done(250 * MB, "fetched")], "fetching photos");
  const [title = ""] = renderBar(state, { width: 79, now: 4000 });
  assert.match(title, /^fetching photos +80\/1200 files$/);
  assert.match(renderPlain(state, 4000), /80\/1200 files$/);
});

Deno.test("of a folder that is stored the bytes of its files are the measure, and not those that are sent", () => {
  const plan: TransferEvent = { type: "plan", blobs: 2, files: 1200, content: 1000 * MB };
  const packed: TransferEvent = { type: "files", count: 80, bytes: 250 * MB };
  const state = after([plan, packed, sent(20 * MB), packed, done(30 * MB)], "storing photos");
  assert.equal(
    renderPlain(state, 4000),
    "storing photos: 50 %, 500 MB / 1 GB, 125 MB/s, 4s left,  160/1200 files",
  );
  const back = advance(state, { type: "files", count: -80, bytes: -250 * MB }, 4000);
  assert.match(renderPlain(back, 4000), /: 25 %, 250 MB .*, +80\/1200 files$/);
  assert.equal(state.sent, 20 * MB);
});

Deno.test("blocks fill by eighths, in colour or without", () => {
  const state = after([PLAN, sent(250 * MB), done(250 * MB), sent(170 * MB)]);
  const line = (style: BarStyle, width = 79) => renderBar(state, { width, now: 6000, ...style })[1];
  const rest = "   42 %   420 MB / 1 GB  42.5 MB/s  14s left";
  assert.equal(line({ unicode: true, colour: false }), `${"█".repeat(10)}▉${"░".repeat(15)}${rest}`);
  assert.equal(
    line({ unicode: true, colour: true }),
    `\x1b[32m${"█".repeat(10)}▉\x1b[0m\x1b[2m${"░".repeat(15)}\x1b[0m${rest}`,
  );
  assert.equal(line({ unicode: true, colour: false }, 39), "████▏░░░░░   42 %   420 MB / 1 GB");
});

Deno.test("nothing moves while numbers change: they are as wide from the first byte to the last", () => {
  const places = new Set<string>();
  let state = advance(startProgress("uploading disk.img", 0), PLAN, 0);
  for (let second = 1; second <= 90; second++) {
    state = advance(state, sent(11_111_111), second * 1000);
    if (second % 23 === 0) state = advance(state, done(250 * MB), second * 1000);
    const [title, line] = renderBar(state, { width: 79, now: second * 1000 });
    places.add(`${title!.length} ${line!.indexOf("%")} ${line!.indexOf("B /")} ${line!.lastIndexOf("1 GB")}`);
    if (second > 2) assert.equal(line!.indexOf("B/s"), 57, line);
  }
  assert.deepEqual([...places], ["30 32 41 45"]);
});

Deno.test("an attempt that is waited for is shown with its countdown until bytes move again", () => {
  const failed: TransferEvent = { type: "retry", what: "chunk 2", attempt: 1, delay: 8000, reason: "503" };
  const state = after([PLAN, sent(250 * MB), sent(170 * MB), failed]);
  const at = (now: number, colour = false) => renderBar(state, { width: 79, now, colour })[1];
  const start = "[##########--------------]   42 %   420 MB / 1 GB";
  assert.equal(at(4000), `${start}  waiting: attempt 2 in 8s`);
  assert.equal(at(11_001), `${start}  waiting: attempt 2 in 1s`);
  assert.equal(at(12_500), `${start}  waiting: attempt 2`, "it has begun");
  assert.ok(at(4000, true)!.endsWith("\x1b[33mwaiting: attempt 2 in 8s\x1b[0m"));
  assert.equal(renderBar(state, { width: 39, now: 4000 })[1], "[###-----]   42 %");
  assert.equal(
    renderPlain(state, 4000),
    "uploading disk.img: 42 %, 420 MB / 1 GB, waiting: attempt 2 in 8s, 0/4 chunks",
  );
  assert.doesNotMatch(renderPlain(advance(state, sent(1), 13_000), 13_000), /waiting/);
  const paused: TransferEvent = { type: "pause", host: "ghcr.io", delay: 5000 };
  assert.match(renderPlain(advance(state, paused, 4000), 4000), /attempt 2 in 8s/, "which ends later");
  const alone = advance(after([PLAN, sent(1)]), paused, 2000);
  assert.match(renderPlain(alone, 2000), /, waiting: it goes on in 5s, /);
  const nothingElse = advance(startProgress("listing me/files", 0), failed, 1000);
  assert.equal(renderPlain(nothingElse, 2000), "listing me/files: waiting: attempt 2 in 7s");
});

Deno.test("what passes before the first bytes move counts neither for the rate nor for the time left", () => {
  let state = advance(startProgress("x", 0), { type: "plan", size: 1000 * MB, blobs: 1 }, 0);
  assert.equal(rateAt(state, 15_000), undefined);
  for (const second of [15, 16, 17]) state = advance(state, sent(10 * MB), second * 1000);
  assert.equal(rateAt(state, 17_000), 10 * MB);
  assert.equal(timeLeft(state, 17_000), 97_000);
  const all = advance(state, sent(970 * MB), 18_000);
  assert.equal(timeLeft(all, 18_000), undefined, "the registry takes its time to store it");
});

Deno.test("progress is also written as a plain line", () => {
  const state = after([PLAN, sent(250 * MB), done(250 * MB), sent(170 * MB)]);
  assert.equal(
    renderPlain(state, 6000),
    "uploading disk.img: 42 %, 420 MB / 1 GB, 42.5 MB/s, 14s left, 1/4 chunks",
  );
});

Deno.test("it never says 100 % before every chunk is done", () => {
  const all = [sent(250 * MB), sent(250 * MB), sent(250 * MB), sent(250 * MB)];
  const chunks = [done(250 * MB), done(250 * MB), done(250 * MB)];
  const almost = after([PLAN, ...all, ...chunks]);
  assert.equal(movedBytes(almost), 1000 * MB);
  assert.equal(percentDone(almost), 99);
  assert.equal(percentDone(advance(almost, done(250 * MB), 9000)), 100);
});

Deno.test("an empty file goes from 0 to 100 %", () => {
  const begun = after([{ type: "plan", size: 0, blobs: 1 }]);
  assert.equal(percentDone(begun), 0);
  assert.equal(percentDone(advance(begun, done(0), 2000)), 100);
});

Deno.test("bytes that are given back for another attempt do not count twice", () => {
  const retried = after([PLAN, sent(200 * MB), sent(-200 * MB), sent(250 * MB), done(250 * MB)]);
  assert.equal(movedBytes(retried), 250 * MB);
  const givenBackFirst = after([PLAN, sent(100 * MB), sent(-120 * MB)]);
  assert.equal(movedBytes(givenBackFirst), 0);
  const lateRetry = after([PLAN, sent(1), sent(100 * MB), sent(-100 * MB)]);
  assert.equal(rateAt(lateRetry, 6000), 25 * MB, "they did travel");
});

Deno.test("chunks that are there already count without having moved, and not for the rate", () => {
  const state = after([
    PLAN,
    done(250 * MB, "present"),
    done(250 * MB, "present"),
    sent(20 * MB),
    sent(20 * MB),
  ]);
  assert.equal(state.saved, 500 * MB);
  assert.equal(movedBytes(state), 540 * MB);
  assert.equal(rateAt(state, 5000), 20 * MB);
});

Deno.test("a chunk that was partly checked and partly fetched counts once, beside another one on its way", () => {
  const fetched = (bytes: number): TransferEvent => ({ type: "progress", phase: "fetch", bytes });
  const state = after([
    PLAN,
    fetched(60 * MB),
    checked(150 * MB),
    fetched(100 * MB),
    done(250 * MB, "fetched"),
  ]);
  assert.equal(movedBytes(state), 310 * MB);
  const rest = [
    fetched(190 * MB),
    done(250 * MB, "fetched"),
    checked(250 * MB),
    done(250 * MB, "present"),
  ];
  const more = rest.reduce((so, event) => advance(so, event, 9000), state);
  assert.equal(movedBytes(more), 750 * MB);
});

Deno.test("chunks that were fetched to be checked count once", () => {
  const fetched: TransferEvent = { type: "progress", phase: "fetch", bytes: 250 * MB };
  const half = after([PLAN, fetched, fetched, done(250 * MB, "checked"), done(250 * MB, "checked")]);
  assert.equal(movedBytes(half), 500 * MB);
});

Deno.test("bytes that an earlier run moved count for how far it is, and not for the rate", () => {
  const resumed: TransferEvent = { type: "resume", phase: "send", bytes: 400 * MB };
  const state = advance(advance(startProgress("x", 0), PLAN, 0), resumed, 10);
  assert.equal(state.saved, 400 * MB);
  assert.equal(percentDone(state), 40);
  assert.equal(rateAt(state, 5000), undefined);
  assert.equal(percentDone(advance(state, { ...resumed, bytes: -400 * MB }, 20)), 0);
});

Deno.test("the rate is that of the last ten seconds, and ends when nothing moves", () => {
  let state = startProgress("x", 0);
  for (let second = 1; second <= 20; second++) state = advance(state, sent(100 * MB), second * 1000);
  for (let second = 21; second <= 30; second++) state = advance(state, sent(10 * MB), second * 1000);
  assert.equal(rateAt(state, 30_000), 10 * MB);
  assert.equal(rateAt(state, 35_000), 5 * MB);
  assert.equal(rateAt(state, 40_000), 0);
  assert.equal(timeLeft({ ...state, size: 1e12 }, 40_000), undefined);
  assert.ok(state.samples.length <= 12);
});

Deno.test("many small events keep few samples", () => {
  let state = startProgress("x", 0);
  for (let time = 1; time <= 30_000; time++) state = advance(state, sent(1000), time);
  assert.ok(state.samples.length <= 45, `${state.samples.length}`);
  const rate = rateAt(state, 30_000) ?? 0;
  assert.ok(Math.abs(rate - 1_000_000) < 30_000, `${rate}`);
});

Deno.test("names cannot write to the terminal, and wide letters do not make a line too long", () => {
  const named = (what: string) => renderBar(startProgress(what, 0), { width: 20, now: 0 })[0];
  assert.equal(named("a\x1b[2Jb\nc\u009bd\u202ee"), "a?[2Jb?c?d?e");
  assert.equal(named("下载".repeat(8)), "下载下载下载下载...");
});

Deno.test("columns of a table fit to letters of every width", () => {
  const names = ["ab", "下载", "e\u0301e\u0301", "👩‍👩‍👧", "ｱｲ", "🇩🇪", "█─"];
  const lines = renderTable(names.map((name) => [name, "|"])).trimEnd().split("\n");
  for (const line of lines) assert.equal(columnsOf(line), 7, line);
  assert.deepEqual(names.map(columnsOf), [2, 4, 2, 2, 2, 2, 2]);
});

Deno.test("a table for a person shows the beginnings of digests, and one for a program shows all of them", () => {
  const rows = [["1", DIGEST, `of ${DIGEST}`]];
  assert.equal(renderTable(rows), `1  ${DIGEST}  of ${DIGEST}\n`);
  assert.equal(renderTable(rows, { shortDigests: true }), `1  sha256:${"a".repeat(12)}  of ${DIGEST}\n`);
});

const anyEvent: fc.Arbitrary<TransferEvent> = fc.oneof(
  fc.record({ type: fc.constant("plan" as const), size: fc.nat(1e12), blobs: fc.nat(200) }, {
    requiredKeys: ["type"],
  }),
  fc.record({
    type: fc.constant("progress" as const),
    phase: fc.constantFrom("send", "fetch", "check", "hash"),
    bytes: fc.integer({ min: -1e10, max: 1e10 }),
  }),
  fc.record({
    type: fc.constant("blob" as const),
    index: fc.nat(200),
    state: fc.constantFrom("sent", "mounted", "fetched", "present", "checked"),
    digest: fc.constant(DIGEST),
    size: fc.nat(1e10),
  }),
);

Deno.test("property: whatever happens, no line is too wide and nothing goes past the end", () => {
  const names = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));
  fc.assert(
    fc.property(fc.array(anyEvent), names, fc.integer({ min: 1, max: 200 }), (events, what, width) => {
      const state = after(events, what);
      const lines = renderBar(state, { width, now: events.length * 1000 });
      assert.equal(lines.length, 2);
      for (const line of lines) assert.ok(columnsOf(line) <= width, `${width}: ${JSON.stringify(line)}`);
      assert.ok(movedBytes(state) >= 0 && movedBytes(state) <= (state.size ?? Infinity));
      assert.ok((percentDone(state) ?? 0) <= 100);
      assert.ok((rateAt(state, 1e6) ?? 0) >= 0 && (timeLeft(state, 1e6) ?? 0) >= 0);
    }),
  );
});

Deno.test("events are written as lines for logs", () => {
  const lines: [TransferEvent, string][] = [
    [PLAN, "plan: 1 GB in 4 chunks"],
    [{ type: "plan", chunkSize: MB }, "plan: unknown size in an unknown number of chunks"],
    [{ type: "plan", size: MB, blobs: 1 }, "plan: 1 MB in 1 blob"],
    [{ type: "plan" }, "plan: unknown size in an unknown number of blobs"],
    [{ type: "plan", blobs: 2, files: 3, content: MB }, "plan: 1 MB in 2 layers"],
    [sent(-5), "send: -5 bytes"],
    [done(5 * MB, "present"), `blob 1: present, 5 MB, ${DIGEST}`],
    [
      { type: "blob", index: 2, state: "checked", digest: DIGEST, size: 1, fault: "its blob is missing" },
      `blob 2: checked, 1 B, ${DIGEST}: its blob is missing`,
    ],
    [
      { type: "retry", what: "chunk 2", attempt: 1, delay: 3000, reason: "the registry answered 503" },
      "the registry answered 503; attempt 2 for chunk 2 follows in 3s",
    ],
    [
      { type: "resume", phase: "send", bytes: 5 * MB },
      "5 MB were kept and need not be sent again",
    ],
    [
      { type: "resume", phase: "fetch", bytes: -5 * MB },
      "5 MB must be fetched again after all",
    ],
    [{ type: "files", count: 3 }, "3 files more in place"],
    [{ type: "files", count: 3, bytes: 5 * MB }, "3 files more of 5 MB"],
    [{ type: "files", count: -1, bytes: -5 * MB }, "1 file of 5 MB must be packed again"],
    [{ type: "pause", host: "ghcr.io", delay: 42_000 }, "ghcr.io wants to be left alone for 42s"],
    [{ type: "notice", message: "tag disk-4 is stale" }, "tag disk-4 is stale"],
    [
      { type: "request", method: "HEAD", url: "http://localhost/v2/", status: 200, milliseconds: 12 },
      "HEAD http://localhost/v2/: 200, 12 ms",
    ],
  ];
  for (const [event, line] of lines) assert.equal(renderEvent(event), line);
});

Deno.test("events as JSON add up, also where a transfer fails", () => {
  const written: { event: string; bytes?: number }[] = [];
  const { onEvent, fail } = jsonEvents((line) => written.push(JSON.parse(line)), () => 0);
  for (const bytes of [5, 4, -2]) onEvent({ type: "progress", phase: "send", bytes });
  fail(new Error("no more"));
  assert.deepEqual(written, [
    { event: "progress", phase: "send", bytes: 7 },
    { event: "failure", kind: "failed", message: "no more" },
  ]);
});

Deno.test("progress as JSON is never negative: what moves again counts when more has moved than before", () => {
  const written: { event: string; bytes?: number }[] = [];
  const { onEvent } = jsonEvents((line) => written.push(JSON.parse(line)), () => 0);
  const other = () => onEvent({ type: "notice", message: "another line" });
  for (const bytes of [5, -5, 3, 4]) {
    onEvent({ type: "progress", phase: "send", bytes });
    other();
  }
  assert.deepEqual(written.flatMap(({ bytes }) => bytes ?? []), [5, 2]);
});

Deno.test("measuring a text makes no segmenter: making one takes longer than measuring a name", () => {
  const { Segmenter } = Intl;
  let made = 0;
  const counting = new Proxy(Segmenter, {
    construct(target, args: []) {
      made++;
      return new target(...args);
    },
  });
  Reflect.set(Intl, "Segmenter", counting);
  try {
    assert.equal(columnsOf("名前.txt"), 8);
    assert.equal(columnsOf("name.txt"), 8);
    assert.equal(made, 0);
  } finally {
    Reflect.set(Intl, "Segmenter", Segmenter);
  }
});

Deno.test("bytes that are hashed before any moves are told, and do not count as moved", () => {
  const hash: TransferEvent = { type: "progress", phase: "hash", bytes: 300 * MB };
  const planned = advance(startProgress("storing x", 0), { type: "plan", size: 1000 * MB, blobs: 1 }, 0);
  const hashing = advance(advance(planned, hash, 1000), hash, 2000);
  assert.equal(renderPlain(hashing, 20_000), "storing x: 0 %, 0 B / 1 GB, hashed 600 MB, 0/1 blob");
  const [, measures] = renderBar(hashing, { width: 79, now: 20_000, unicode: false, colour: false });
  assert.match(measures!, /0 %.*\/ 1 GB {2}hashed +600 MB$/);
  const sending = advance(hashing, { type: "progress", phase: "send", bytes: 100 * MB }, 3000);
  assert.equal(renderPlain(sending, 3000), "storing x: 10 %, 100 MB / 1 GB, 0/1 blob");
  const done: TransferEvent = { type: "blob", index: 1, state: "checked", digest: DIGEST, size: 1000 * MB };
  const comparing = advance(advance(planned, done, 3000), hash, 4000);
  assert.equal(
    renderPlain(comparing, 20_000),
    "storing x: hashed 300 MB, 1/1 blob",
    "nothing but that is left",
  );
  const [, compared] = renderBar(comparing, { width: 79, now: 20_000, unicode: false, colour: false });
  assert.match(compared!, /^hashed +300 MB$/);
  const unplanned = advance(startProgress("appending", 0), hash, 1000);
  assert.match(renderPlain(unplanned, 20_000), /^appending: .*hashed 300 MB$/);
});
