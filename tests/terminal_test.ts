/** What is printed where: data on standard output, everything else on standard error, bars in place. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { join } from "node:path";
import type { LogLevel } from "../lib/cli/terminal/log.ts";
import { OutputClosedError } from "../lib/cli/terminal/standard_streams.ts";
import type { ProgressMode, Ticker } from "../lib/cli/terminal/progress_display.ts";
import { Terminal, type TerminalOptions } from "../lib/cli/terminal/terminal.ts";
import { NotAllowedError } from "../lib/errors.ts";
import type { TransferEvent } from "../lib/events.ts";

const MB = 1_000_000;

/** An output that takes a few bytes at a time, as pipes may. */
class FakeOutput {
  text = "";
  fault: (() => Error | undefined) | undefined;
  #decoder = new TextDecoder();
  constructor(readonly terminal: boolean, readonly most: number = 7) {}
  isTerminal(): boolean {
    return this.terminal;
  }
  writeSync(bytes: Uint8Array): number {
    const error = this.fault?.();
    if (error) throw error;
    const taken = bytes.subarray(0, this.most);
    this.text += this.#decoder.decode(taken, { stream: true });
    return taken.length;
  }
  // deno-lint-ignore require-await -- it fails as a promise does
  async write(bytes: Uint8Array): Promise<number> {
    return this.writeSync(bytes);
  }
}

/** A ticker whose time is moved by hand. */
class FakeTicker implements Ticker {
  time = 0;
  readonly timers: Set<{ every: number; next: number; action: () => void }> = new Set();
  now(): number {
    return this.time;
  }
  every(milliseconds: number, action: () => void): () => void {
    const timer = { every: milliseconds, next: this.time + milliseconds, action };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }
  advance(milliseconds: number): void {
    const end = this.time + milliseconds;
    for (;;) {
      const due = [...this.timers].filter(({ next }) => next <= end).sort((a, b) => a.next - b.next)[0];
      if (!due) break;
      this.time = due.next;
      due.next += due.every;
      due.action();
    }
    this.time = end;
  }
}

/** What a terminal of so many columns shows after a text: it wraps, and knows the three codes that bars use. */
function screen(text: string, columns: number): string[] {
  const rows: string[][] = [[]];
  let row = 0;
  let column = 0;
  // deno-lint-ignore no-control-regex
  for (const [token] of text.matchAll(/\x1b\[(\d*)([AJm])|[\s\S]/g)) {
    // deno-lint-ignore no-control-regex
    const code = /^\x1b\[(\d*)([AJ])$/.exec(token);
    if (code?.[2] === "A") row = Math.max(0, row - Number(code[1] || 1));
    else if (code?.[2] === "J") {
      rows.length = row + 1;
      rows[row]!.length = column;
    } else if (token === "\r") column = 0;
    else if (token === "\n") [row, column] = [row + 1, 0];
    else if (token.length === 1) {
      if (column === columns) [row, column] = [row + 1, 0];
      (rows[row] ??= [])[column++] = token;
    }
    rows[row] ??= [];
  }
  return rows.map((line) => line.join(""));
}

interface Setup {
  terminal: Terminal;
  stdout: FakeOutput;
  stderr: FakeOutput;
  ticker: FakeTicker;
  size: { columns: number };
}

function setup(
  options: Partial<Pick<TerminalOptions, "env" | "progress" | "logLevel">> & {
    tty?: boolean;
    out?: boolean | "file";
  } = {},
): Setup {
  const stdout = new FakeOutput(options.out === true);
  const stderr = new FakeOutput(options.tty ?? true);
  const ticker = new FakeTicker();
  const size = { columns: 80 };
  const streams = { stdout, outputIsFile: () => options.out === "file", stderr };
  const terminal = new Terminal({ env: {}, ...options, ...streams, ticker, columns: () => size.columns });
  return { terminal, stdout, stderr, ticker, size };
}

const PLAN: TransferEvent = { type: "plan", size: 1000 * MB, blobs: 4, chunkSize: 250 * MB };
const sent = (bytes: number): TransferEvent => ({ type: "progress", phase: "send", bytes });

Deno.test("the bar is redrawn in place, at most every 100 ms, and is gone at the end", () => {
  const { terminal, stdout, stderr, ticker } = setup({ env: { LANG: "C" } });
  const progress = terminal.progress("uploading disk.img");
  progress.onEvent(PLAN);
  assert.equal(stderr.text, "");
  ticker.advance(100);
  assert.deepEqual(screen(stderr.text, 80), [
    "uploading disk.img  0/4 chunks",
    "[------------------------]    0 %      0 B / 1 GB",
  ]);
  for (let i = 0; i < 500; i++) {
    progress.onEvent(sent(MB));
    ticker.advance(2);
  }
  assert.deepEqual(screen(stderr.text, 80), [
    "uploading disk.img  0/4 chunks",
    "[############------------]   50 %   500 MB / 1 GB   499 MB/s  1s left",
  ]);
  assert.equal(stderr.text.split("uploading").length - 1, 11);
  progress.end();
  assert.deepEqual(screen(stderr.text, 80), [""]);
  assert.equal(ticker.timers.size, 0);
  assert.equal(stdout.text, "");
});

Deno.test("a bar that shows the same is not drawn again", () => {
  const { terminal, stderr, ticker } = setup();
  using _progress = terminal.progress("waiting");
  ticker.advance(500);
  const { length } = stderr.text;
  ticker.advance(400);
  assert.equal(stderr.text.length, length);
});

Deno.test("the bar is erased before a line is printed and comes back under it", () => {
  const { terminal, stdout, stderr, ticker } = setup({ env: { NO_COLOR: "1" } });
  using progress = terminal.progress("uploading disk.img");
  ticker.advance(100);
  const reason = "the registry answered 503";
  progress.onEvent({ type: "retry", what: "chunk 2", attempt: 1, delay: 3000, reason });
  progress.onEvent({ type: "notice", message: "tag disk-4 is stale" });
  terminal.note("done so far");
  const lines = [
    "layerstash: the registry answered 503; attempt 2 for chunk 2 follows in 3s",
    "layerstash: tag disk-4 is stale",
    "layerstash: done so far",
  ];
  assert.deepEqual(screen(stderr.text, 80), [...lines, ""]);
  ticker.advance(100);
  assert.deepEqual(screen(stderr.text, 80), [...lines, "uploading disk.img", "waiting: attempt 2 in 3s"]);
  terminal.close();
  assert.deepEqual(screen(stderr.text, 80), [...lines, ""]);
  assert.equal(stdout.text, "");
});

Deno.test("an outage that ends many requests is told twice a minute, and at debug each time", () => {
  for (const [logLevel, times] of [["info", 3], ["debug", 61]] as const) {
    const { terminal, stderr, ticker } = setup({ progress: "none", logLevel, env: { NO_COLOR: "1" } });
    using progress = terminal.progress("uploading disk.img");
    const fails = (reason: string) =>
      progress.onEvent({ type: "retry", what: "chunk 2", attempt: 1, delay: 0, reason });
    for (let second = 0; second < 60; second++) {
      fails("the registry does not answer");
      ticker.advance(1000);
    }
    fails("the registry answered 503");
    assert.equal(stderr.text.trim().split("\n").length, times);
    assert.match(stderr.text, /^layerstash: the registry does not answer; attempt 2 for chunk 2 follows\n/);
  }
});

Deno.test("a bar does not show the password of a URL that it names", () => {
  const { terminal, stderr, ticker } = setup();
  using progress = terminal.progress("storing https://me:open-sesame@127.0.0.1/disk.img");
  progress.onEvent(PLAN);
  ticker.advance(100);
  assert.match(stderr.text, /storing https:\/\/\.\.\.@127\.0\.0\.1\/disk\.img/);
});

Deno.test("a transfer that ends early leaves on the screen how far it came", () => {
  const { terminal, stderr, ticker } = setup({ env: { NO_COLOR: "1", LANG: "C" } });
  const ends = (moved: number) => {
    {
      using progress = terminal.progress("uploading disk.img");
      progress.onEvent(PLAN);
      progress.onEvent(sent(moved));
      ticker.advance(100);
    }
    terminal.keepProgress();
    terminal.fail("cannot store it", new Error("interrupted"));
  };
  ends(0);
  const failed = "layerstash: cannot store it: interrupted";
  assert.deepEqual(screen(stderr.text, 80), [failed, ""], "nothing had moved");
  ends(500 * MB);
  assert.deepEqual(screen(stderr.text, 80), [
    failed,
    "uploading disk.img  0/4 chunks",
    "[############------------]   50 %   500 MB / 1 GB",
    failed,
    "",
  ]);
});

Deno.test("lines on a terminal are broken at words, and never within a command at their end", () => {
  const { terminal, stderr, size } = setup({ env: { NO_COLOR: "1" } });
  size.columns = 40;
  terminal.note("stored disk in ghcr.io/me/files: 12.6 MB in 3 chunks, 4.2s, 3 MB/s");
  terminal.note("get it back: layerstash download ghcr.io/me/files:disk");
  terminal.hint("use layerstash login, or LAYERSTASH_TOKEN in place of an option");
  terminal.note(`名前${"下".repeat(12)} ${"載".repeat(8)}`);
  const lines = [
    "layerstash: stored disk in",
    "  ghcr.io/me/files: 12.6 MB in 3",
    "  chunks, 4.2s, 3 MB/s",
    "layerstash: get it back:",
    "  layerstash download ghcr.io/me/files:disk",
    "hint: use layerstash login, or",
    "  LAYERSTASH_TOKEN in place of an",
    "  option",
    "layerstash:",
    `  名前${"下".repeat(12)}`,
    `  ${"載".repeat(8)}`,
  ];
  assert.equal(stderr.text, `${lines.join("\n")}\n`);
  const elsewhere = setup({ tty: false });
  elsewhere.size.columns = 40;
  elsewhere.terminal.note("a line that is longer than forty columns is not broken in a file");
  assert.equal(elsewhere.stderr.text.split("\n").length, 2);
});

Deno.test("the bar is of blocks where the locale is UTF-8, and where none is set", () => {
  for (
    const [env, blocks] of [
      [{ LANG: "de_DE.UTF-8" }, true],
      [{ LC_CTYPE: "C.utf8", LANG: "C" }, true],
      [{ LC_ALL: "C", LANG: "de_DE.UTF-8" }, false],
      [{ LANG: "C" }, false],
      [{}, true],
    ] as const
  ) {
    const { terminal, stderr, ticker } = setup({ env });
    using progress = terminal.progress("uploading disk.img");
    progress.onEvent(PLAN);
    ticker.advance(100);
    assert.equal(stderr.text.includes("░"), blocks, JSON.stringify(env));
  }
});

Deno.test("a window that is made narrower leaves nothing of the bar behind", () => {
  const { terminal, stderr, ticker, size } = setup({ env: { NO_COLOR: "1" } });
  using progress = terminal.progress("uploading disk.img");
  progress.onEvent(PLAN);
  ticker.advance(100);
  size.columns = 40;
  const rewrapped = screen(stderr.text, 40);
  assert.equal(rewrapped.length, 3);
  terminal.note("hello");
  assert.deepEqual(screen(stderr.text, 40), ["layerstash: hello", ""]);
});

Deno.test("property: the bar is never as wide as the terminal", () => {
  fc.assert(fc.property(fc.integer({ min: 2, max: 200 }), fc.nat(1000), (columns, moved) => {
    const { terminal, stderr, ticker, size } = setup();
    size.columns = columns;
    using progress = terminal.progress(
      "uploading some-file-with-a-name.img to registry.example.com/me/files",
    );
    progress.onEvent(PLAN);
    progress.onEvent(sent(moved * MB));
    ticker.advance(5000);
    const shown = screen(stderr.text, columns);
    assert.equal(shown.length, 2);
    for (const line of shown) assert.ok(line.length < columns);
  }));
});

Deno.test("without a terminal there is a plain line every ten seconds", () => {
  const { terminal, stderr, ticker } = setup({ tty: false });
  const progress = terminal.progress("uploading disk.img");
  progress.onEvent(PLAN);
  progress.onEvent(sent(1));
  ticker.advance(9_999);
  assert.equal(stderr.text, "");
  progress.onEvent(sent(100 * MB - 1));
  ticker.advance(1);
  ticker.advance(10_000);
  progress.end();
  ticker.advance(60_000);
  assert.equal(
    stderr.text,
    "layerstash: uploading disk.img: 10 %, 100 MB / 1 GB, 10 MB/s, 1m 30s left, 0/4 chunks\n" +
      "layerstash: uploading disk.img: 10 %, 100 MB / 1 GB, 0 B/s, 0/4 chunks\n",
  );
});

Deno.test("progress modes: what was asked for, else what the terminal can do", () => {
  const shown = (progress: ProgressMode, tty: boolean, env: Record<string, string> = {}) => {
    const { terminal, stderr, ticker } = setup({ progress, tty, env });
    using _progress = terminal.progress("uploading");
    ticker.advance(10_000);
    return stderr.text === "" ? "none" : stderr.text.startsWith("layerstash: ") ? "plain" : "bar";
  };
  assert.equal(shown("auto", true), "bar");
  assert.equal(shown("auto", false), "plain");
  assert.equal(shown("auto", true, { TERM: "dumb" }), "plain");
  assert.equal(shown("bar", true, { TERM: "dumb" }), "plain");
  assert.equal(shown("bar", false), "bar");
  assert.equal(shown("plain", true), "plain");
  assert.equal(shown("none", true), "none");
  assert.equal(shown("none", false), "none");
});

Deno.test("log levels say which lines are printed", () => {
  const events: TransferEvent[] = [
    sent(5),
    { type: "request", method: "GET", url: "http://localhost/v2/", status: 200, milliseconds: 3 },
    { type: "notice", message: "a notice" },
  ];
  const printed = (logLevel: LogLevel) => {
    const { terminal, stderr } = setup({ tty: false, logLevel });
    using progress = terminal.progress("uploading");
    for (const event of events) progress.onEvent(event);
    terminal.note("a note");
    terminal.fail("cannot upload", new Error("no reason"));
    return stderr.text.split("\n").filter((line) => line.startsWith("layerstash: ")).map((line) =>
      line.slice(12)
    );
  };
  const error = "cannot upload: no reason";
  assert.deepEqual(printed("critical"), [error]);
  assert.deepEqual(printed("warning"), ["a notice", error]);
  assert.deepEqual(printed("info"), ["a notice", "a note", error]);
  assert.deepEqual(printed("debug"), ["GET http://localhost/v2/: 200, 3 ms", "a notice", "a note", error]);
  assert.deepEqual(printed("trace")[0], "send: 5 bytes");
});

Deno.test("an error says what and why, then the hint; its stack only where debugging is wanted", () => {
  const error = new NotAllowedError("the registry says\n  no", { hint: "layerstash login" });
  const quiet = setup({ tty: false });
  quiet.terminal.fail("cannot upload disk.img", error);
  assert.equal(
    quiet.stderr.text,
    "layerstash: cannot upload disk.img: the registry says no\nhint: layerstash login\n",
  );
  const debugging = setup({ tty: false, logLevel: "debug" });
  debugging.terminal.fail("cannot upload disk.img", error);
  assert.match(debugging.stderr.text, /\n {4}at .*terminal_test\.ts/);
  assert.equal(quiet.stdout.text + debugging.stdout.text, "");
});

Deno.test("there are colours only on a terminal that wants them", () => {
  const printed = (options: { tty: boolean; env: Record<string, string> }) => {
    const { terminal, stderr } = setup(options);
    terminal.fail("it failed", "why");
    return stderr.text;
  };
  const plain = "layerstash: it failed: why\n";
  assert.equal(printed({ tty: true, env: {} }), `\x1b[31mlayerstash:\x1b[0m it failed: why\n`);
  assert.equal(printed({ tty: true, env: { NO_COLOR: "1" } }), plain);
  assert.equal(printed({ tty: true, env: { TERM: "dumb" } }), plain);
  assert.equal(printed({ tty: false, env: {} }), plain);
});

Deno.test("messages cannot write to the terminal", () => {
  const { terminal, stderr } = setup({ env: { NO_COLOR: "1" } });
  terminal.warn("the registry warns: \x1b]0;title\x07\x9b2J");
  assert.equal(stderr.text, "layerstash: the registry warns: ?]0;title??2J\n");
});

Deno.test("data goes to standard output whole and unchanged, and nothing else does", async () => {
  const { terminal, stdout, stderr, ticker } = setup();
  const progress = terminal.progress("downloading");
  ticker.advance(100);
  terminal.data("täglich \x1b[1m\n");
  const writer = terminal.dataStream().getWriter();
  await writer.write(new TextEncoder().encode("more than seven bytes"));
  await writer.close();
  terminal.note("a note");
  progress.end();
  assert.equal(stdout.text, "täglich \x1b[1m\nmore than seven bytes");
  assert.ok(stderr.text.includes("a note"));
});

Deno.test("a document ends its last line on a terminal, and is left as it is elsewhere", () => {
  const document = new TextEncoder().encode('{"a":\n1}');
  for (const [out, text] of [[true, '{"a":\n1}\n'], [false, '{"a":\n1}']] as const) {
    const { terminal, stdout } = setup({ out });
    terminal.document(document);
    assert.equal(stdout.text, text);
  }
});

Deno.test("where data is shown on the terminal too, the bar is erased before it", () => {
  for (const out of [true, false, "file"] as const) {
    const { terminal, stderr, ticker } = setup({ out });
    using _progress = terminal.progress("listing");
    ticker.advance(100);
    terminal.data("line\n");
    assert.deepEqual(screen(stderr.text, 80), out === "file" ? ["listing", ""] : [""], `${out}`);
  }
});

Deno.test("after data in a pipe, or part of a line, nothing is erased: progress is a line every ten seconds", async () => {
  const write: [boolean, (terminal: Terminal) => void | Promise<void>][] = [
    [false, (terminal) => terminal.data("line\n")],
    [false, (terminal) => terminal.pour(new TextEncoder().encode("line\n"))],
    [true, (terminal) => terminal.data("part of a line")],
    [true, (terminal) => terminal.pour(new TextEncoder().encode("line\n"))],
  ];
  for (const [out, writeTo] of write) {
    const { terminal, stderr, ticker } = setup({ out });
    const progress = terminal.progress("fetching");
    ticker.advance(100);
    const written = writeTo(terminal);
    assert.deepEqual(screen(stderr.text, 80), [""]);
    const { length } = stderr.text;
    await written;
    progress.onEvent(sent(5));
    ticker.advance(9_900);
    assert.equal(stderr.text.slice(length), "");
    ticker.advance(100);
    assert.match(stderr.text.slice(length), /^layerstash: fetching: 5 B[, \w/]*\n$/);
    const all = stderr.text;
    progress.end();
    assert.equal(stderr.text, all);
  }
});

Deno.test("on a terminal, the bar comes back below whole lines of data", () => {
  const { terminal, stderr, ticker } = setup({ out: true });
  using _progress = terminal.progress("listing");
  terminal.data("line\n");
  ticker.advance(100);
  assert.deepEqual(screen(stderr.text, 80), ["listing", ""]);
});

Deno.test("bytes that are not text are poured into pipes and files, and refused on a terminal", async () => {
  const text = new TextEncoder().encode("änderungen\t1\r\n—\f😀\n");
  const commands = [[0], [27], [8], [127], [0xc2, 0x9b]].map((bytes) => new Uint8Array([97, ...bytes, 98]));
  const refused = {
    name: "InvalidInputError",
    message: /is a terminal/,
    hint: /\| cat prints it all the same$/,
  };
  for (const bytes of commands) {
    for (const out of [false, "file"] as const) {
      const { terminal, stdout } = setup({ out });
      await terminal.pour(bytes);
      assert.equal(stdout.text, new TextDecoder().decode(bytes));
    }
    const { terminal, stdout } = setup({ out: true });
    await terminal.pour(text);
    await assert.rejects(terminal.pour(bytes), refused);
    await assert.rejects(new Blob([bytes]).stream().pipeTo(terminal.dataStream()), refused);
    assert.equal(stdout.text, new TextDecoder().decode(text));
  }
});

Deno.test("a full pipe is waited for", async () => {
  const { terminal, stdout } = setup();
  for (const write of [terminal.data, terminal.pour]) {
    const faults = [new Deno.errors.WouldBlock(), new Deno.errors.Interrupted(), undefined];
    stdout.fault = () => faults.shift();
    await write.call(terminal, new TextEncoder().encode("everything arrives, "));
  }
  assert.equal(stdout.text, "everything arrives, everything arrives, ");
});

Deno.test("when the reader of standard output has gone, the command ends without a word", async () => {
  const { terminal, stdout, stderr } = setup();
  stdout.fault = () => new Deno.errors.BrokenPipe("broken pipe");
  assert.throws(() => terminal.data("lost"), OutputClosedError);
  const error = await new Blob(["lost"]).stream().pipeTo(terminal.dataStream()).catch((error) => error);
  assert.ok(error instanceof OutputClosedError);
  terminal.fail("cannot list", error);
  assert.equal(stderr.text, "");
});

Deno.test("other failures of standard output are errors", () => {
  const { terminal, stdout } = setup();
  const full = new Error("no space left on device");
  stdout.fault = () => full;
  assert.throws(() => terminal.data("lost"), full);
});

Deno.test("standard error that nobody reads stops nothing", () => {
  const { terminal, stdout, stderr, ticker } = setup();
  stderr.fault = () => new Deno.errors.BrokenPipe("broken pipe");
  using progress = terminal.progress("uploading");
  ticker.advance(100);
  progress.onEvent({ type: "notice", message: "unheard" });
  terminal.data("data");
  assert.equal(stdout.text, "data");
});

Deno.test("a second transfer takes the place of the first, whose late events do no harm", () => {
  const { terminal, stderr, ticker } = setup();
  const first = terminal.progress("first");
  ticker.advance(100);
  const second = terminal.progress("second");
  first.onEvent(sent(5));
  first.end();
  ticker.advance(100);
  assert.deepEqual(screen(stderr.text, 80), ["second", ""]);
  assert.equal(ticker.timers.size, 1);
  second.end();
  assert.equal(ticker.timers.size, 0);
});

Deno.test("the real terminal: data comes through a real pipe whole, and a closed one ends it quietly", async () => {
  const script = `
    import { OutputClosedError } from ${
    JSON.stringify(import.meta.resolve("../lib/cli/terminal/standard_streams.ts"))
  };
    import { systemTerminal } from ${
    JSON.stringify(import.meta.resolve("../lib/cli/terminal/system_terminal.ts"))
  };
    using terminal = systemTerminal({ env: {}, progress: "bar" });
    using progress = terminal.progress("writing");
    try {
      for (let i = 0; i < 64; i++) terminal.data(new Uint8Array(65536).fill(97));
      terminal.note("written");
    } catch (error) {
      terminal.fail("cannot write", error);
      Deno.exit(error instanceof OutputClosedError ? 7 : 8);
    }`;
  const config = join(import.meta.dirname!, "../deno.json");
  const run = () =>
    new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--config",
        config,
        "--ext=ts",
        "-A",
        `data:text/typescript,${encodeURIComponent(script)}`,
      ],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  const whole = await run().output();
  assert.equal(new TextDecoder().decode(whole.stderr), "layerstash: written\n");
  assert.equal(whole.stdout.length, 64 * 65536);
  assert.ok(whole.stdout.every((byte) => byte === 97));
  const closed = run();
  await closed.stdout.cancel();
  assert.equal(await new Response(closed.stderr).text(), "");
  assert.equal((await closed.status).code, 7);
});
