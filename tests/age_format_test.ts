/** Tests that age files are read as the age specification says, with the vectors of the age project. @module */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { inflateSync } from "node:zlib";
import * as vectors from "cctv-age";
import type { Bytes } from "../lib/content/bytes.ts";
import { collect } from "../lib/content/collect.ts";
import { AgeFile, headerOpener, type RangeReader } from "../lib/encryption/age_file.ts";
import { AgeHeader, NONCE_SIZE } from "../lib/encryption/age_header.ts";
import { headerSize } from "../lib/encryption/header_text.ts";
import { Identities } from "../lib/encryption/identities.ts";
import { openRecords } from "../lib/encryption/payload.ts";
import { RECORD, RecordCipher, SEALED_RECORD } from "../lib/encryption/records.ts";
import { MismatchError, NotAllowedError } from "../lib/errors.ts";
import { digestOf } from "../lib/oci/digest.ts";

interface Vector {
  expect: string;
  payload: string | undefined;
  identities: () => Promise<Identities>;
  file: Bytes;
}

const all = Object.entries(vectors as unknown as Record<string, Bytes>)
  .filter(([, bytes]) => bytes instanceof Uint8Array);

Deno.test("the vectors of the age project are there", () => assert.ok(all.length > 130));

for (const [name, bytes] of all) {
  const text = new TextDecoder().decode(bytes);
  const isArmored = text.slice(0, text.indexOf("\n\n")).includes("armored: yes");
  const outcome = isArmored ? "refused, because it is text" : "read as it should be";
  // The library begins to compute the public key of an identity, and a bad header does not wait for it.
  Deno.test(`age file ${name} is ${outcome}`, { sanitizeOps: false }, async () => {
    const vector = vectorOf(bytes);
    const opened = openWhole(vector);
    if (isArmored) return await assert.rejects(opened, MismatchError);
    if (vector.expect === "success") assert.equal(digestOf(await opened), `sha256:${vector.payload}`);
    else await assert.rejects(opened, vector.expect === "no match" ? NotAllowedError : MismatchError);
    if (!vector.payload) return;
    const { given, allowed } = await givenOut(vector);
    assert.equal(digestOf(allowed), `sha256:${vector.payload}`);
    assert.deepEqual(given, allowed.subarray(0, given.length));
  });
}

async function openWhole({ file, identities }: Vector): Promise<Bytes> {
  const openHeader = headerOpener(await identities());
  const opened = await AgeFile.open({ read: readerOf(file), size: file.length, openHeader });
  return await collect(opened.open(), opened.size);
}

/** What flows out of the payload before an error, if there is one; and what the records have that one may give out. */
async function givenOut({ file, identities }: Vector): Promise<{ given: Bytes; allowed: Bytes }> {
  const end = headerSize(file)!;
  const header = await AgeHeader.open(file.slice(0, end), await identities());
  const key = header.payloadKey(file.slice(end, end + NONCE_SIZE));
  const range = { start: end + NONCE_SIZE, end: file.length };
  const given: Bytes[] = [];
  try {
    const records = openRecords(readerOf(file)(range), { key, first: 0, toEnd: true });
    for await (const piece of records) given.push(piece.slice());
  } catch (error) {
    assert.ok(error instanceof MismatchError);
  }
  return { given: joined(given), allowed: allowedOf(file.subarray(range.start), new RecordCipher(key)) };
}

/** The records in their order, up to the first that is wrong, or that comes after one that is marked as the last. */
function allowedOf(payload: Bytes, cipher: RecordCipher): Bytes {
  const opened: Bytes[] = [];
  for (let index = 0, isLast = false; index * SEALED_RECORD < payload.length && !isLast; index++) {
    const sealed = payload.subarray(index * SEALED_RECORD, (index + 1) * SEALED_RECORD);
    const attempts = [false, true].map((isLast) => {
      try {
        const plain = new Uint8Array(RECORD);
        return { plain: plain.subarray(0, cipher.open({ index, isLast }, sealed, plain)), isLast };
      } catch {
        return undefined;
      }
    });
    const found = attempts.find((each) => each);
    if (!found || found.plain.length < RECORD && !found.isLast) break;
    opened.push(found.plain);
    isLast = found.isLast;
  }
  return joined(opened);
}

function joined(pieces: Bytes[]): Bytes {
  return new Uint8Array(Buffer.concat(pieces));
}

/** Gives pieces of odd sizes, which no record begins or ends with. */
function readerOf(file: Bytes): RangeReader {
  return async function* ({ start, end }) {
    for (let at = start; at < end; at += 10_007) yield file.slice(at, Math.min(end, at + 10_007));
  };
}

function vectorOf(bytes: Bytes): Vector {
  const end = bytes.findIndex((byte, index) => byte === 10 && bytes[index + 1] === 10);
  const lines = new TextDecoder().decode(bytes.subarray(0, end)).split("\n").map((line) => line.split(": "));
  const valuesOf = (key: string) => lines.filter(([name]) => name === key).map(([, value]) => value!);
  const rest = bytes.slice(end + 2);
  return {
    expect: valuesOf("expect")[0]!,
    payload: valuesOf("payload")[0],
    identities: async () => {
      const [passphrase = "none"] = valuesOf("passphrase");
      if (valuesOf("identity").length === 0) return Identities.withPassphrase(passphrase);
      const path = await Deno.makeTempFile();
      await Deno.writeTextFile(path, valuesOf("identity").join("\n"));
      return await Identities.inFiles([path]).finally(() => Deno.remove(path));
    },
    file: valuesOf("compressed")[0] === "zlib" ? new Uint8Array(inflateSync(rest)) : rest,
  };
}
