/** Age files that somebody has changed, and headers that are made to keep a reader busy. @module */
import assert from "node:assert/strict";
import type { Bytes } from "../lib/content/bytes.ts";
import { collect } from "../lib/content/collect.ts";
import { bytesSource, type Source } from "../lib/content/source.ts";
import { AgeFile, type HeaderOpener, headerOpener } from "../lib/encryption/age_file.ts";
import { AgeHeader, newNonce, NONCE_SIZE } from "../lib/encryption/age_header.ts";
import { encryptedSource } from "../lib/encryption/encrypted_source.ts";
import { generateKey } from "../lib/encryption/generate_key.ts";
import { Identities } from "../lib/encryption/identities.ts";
import { Recipients } from "../lib/encryption/recipients.ts";
import { RECORD, SEALED_RECORD } from "../lib/encryption/records.ts";
import { MismatchError, NotAllowedError } from "../lib/errors.ts";
import { digestOf } from "../lib/oci/digest.ts";
import { concatenate, someBytes } from "./rigs/content.ts";

const key = await generateKey();
const path = await Deno.makeTempFile();
await Deno.writeTextFile(path, key.identity);
const identities = await Identities.inFiles([path]);
await Deno.remove(path);
const header = await AgeHeader.make(await Recipients.of([key.recipient]));
const begin = header.bytes.length + NONCE_SIZE;

async function encrypt(plain: Bytes): Promise<Bytes> {
  const source = encryptedSource(bytesSource(plain), { header, nonce: newNonce() });
  return await collect(source.open(), source.size!);
}

/** What comes out of a file before it is refused; `undefined` as the fault = it was not refused. */
async function read(
  file: Bytes,
  { openHeader = headerOpener(identities), start, end }: {
    openHeader?: HeaderOpener;
    start?: number;
    end?: number;
  } = {},
): Promise<{ given: Uint8Array; fault: unknown }> {
  const given: Uint8Array[] = [];
  try {
    const opened = await AgeFile.open({
      openHeader,
      size: file.length,
      read: async function* ({ start, end }) {
        yield file.slice(start, end);
      },
    });
    for await (const piece of opened.open(start, end)) given.push(piece.slice());
    return { given: concatenate(given), fault: undefined };
  } catch (fault) {
    return { given: concatenate(given), fault };
  }
}

function assertRefused(fault: unknown, what: string): void {
  assert.ok(fault instanceof MismatchError || fault instanceof NotAllowedError, `${what}: ${fault}`);
}

// The library begins to compute the public key of an identity, and a damaged header does not wait for it.
Deno.test(
  "each changed bit of a file is noticed, and no byte of it comes out",
  { sanitizeOps: false },
  async () => {
    const file = await encrypt(someBytes(100));
    for (const index of file.keys()) {
      const { given, fault } = await read(file.with(index, file[index]! ^ (1 << index % 8)));
      assertRefused(fault, `byte ${index}`);
      assert.equal(given.length, 0, `byte ${index}`);
    }
  },
);

Deno.test("records that were swapped, dropped, repeated or exchanged are noticed, and only those before them come out", async () => {
  const plain = someBytes(4 * RECORD + 100);
  const [file, other] = [await encrypt(plain), await encrypt(plain)];
  const recordsOf = (bytes: Bytes) =>
    [0, 1, 2, 3, 4].map((index) =>
      bytes.subarray(begin + index * SEALED_RECORD, begin + (index + 1) * SEALED_RECORD)
    );
  const [first, second, third, fourth, last] = recordsOf(file) as [Bytes, Bytes, Bytes, Bytes, Bytes];
  const changed: [string, Bytes[], number][] = [
    ["swapped", [first, third, second, fourth, last], 1],
    ["dropped", [first, second, fourth, last], 2],
    ["dropped at the start", [second, third, fourth, last], 0],
    ["dropped at the end", [first, second, third, fourth], 3],
    ["repeated", [first, first, second, third, fourth, last], 1],
    ["repeated at the end", [first, second, third, fourth, last, last], 4],
    ["of another file with this header", [first, recordsOf(other)[1]!, third, fourth, last], 1],
    ["the last one alone", [last], 0],
  ];
  for (const [what, records, most] of changed) {
    const { given, fault } = await read(concatenate([file.subarray(0, begin), ...records]));
    assertRefused(fault, what);
    assert.ok(given.length <= most * RECORD, what);
    assert.deepEqual(given, plain.subarray(0, given.length), what);
  }
});

Deno.test("a file that was shortened is noticed, also by whoever reads a part that is whole", async () => {
  const plain = someBytes(3 * RECORD);
  const file = await encrypt(plain);
  for (
    const end of [
      begin - 1,
      begin,
      begin + 15,
      begin + 16,
      begin + 17,
      begin + SEALED_RECORD,
      file.length - 1,
    ]
  ) {
    for (const range of [{}, { start: 0, end: 1 }]) {
      const { given, fault } = await read(file.slice(0, end), range);
      assertRefused(fault, `${end} bytes`);
      assert.equal(given.length, "end" in range ? 0 : Math.max(0, given.length), `${end} bytes`);
    }
  }
});

Deno.test("a header of a million recipients is refused after no more than 300 KB", async () => {
  const stanza = new TextEncoder().encode("-> X25519 abc\nabc\n");
  let fetched = 0;
  const endless = AgeFile.open({
    openHeader: headerOpener(identities),
    size: 22 + 1_000_000 * stanza.length,
    read: async function* ({ start, end }) {
      fetched += end - start;
      const bytes = new Uint8Array(end - start);
      for (let at = 22; at < end; at += stanza.length) bytes.set(stanza.subarray(0, end - at), at);
      bytes.set(new TextEncoder().encode("age-encryption.org/v1\n"));
      yield bytes;
    },
  });
  await assert.rejects(endless, /too large: at most 1000 recipients and 262144 bytes are read/);
  assert.ok(fetched < 300_000, `${fetched} bytes`);
});

Deno.test("a header without an end is refused after no more than 500 KB", async () => {
  let fetched = 0;
  const start = new TextEncoder().encode(`age-encryption.org/v1\n-> X25519 ${"a".repeat(4000)}`);
  const endless = AgeFile.open({
    openHeader: headerOpener(identities),
    size: 2 ** 40,
    read: async function* ({ start: from, end }) {
      fetched += end - from;
      const bytes = new Uint8Array(end - from).fill(97);
      bytes.set(start.subarray(0, end));
      yield bytes;
    },
  });
  await assert.rejects(endless, MismatchError);
  assert.ok(fetched < 500_000, `${fetched} bytes`);
});

Deno.test("a passphrase that takes too many steps is refused without a try", async () => {
  for (const work of ["21", "30", "4294967296"]) {
    const file = new TextEncoder().encode(
      `age-encryption.org/v1\n-> scrypt ${"A".repeat(22)} ${work}\n${"A".repeat(43)}\n--- ${
        "A".repeat(43)
      }\n`,
    );
    const started = performance.now();
    const openHeader = headerOpener(Identities.withPassphrase("open-sesame"));
    const { fault } = await read(concatenate([file, new Uint8Array(64)]), { openHeader });
    assert.ok(fault instanceof MismatchError && fault.message.includes(`2^${work} steps`), String(fault));
    assert.ok(performance.now() - started < 5000);
  }
});

Deno.test("one byte of a file of 1 GiB takes less than 200 KB", async () => {
  const size = 2 ** 30;
  const zeros: Source = {
    size,
    open: (start = 0, end = size) => new Response(new Uint8Array(end - start)).body!,
    digest: () => Promise.reject(new Error("not needed")),
  };
  const source = encryptedSource(zeros, { header, nonce: newNonce() });
  let fetched = 0;
  const opened = await AgeFile.open({
    openHeader: headerOpener(identities),
    size: source.size!,
    async *read({ start, end }) {
      fetched += end - start;
      yield* source.open(start, end);
    },
  });
  assert.equal(opened.size, size);
  for (const at of [0, 12_345_678, size - 1]) {
    assert.deepEqual(await Array.fromAsync(opened.open(at, at + 1)), [new Uint8Array(1)]);
    if (at === 0) assert.ok(fetched < 200_000, `${fetched} bytes`);
  }
});

Deno.test("a large file is sealed and opened in threads, in order, and a changed record in its middle is noticed", async () => {
  const plain = someBytes(40 * 1024 * 1024 + 17);
  const file = await encrypt(plain);
  const { given, fault } = await read(file);
  assert.equal(fault, undefined);
  assert.equal(digestOf(given), digestOf(plain));
  const at = begin + 500 * SEALED_RECORD + 5;
  const damaged = await read(file.with(at, file[at]! ^ 1));
  assert.ok(damaged.fault instanceof MismatchError && /record 501 is not/.test(damaged.fault.message));
  assert.ok(damaged.given.length <= 500 * RECORD);
  assert.equal(digestOf(damaged.given), digestOf(plain.subarray(0, damaged.given.length)));
});

Deno.test("whoever stops reading a large file leaves no thread behind", async () => {
  const source = encryptedSource(bytesSource(someBytes(40 * 1024 * 1024)), { header, nonce: newNonce() });
  let read = 0;
  for await (const piece of source.open()) {
    read += piece.length;
    if (read > 20 * 1024 * 1024) break;
  }
  assert.ok(read < 30 * 1024 * 1024);
});

Deno.test("any range of an encrypted source is what the whole has there, so that sending can go on", async () => {
  const plain = someBytes(2 * RECORD + 10);
  const source = encryptedSource(bytesSource(plain), { header, nonce: newNonce() });
  const whole = await collect(source.open(), source.size!);
  assert.equal(whole.length, source.size);
  const borders = [
    0,
    1,
    begin - 1,
    begin,
    begin + 1,
    begin + SEALED_RECORD - 1,
    begin + SEALED_RECORD,
    whole.length - 1,
  ];
  for (const start of borders) {
    for (const end of [...borders, whole.length].filter((end) => end > start)) {
      const part = await collect(source.open(start, end), end - start);
      assert.deepEqual(part, whole.slice(start, end), `${start}-${end}`);
    }
  }
});

Deno.test("keys show in no text that is made of what holds them", async () => {
  const secret = key.identity.slice(20, 40);
  const fileKey = header.exportFileKey().toBase64();
  const passphrase = Identities.withPassphrase("open-sesame-17");
  const recipients = Recipients.withPassphrase("open-sesame-17", 10);
  const held = { identities, passphrase, recipients, header, made: await AgeHeader.make(recipients) };
  for (
    const text of [JSON.stringify(held), Deno.inspect(held, { depth: 10, showHidden: true }), String(held)]
  ) {
    assert.ok(!text.includes(secret) && !text.includes("open-sesame") && !text.includes(fileKey), text);
    assert.ok(!text.includes(header.exportFileKey().join(", ")), text);
  }
});
