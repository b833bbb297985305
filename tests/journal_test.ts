/** The journal of a transfer survives crashes, and is believed only as far as it is whole. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { join } from "node:path";
import { ConflictError } from "../lib/errors.ts";
import type { TransferEvent } from "../lib/events.ts";
import { journalLine, openJournal, parseJournal } from "../lib/files/journal.ts";
import { onPosix } from "./rigs/system.ts";

const NAME = "upload of disk to localhost:5000/me/files";

async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-journal-" });
  try {
    await body(join(directory, "state"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function onlyFile(directory: string): Promise<string> {
  const names = await Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
  assert.equal(names.length, 1);
  return join(directory, names[0]!);
}

/** What a new process would read. */
async function earlier(directory: string, subject = "a"): Promise<readonly unknown[]> {
  using journal = await openJournal({ directory, name: NAME, subject });
  return journal.earlier;
}

async function write(directory: string, ...records: unknown[]): Promise<string> {
  using journal = await openJournal({ directory, name: NAME, subject: "a" });
  for (const record of records) journal.add(record);
  return await onlyFile(directory);
}

Deno.test("what was written down is there for the next process", () =>
  withDirectory(async (directory) => {
    await write(directory, { chunk: 1 }, { chunk: 2 });
    assert.deepEqual(await earlier(directory), [{ chunk: 1 }, { chunk: 2 }]);
    await write(directory, { chunk: 3 });
    assert.deepEqual(await earlier(directory), [{ chunk: 1 }, { chunk: 2 }, { chunk: 3 }]);
  }));

Deno.test("only its owner can read it", onPosix("file modes"), () =>
  withDirectory(async (directory) => {
    const path = await write(directory, { chunk: 1 });
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    assert.equal((await Deno.stat(directory)).mode! & 0o777, 0o700);
  }));

Deno.test(
  "one that others could read is its owner's alone again",
  onPosix("file modes"),
  () =>
    withDirectory(async (directory) => {
      const path = await write(directory, { chunk: 1 });
      await Deno.chmod(path, 0o644);
      assert.deepEqual(await earlier(directory), [{ chunk: 1 }]);
      assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    }),
);

Deno.test("records about something else are dropped, and that is told", () =>
  withDirectory(async (directory) => {
    await write(directory, { chunk: 1 });
    {
      using journal = await openJournal({ directory, name: NAME, subject: "b" });
      assert.deepEqual([journal.earlier, journal.changed], [[], true]);
    }
    assert.deepEqual(await earlier(directory, "b"), []);
    assert.deepEqual(await earlier(directory, "a"), []);
  }));

Deno.test("a journal that is torn anywhere keeps what is whole, and goes on from there", () =>
  withDirectory(async (directory) => {
    const records = [{ chunk: 1 }, { chunk: 2, text: "ä\n\u0000" }, { chunk: 3 }];
    const path = await write(directory, ...records);
    const whole = await Deno.readFile(path);
    for (let length = 0; length <= whole.length; length++) {
      await Deno.writeFile(path, whole.subarray(0, length));
      const found = await earlier(directory);
      assert.deepEqual(found, records.slice(0, found.length));
      await write(directory, { chunk: 9 });
      assert.deepEqual((await earlier(directory)).at(-1), { chunk: 9 });
    }
  }));

Deno.test("a journal with a changed byte is believed only up to there", () =>
  withDirectory(async (directory) => {
    const records = [{ chunk: 1 }, { chunk: 2 }, { chunk: 3 }];
    const path = await write(directory, ...records);
    const whole = await Deno.readFile(path);
    for (let at = 0; at < whole.length; at++) {
      await Deno.writeFile(path, whole.map((byte, index) => index === at ? byte ^ 1 : byte));
      const found = await earlier(directory);
      assert.ok(found.length < records.length, `byte ${at}`);
      assert.deepEqual(found, records.slice(0, found.length));
    }
  }));

Deno.test("the journal of a transfer that is under way is not opened by another", () =>
  withDirectory(async (directory) => {
    using _first = await openJournal({ directory, name: NAME, subject: "a" });
    await assert.rejects(openJournal({ directory, name: NAME, subject: "a" }), (error) => {
      assert.ok(error instanceof ConflictError);
      assert.match(error.message, /another upload of disk to localhost:5000\/me\/files is under way/);
      return true;
    });
    using other = await openJournal({ directory, name: "upload of tape to x/y", subject: "a" });
    assert.deepEqual(other.earlier, []);
  }));

Deno.test("a lock that another process holds for an instant, as a child does, is waited for", () =>
  withDirectory(async (directory) => {
    using first = await openJournal({ directory, name: NAME, subject: "a" });
    const { tryLock } = Deno.FsFile.prototype;
    let tries = 0;
    Deno.FsFile.prototype.tryLock = function (exclusive) {
      if (++tries === 3) first[Symbol.dispose]();
      return tryLock.call(this, exclusive);
    };
    try {
      using _second = await openJournal({ directory, name: NAME, subject: "a" });
      assert.equal(tries, 3);
    } finally {
      Deno.FsFile.prototype.tryLock = tryLock;
    }
  }));

Deno.test("a journal that is discarded is gone", () =>
  withDirectory(async (directory) => {
    await write(directory, { chunk: 1 });
    {
      using journal = await openJournal({ directory, name: NAME, subject: "a" });
      journal.discard();
    }
    assert.deepEqual(await Array.fromAsync(Deno.readDir(directory)), []);
  }));

Deno.test("a journal that is gone, or stays, does not fail what is done", () =>
  withDirectory(async (directory) => {
    const events: TransferEvent[] = [];
    const onEvent = (event: TransferEvent) => void events.push(event);
    for (const meddle of [(path: string) => Deno.remove(path), replaceByDirectory]) {
      const journal = await openJournal({ directory, name: NAME, subject: "a", onEvent });
      await meddle(await onlyFile(directory));
      journal.discard();
    }
    assert.equal(events.length, 1);
    assert.match((events[0] as { message: string }).message, /the journal .* could not be removed: /);
  }));

async function replaceByDirectory(path: string): Promise<void> {
  await Deno.remove(path);
  await Deno.mkdir(join(path, "not empty"), { recursive: true });
}

Deno.test("journals of long ago are removed, those in use and other files are not", () =>
  withDirectory(async (directory) => {
    const old = await write(directory, { chunk: 1 });
    await Deno.writeTextFile(join(directory, "notes.txt"), "mine");
    using used = await openJournal({ directory, name: "download to disk.img", subject: "a" });
    used.add({ chunk: 2 });
    for await (const { name } of Deno.readDir(directory)) await Deno.utime(join(directory, name), 0, 0);
    using _other = await openJournal({ directory, name: "upload of tape to x/y", subject: "a" });
    const names = await Array.fromAsync(Deno.readDir(directory), ({ name }) => join(directory, name));
    assert.ok(!names.includes(old));
    assert.equal(names.length, 3);
  }));

Deno.test("an old journal that cannot be opened, or is gone meanwhile, keeps no other from being kept", () =>
  withDirectory(async (directory) => {
    const paths = await Promise.all(["root", "gone", "old"].map(async (name) => {
      const path = join(directory, `${name}.journal`);
      await Deno.mkdir(directory, { recursive: true });
      await Deno.writeTextFile(path, "");
      await Deno.utime(path, 0, 0);
      return path;
    }));
    const [root, gone, old] = paths;
    const { open } = Deno;
    Deno.open = (path, options) => {
      if (path === root) return Promise.reject(new Deno.errors.PermissionDenied("os error 13"));
      if (path === gone) Deno.removeSync(gone!); // by another process that clears up, too
      return open(path, options);
    };
    try {
      const events: TransferEvent[] = [];
      const onEvent = (event: TransferEvent) => void events.push(event);
      using journal = await openJournal({ directory, name: NAME, subject: "a", onEvent });
      journal.add({ chunk: 1 });
      assert.deepEqual(events, []);
    } finally {
      Deno.open = open;
    }
    await assert.rejects(Deno.stat(old!), Deno.errors.NotFound);
    using again = await openJournal({ directory, name: NAME, subject: "a" });
    assert.deepEqual(again.earlier, [{ chunk: 1 }]);
  }));

Deno.test("where no journal can be kept, that is told, and nothing fails", () =>
  withDirectory(async (directory) => {
    await Deno.writeTextFile(directory, "a file where the directory should be");
    const events: TransferEvent[] = [];
    using journal = await openJournal({
      directory,
      name: NAME,
      subject: "a",
      onEvent: (event) => void events.push(event),
    });
    journal.add({ chunk: 1 });
    assert.deepEqual(journal.earlier, []);
    assert.match((events[0] as { message: string }).message, /cannot keep a journal in /);
  }));

Deno.test(
  "a link in the place of a journal is not written through, and does not hold up the transfer",
  onPosix("links"),
  () =>
    withDirectory(async (directory) => {
      const path = await write(directory, { chunk: 1 });
      const elsewhere = join(directory, "elsewhere");
      await Deno.rename(path, elsewhere);
      const before = await Deno.readTextFile(elsewhere);
      await Deno.symlink(elsewhere, path);
      const events: TransferEvent[] = [];
      using journal = await openJournal({
        directory,
        name: NAME,
        subject: "b",
        onEvent: (event) => events.push(event),
      });
      journal.add({ chunk: 2 });
      assert.match(
        (events[0] as { message: string }).message,
        /^cannot keep a journal in .* is not an ordinary file/,
      );
      assert.equal(await Deno.readTextFile(elsewhere), before);
    }),
);

Deno.test("any bytes are a journal as far as their lines are whole", () => {
  const line = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.jsonValue().map((value) => new TextEncoder().encode(journalLine(value))),
  );
  fc.assert(fc.property(fc.array(line), (lines) => {
    const bytes = new Uint8Array(lines.flatMap((each) => [...each]));
    const { records, length } = parseJournal(bytes);
    const again = records.map(journalLine).join("");
    assert.equal(new TextDecoder().decode(bytes.subarray(0, length)), again);
  }));
});
