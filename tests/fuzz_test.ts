/** Whatever comes from outside, a parser takes it or says what is wrong with it, and does so at once. @module */
import assert from "node:assert/strict";
import * as v from "valibot";
import fc from "fast-check";
import { join, sep } from "node:path";
import { jsonLine } from "../lib/cli/text/json_lines.ts";
import { columnsOf, renderTable } from "../lib/cli/text/columns.ts";
import { printable } from "../lib/messages.ts";
import { formatSize, parseSize } from "../lib/cli/text/sizes.ts";
import { LayerstashError, MismatchError } from "../lib/errors.ts";
import { retryAfterOf } from "../lib/http/retry_after.ts";
import { fullRepository, parseRegistry } from "../lib/oci/registry_address.ts";
import { isDigest } from "../lib/oci/digest.ts";
import { declaredMediaType, manifestOf, parseAs, readImageManifest } from "../lib/oci/manifest.ts";
import { referencesOf } from "../lib/oci/references.ts";
import { MAX_TAG_LENGTH, parseRepository, parseTag } from "../lib/oci/reference.ts";
import { IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { readEntries } from "../lib/layout/read_index.ts";
import { arrived } from "../lib/registry/push/upload_session.ts";
import { parseChallenges } from "../lib/sign_in/challenge.ts";
import { parseHelperAnswer } from "../lib/sign_in/credential_helper.ts";
import { parseDockerConfig } from "../lib/sign_in/docker_config.ts";
import { dockerKey, encodeLogin, helpersFor, loginIn, scopeOfKey } from "../lib/sign_in/docker_login.ts";
import { readChunkConfig } from "../lib/stash/chunk_config.ts";
import { chunkTag, parseChunkTag } from "../lib/stash/chunk_tags.ts";
import { journalLine, parseJournal } from "../lib/files/journal.ts";

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const image = (bytes: Uint8Array<ArrayBuffer>) => readImageManifest(manifestOf(bytes, IMAGE_MANIFEST.oci));
const config = (json: string) => loginIn(parseDockerConfig(json, "config.json"), "ghcr.io/me/files");
const helpers = (json: string) => helpersFor(parseDockerConfig(json, "config.json").config, "ghcr.io");
const range = (text: string) => arrived(text, { least: 0, most: 1000, uploadRangeIsCount: false });

/** Every parser of text. */
const OF_TEXT: Record<string, (text: string) => unknown> = {
  parseRepository,
  parseTag,
  parseRegistry,
  parseChunkTag,
  parseSize,
  parseChallenges,
  scopeOfKey,
  dockerKey,
  config,
  helpers,
  arrived: range,
  helper: (text) => parseHelperAnswer(text, "docker-credential-x"),
  retryAfter: (text) => retryAfterOf(headersOf("retry-after", text)),
  printable,
  renderTable: (text) => renderTable([[text, "b"], ["c", text]]),
};

/** Every parser of bytes. */
const OF_BYTES: Record<string, (bytes: Uint8Array<ArrayBuffer>) => unknown> = {
  image,
  referencesOf,
  declaredMediaType,
  parseJournal,
  chunkConfig: (bytes) => readChunkConfig(bytes, "disk-1"),
};

/** A header as far as HTTP lets it through. */
function headersOf(name: string, text: string): Headers {
  return new Headers({ [name]: text.replace(/[^\t\x20-\x7e\x80-\xff]/g, "") });
}

/** What a parser gives; `undefined` where it refuses, which it may only do with an error of ours. */
function taken<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    assert.ok(error instanceof LayerstashError, `${error}`);
    assert.equal(error.cause, undefined, "the cause may quote what was parsed");
    return undefined;
  }
}

const PIECES = [
  ...["a", "0", "-", "_", ".", "/", ":", "@", " ", "\t", "\n", "\0", '"', "\\", ",", ";", "=", "<", ">", "%"],
  ...["-1", "sha256:", "Bearer ", "realm=", "rel=next", "bytes=0-", "https://", "oci:", "GiB", "é", "\u202e"],
  ...['{"auths":', '{"layerstash":', "[[", "{}", "null", "GMT", "\ud800", "\x1b]0;", "__proto__"],
];
/** Text that looks like what the parsers are made for more often than any text does. */
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.constantFrom(...PIECES)).map((pieces) => pieces.join("")),
);
const FIELDS = [
  "schemaVersion",
  "config",
  "layers",
  "manifests",
  "digest",
  "size",
  "mediaType",
  "annotations",
];
const NOTE = ["layerstash", "version", "chunkSize", "chunk", "chunks", "digests", "created", "name"];
const KEYS = ["auths", "auth", "credHelpers", "credsStore", "ghcr.io", "Username", "Secret", "__proto__"];
const leaf = fc.oneof(
  fc.constantFrom(2, 1, 0, -1, 0.5, 2 ** 53, 9e15, 1e308, null, true, `sha256:${"a".repeat(64)}`),
  fc.constantFrom("sha512:ab", `sha256:../../${"e".repeat(58)}`, "", "2024-02-03T04:05:06Z"),
  fc.string(),
);
/** JSON values with the names in them that are looked for. */
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...FIELDS, ...NOTE, ...KEYS), tie("value"), { maxKeys: 6 }),
  ),
}));

for (const [name, parse] of Object.entries(OF_TEXT)) {
  Deno.test(`property: ${name} takes any text, or says what is wrong with it`, () => {
    fc.assert(fc.property(text, (text) => void taken(() => parse(text))), { numRuns: 500 });
    fc.assert(fc.property(value, (value) => void taken(() => parse(JSON.stringify(value)))), {
      numRuns: 500,
    });
  });
}

for (const [name, parse] of Object.entries(OF_BYTES)) {
  Deno.test(`property: ${name} takes any bytes and any JSON, or says what is wrong with it`, () => {
    const anyBytes = fc.uint8Array().map((bytes) => new Uint8Array(bytes));
    fc.assert(fc.property(anyBytes, (bytes) => void taken(() => parse(bytes))), { numRuns: 500 });
    const asBytes = (each: unknown) => utf8(JSON.stringify(each));
    fc.assert(fc.property(value, (value) => void taken(() => parse(asBytes(value)))), { numRuns: 1000 });
  });
}

Deno.test("property: a layout's index of any shape is read, or it is said what is wrong with it", async () => {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-fuzz-" });
  await fc.assert(
    fc.asyncProperty(value, async (value) => {
      await Deno.writeTextFile(join(directory, "index.json"), JSON.stringify(value));
      const entries = await readEntries(directory).catch((error) => {
        assert.ok(error instanceof MismatchError, `${error}`);
        return [];
      });
      for (const { digest } of entries) assert.ok(isDigest(digest));
    }),
    { numRuns: 300 },
  );
  await Deno.remove(directory, { recursive: true });
});

Deno.test("property: what the parsers take is what it should be", () => {
  fc.assert(fc.property(value, (value) => {
    const bytes = utf8(JSON.stringify(value));
    const manifest = taken(() => image(bytes));
    for (const { digest, size } of manifest ? [manifest.config, ...manifest.layers] : []) {
      assert.ok(isDigest(digest) && Number.isSafeInteger(size) && size >= 0);
    }
    const references = taken(() => referencesOf(bytes));
    assert.ok([...references?.blobs ?? [], ...references?.manifests ?? []].every(isDigest));
    const note = taken(() => readChunkConfig(bytes, "disk-1"))?.layerstash;
    const numbers = note ? [note.chunkSize, note.chunk, note.chunks ?? 1, (note.size ?? 0) + 1] : [];
    assert.ok(numbers.every((number) => number >= 1 && Number.isInteger(number)));
    assert.ok((note?.digests ?? []).every(isDigest));
  }));
});

Deno.test("property: names that are taken lead nowhere else", () => {
  fc.assert(fc.property(text, (text) => {
    const repository = taken(() => parseRepository(text));
    if (repository !== undefined) {
      assert.equal(repository, text);
      assert.equal(new URL(`https://host/v2/${text}/tags`).pathname, `/v2/${text}/tags`);
      assert.equal(join("box", text).replaceAll(sep, "/"), `box/${text}`);
    }
    const tag = taken(() => parseTag(text));
    if (tag !== undefined) {
      assert.ok(tag === text && text.length <= MAX_TAG_LENGTH);
      assert.equal(new URL(`https://host/v2/me/manifests/${text}`).pathname, `/v2/me/manifests/${text}`);
    }
    const chunk = parseChunkTag(text);
    if (chunk) assert.equal(chunkTag(chunk.baseTag, chunk.number), text);
  }));
});

Deno.test("property: a registry's name says the same when it is read again", () => {
  const name = fc.oneof(
    text,
    fc.webAuthority(),
    fc.webUrl(),
    fc.ipV4(),
    fc.ipV6().map((ip) => `[${ip}]:5000`),
  );
  fc.assert(fc.property(name, (name) => {
    const address = taken(() => parseRegistry(name));
    if (address?.kind !== "remote") return;
    assert.deepEqual(parseRegistry(address.origin), address);
    assert.match(address.origin, /^https?:\/\/[^/@?#]+$/);
    assert.equal(parseRepository(fullRepository(address, "me/files")), "me/files");
  }));
});

Deno.test("property: logins come back from docker's file as they went in", () => {
  const username = fc.string({ minLength: 1, unit: "grapheme" }).map((name) =>
    name.replaceAll(":", "") || "x"
  );
  const password = fc.string({ minLength: 1, unit: "grapheme" }).map((text) =>
    text.replace(/\0+$/, "") || "x"
  );
  fc.assert(fc.property(username, password, (username, password) => {
    const login = { kind: "password" as const, username, password };
    const json = JSON.stringify({ auths: { "ghcr.io": encodeLogin(login) } });
    assert.deepEqual(config(json), login);
    const answer = JSON.stringify({ ServerURL: "ghcr.io", Username: username, Secret: password });
    assert.deepEqual(parseHelperAnswer(answer, "x"), username === "<token>" ? undefined : login);
  }));
});

Deno.test("property: challenges are read as they were written", () => {
  const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
  const quoted = fc.string({ unit: "grapheme-ascii" });
  const challenge = fc.record({ scheme: token, parameters: fc.dictionary(token, quoted, { minKeys: 1 }) });
  fc.assert(fc.property(fc.array(challenge), (challenges) => {
    const written = challenges.map(({ scheme, parameters }) => {
      const pairs = Object.entries(parameters).map(([name, value]) =>
        `${name}="${value.replace(/["\\]/g, "\\$&")}"`
      );
      return `${scheme} ${pairs.join(", ")}`;
    });
    const read = parseChallenges(written.join(", "));
    assert.deepEqual(
      read,
      challenges.map(({ scheme, parameters }) => ({ scheme, parameters: { ...parameters } })),
    );
  }));
});

Deno.test("property: journals are read as they were written", () => {
  fc.assert(fc.property(fc.array(fc.jsonValue()), (written) => {
    const text = written.map(journalLine).join("");
    const { records, length } = parseJournal(utf8(text));
    assert.equal(JSON.stringify(records), JSON.stringify(written));
    assert.equal(length, utf8(text).length);
  }));
});

Deno.test("property: how much has arrived is never more than was sent, nor less than was there", () => {
  const bounds = fc.record({ least: fc.nat(50), more: fc.nat(50), uploadRangeIsCount: fc.boolean() });
  const ranges = fc.oneof(text, fc.integer({ min: -2, max: 120 }).map((last) => `0-${last}`));
  fc.assert(fc.property(ranges, bounds, (range, { least, more, uploadRangeIsCount }) => {
    const count = arrived(range, { least, most: least + more, uploadRangeIsCount });
    assert.ok(count === undefined || count >= least && count <= least + more);
  }));
});

Deno.test("property: sizes are whole numbers that can be counted", () => {
  fc.assert(fc.property(text, (text) => {
    const size = taken(() => parseSize(text)) ?? 0;
    assert.ok(Number.isSafeInteger(size) && size >= 0);
    assert.ok(formatSize(size).length < 20);
  }));
});

Deno.test("property: nothing that is shown can write to the terminal", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (one, two) => {
    assert.match(printable(one), CLEAN);
    assert.equal(renderTable([[one], [two]]).match(/\n/g)?.length, 2);
    assert.match(renderTable([[one, two]]).slice(0, -1), CLEAN);
    const line = jsonLine({ [one]: two });
    assert.match(line.slice(0, -1), CLEAN);
    assert.deepEqual(JSON.parse(line), JSON.parse(JSON.stringify({ [one]: two })), "the data are exact");
  }));
});

/** No control character, no end of a line, nothing that turns the direction of writing. */
const CLEAN = /^[^\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]*$/u;

/** Texts on which an expression that goes back and forth would never end. */
function* endlessTexts(): Generator<string> {
  const size = 200_000;
  const repeated = [
    ...PIECES,
    'a="',
    "a,",
    "a ",
    "; ",
    ", ",
    "<;",
    "a/",
    "a-",
    "__",
    "\\\\",
    '"\\',
    "GMT ",
    "\r\n",
  ];
  for (const piece of repeated) {
    const long = piece.repeat(size / piece.length);
    yield* [long, `a${long}`, `${long}!`, `a="${long}`, `a ${long}"`, `"a"${long}b`, `Bearer realm="${long}`];
  }
}

/** So much is enough on any machine for what goes through a text once, in milliseconds. */
const AT_ONCE = 4000;

for (const [name, parse] of Object.entries(OF_TEXT)) {
  Deno.test(`${name} is through with a long text at once, whatever is repeated in it`, () => {
    for (const text of endlessTexts()) {
      const before = performance.now();
      taken(() => parse(text));
      const took = performance.now() - before;
      assert.ok(took < AT_ONCE, `${JSON.stringify(text.slice(0, 30))}: ${took} ms`);
    }
  });
}

Deno.test("a message names no more than the beginning of what is at fault", () => {
  const long = "x".repeat(1_000_000);
  const short = (error: unknown) => error instanceof LayerstashError && error.message.length < 1000;
  for (const parse of [parseTag, parseRepository, parseRegistry]) {
    assert.throws(() => parse(`${long}/-`), short);
  }
  const documents = [{ config: long }, { config: { mediaType: "a", size: 1, digest: long } }];
  const note = { layerstash: { version: 1, chunkSize: 1, chunk: long } };
  assert.throws(() => readChunkConfig(utf8(JSON.stringify(note)), "disk-1"), short);
  const texts = v.record(v.string(), v.string());
  assert.throws(() => parseAs(texts, utf8(JSON.stringify({ [long]: 1 })), "map"), short);
  for (const document of documents) {
    const bytes = utf8(JSON.stringify(document));
    for (const parse of [image, referencesOf]) assert.throws(() => parse(bytes), short);
  }
});

Deno.test("a text with a million faults takes no more memory than one with a single fault", () => {
  const faults = utf8(JSON.stringify({ layers: Array(1_400_000).fill(1), config: 1 }));
  const before = Deno.memoryUsage().heapUsed;
  for (const parse of [image, referencesOf]) assert.throws(() => parse(faults), MismatchError);
  assert.ok(Deno.memoryUsage().heapUsed - before < 256 * 1024 * 1024);
});

Deno.test("the columns of a name with a million letters are counted at once", () => {
  const long = "e\u0301".repeat(1_000_000);
  const before = performance.now();
  assert.ok(renderTable([[long, "b"], ["c", "d"]]).length < 5000);
  assert.ok(performance.now() - before < AT_ONCE);
  assert.equal(columnsOf("ab"), 2);
});
