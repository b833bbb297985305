/** Whatever the journal of an earlier process says, no more of it is believed than can be. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { truncate } from "node:fs/promises";
import { Hasher } from "../lib/content/hasher.ts";
import { type Digest, digestOf, isDigest } from "../lib/oci/digest.ts";
import { openStore } from "../lib/open/open_store.ts";
import type { UploadPoint } from "../lib/store/store.ts";
import { type Input, type InputChunk, openInput } from "../lib/files/input.ts";
import { PartialFile } from "../lib/files/partial_file.ts";
import { DownloadJournal } from "../lib/files/download_journal.ts";
import { rememberInput } from "../lib/files/remembered_input.ts";
import { placeBlobs, type PlacedBlob, sizeOfFile } from "../lib/transfer/placed_blob.ts";
import { type Journal, openJournal } from "../lib/files/journal.ts";
import { makeWorkspace } from "./rigs/content.ts";

const DIGEST = digestOf(new Uint8Array([1]));
const number = fc.oneof(
  fc.nat(30),
  fc.constantFrom(-1, 0.5, 1e16, 9e15, Number.MAX_SAFE_INTEGER, null, "3"),
);
/** Something that is no record at all, or nearly one. */
const stranger = fc.oneof(
  fc.jsonValue(),
  fc.dictionary(fc.constantFrom("blob", "chunk", "start", "end"), number),
);

/** A journal that an earlier process has left. */
function journalWith(earlier: readonly unknown[]): Journal & { added: unknown[] } {
  const added: unknown[] = [];
  return {
    earlier,
    changed: false,
    begins: false,
    added,
    add: (record) => void added.push(JSON.parse(JSON.stringify(record))),
    replace() {},
    discard() {},
    [Symbol.dispose]() {},
  };
}

/** The blobs of a file, of these sizes. */
function blobsOf(sizes: readonly number[]): PlacedBlob[] {
  return placeBlobs(sizes.map((size) => ({ digest: DIGEST, size })));
}

/** What a journal says that is there lies within its blob and the partial file, in order, and nothing of it twice. */
function requireSense(journal: DownloadJournal, blobs: readonly PlacedBlob[], found: number): void {
  for (const blob of blobs) {
    let behind = -1;
    for (const { start, end } of journal.present(blob)) {
      assert.ok(Number.isSafeInteger(start) && Number.isSafeInteger(end));
      assert.ok(start > behind && start <= end && end <= blob.size, `${start}-${end} of ${blob.size}`);
      assert.ok(blob.at + end <= found, "it lies after the end of the file");
      behind = end;
    }
  }
  assert.ok(journal.missing >= 0 && journal.missing <= sizeOfFile(blobs), `${journal.missing} are missing`);
}

const sizes = fc.array(fc.nat(20), { minLength: 1, maxLength: 4 });
const partRecord = fc.oneof(
  fc.record({ blob: number, start: number, end: number }),
  fc.record({ blob: fc.integer({ min: 1, max: 4 }), start: fc.nat(20), end: fc.nat(20) }),
  fc.record({ chunk: fc.integer({ min: 1, max: 4 }), start: fc.nat(20), end: fc.nat(20) }),
  fc.record({ blob: number, bad: fc.boolean() }),
  fc.record({ empty: fc.boolean() }),
  stranger,
);

Deno.test("property: what is believed of a partial file lies within its blobs, and nothing of it twice", async () => {
  await using work = await makeWorkspace();
  const path = await work.write("out.part", "");
  const records = fc.array(partRecord, { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(sizes, records, fc.nat(90), async (sizes, records, found) => {
      await truncate(path, found);
      using part = await PartialFile.open(work.path("out"));
      const blobs = blobsOf(sizes);
      using journal = new DownloadJournal(journalWith(records), part, { blobs, onEvent: undefined });
      requireSense(journal, blobs, found);
    }),
    { numRuns: 300 },
  );
});

Deno.test("property: the next process believes of a partial file what the last one wrote down", async () => {
  await using work = await makeWorkspace();
  await work.write("out.part", new Uint8Array(100));
  const step = fc.record({ at: fc.nat(), start: fc.nat(20), end: fc.nat(20), bad: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(step), fc.array(partRecord), async (sizes, steps, earlier) => {
      using part = await PartialFile.open(work.path("out"));
      const blobs = blobsOf(sizes);
      const written = journalWith(earlier);
      using journal = new DownloadJournal(written, part, { blobs, onEvent: undefined });
      for (const { at, start, end, bad } of steps) {
        const blob = blobs[at % blobs.length]!;
        if (bad) journal.bad(blob);
        else journal.written(blob, { start, end: Math.min(end, blob.size) });
      }
      using next = new DownloadJournal(journalWith([...earlier, ...written.added]), part, {
        blobs,
        onEvent: undefined,
      });
      const known = (each: DownloadJournal) => blobs.map((blob) => each.present(blob));
      assert.deepEqual(known(next), known(journal));
      assert.equal(next.missing, journal.missing);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a journal in which early versions wrote of chunks is read", async () => {
  await using work = await makeWorkspace();
  await work.write("out.part", new Uint8Array(30));
  using partial = await PartialFile.open(work.path("out"));
  const blobs = blobsOf([10, 10, 10]);
  const records = [{ chunk: 1, bad: true }, { chunk: 2, start: 3, end: 9 }];
  using journal = new DownloadJournal(journalWith(records), partial, { blobs, onEvent: undefined });
  const known = blobs.map((blob) => journal.present(blob));
  assert.deepEqual(known, [[], [{ start: 3, end: 9 }], [{ start: 0, end: 10 }]]);
});

const point = fc.record({ location: fc.string(), acknowledged: fc.nat(30), sent: fc.nat(30) });
const inputRecord = fc.oneof(
  fc.record({
    start: fc.constantFrom(0, 10, 20, -10),
    end: fc.constantFrom(10, 20, 25, 1e16),
    digest: fc.oneof(fc.constant(DIGEST), fc.string(), number),
    point: fc.oneof(
      point,
      fc.record({ location: fc.string(), acknowledged: number, sent: number }),
      fc.jsonValue(),
    ),
  }, { requiredKeys: ["start", "end"] }),
  stranger,
);

/** What an input of 25 bytes remembers of each of its chunks. */
function memoriesOf(input: Input): { start: number; end: number; digest?: Digest; point?: UploadPoint }[] {
  const chunks = [...input.chunks(10) as Iterable<InputChunk>];
  return chunks.map(({ source, checkpoint }, index) => {
    const [digest, point] = [source.known, checkpoint?.last];
    const range = { start: index * 10, end: Math.min(25, index * 10 + 10) };
    return { ...range, ...digest && { digest }, ...point && { point } };
  });
}

Deno.test("property: of an input nothing is believed that cannot be, or that nobody wrote down of it", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: "oci:box", repository: "me/files" });
  using hasher = new Hasher();
  await using input = await openInput(await work.write("disk.img", new Uint8Array(25)), hasher);
  const directory = work.path("state");
  const about = {
    directory,
    name: `upload of disk to ${store.name}`,
    where: store.url,
    subject: input.identity!,
  };
  let believed = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(inputRecord, { maxLength: 8 }), async (records) => {
      {
        using journal = await openJournal(about);
        for (const record of records) journal.add(record);
      }
      const memories = await (async () => {
        await using remembered = await rememberInput(input, {
          store,
          name: "disk",
          stateDirectory: directory,
        });
        return memoriesOf(remembered);
      })();
      for (const { digest, point, ...range } of memories) {
        if (digest) assert.ok(isDigest(digest) && says(records, { ...range, digest }), `${digest}`);
        if (!point) continue;
        assert.ok(says(records, { ...range, point }), Deno.inspect(point));
        for (const count of [point.acknowledged, point.sent]) {
          assert.ok(Number.isSafeInteger(count) && count >= 0);
        }
        believed++;
      }
      await Deno.remove(directory, { recursive: true });
    }),
    { numRuns: 200 },
  );
  assert.ok(believed > 0, "some records are good");
});

/** Whether one of the records says all this. */
function says(records: readonly unknown[], expected: object): boolean {
  return records.some((record) =>
    Object.entries(expected).every(([name, value]) =>
      JSON.stringify((record as Record<string, unknown> | null)?.[name]) === JSON.stringify(value)
    )
  );
}
