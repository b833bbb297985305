/** Whatever a registry answers, it ends soon: with what was asked for, or with an error that tells no secret. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { bytesSource } from "../lib/content/source.ts";
import { LayerstashError } from "../lib/errors.ts";
import type { HttpRequest } from "../lib/http/request.ts";
import { DEFAULT_RETRY_POLICY } from "../lib/async/retry.ts";
import { digestOf, isDigest } from "../lib/oci/digest.ts";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { RegistryClient } from "../lib/registry/client.ts";
import { profileOf } from "../lib/registry/profiles.ts";
import { RegistryStore } from "../lib/registry/registry_store.ts";
import type { Store } from "../lib/store/store.ts";
import { UploadSession } from "../lib/registry/push/upload_session.ts";
import { testClock } from "./rigs/clock.ts";

const PASSWORD = "canary-of-a-password";
const BASIC = btoa(`me:${PASSWORD}`);
const HELLO = new TextEncoder().encode("hello");
const DIGEST = digestOf(HELLO);
const ORIGIN = "https://registry.example";

/** One answer of a registry that says anything. */
interface Answer {
  status: number;
  headers: Record<string, string>;
  body?: string | null;
}

function responseOf({ status, headers, body = null }: Answer): Response {
  const legal = Object.entries(headers).map(([name, value]): [string, string] => [name, legalValue(value)]);
  return new Response(status === 204 ? null : body, { status, headers: legal });
}

/** A header's value as far as HTTP lets it through. */
function legalValue(text: string): string {
  return text.replace(/[^\t\x20-\x7e\x80-\xff]/g, "");
}

/** A store whose registry gives these answers in turn, again and again. */
function storeThatHears(
  answers: readonly Answer[],
): { store: Store; client: RegistryClient; sent: HttpRequest[] } {
  const sent: HttpRequest[] = [];
  const send = async (request: HttpRequest) => {
    const answer = answers[sent.push(request) % answers.length] ?? answers[0]!;
    if (request.body && "stream" in request.body) await request.body.stream.cancel();
    return responseOf(answer);
  };
  const client = new RegistryClient({
    address: { kind: "remote", origin: ORIGIN, host: "registry.example" },
    repository: "me/files",
    findCredentials: () => Promise.resolve({ kind: "password", username: "me", password: PASSWORD }),
    transport: { send, close() {} },
    policy: { ...DEFAULT_RETRY_POLICY, attempts: 3 },
    clock: testClock(),
  });
  const profile = profileOf("registry.example");
  return { store: new RegistryStore({ name: "there", client, profile, close() {} }), client, sent };
}

/** What something comes to; `undefined` where it fails, which it may only do with an error of ours. */
async function outcome<T>(done: Promise<T>): Promise<T | undefined> {
  try {
    return await done;
  } catch (error) {
    assert.ok(error instanceof LayerstashError, Deno.inspect(error));
    const shown = Deno.inspect(error, { depth: 10 });
    assert.ok(!shown.includes(PASSWORD) && !shown.includes(BASIC), `the error holds a secret: ${shown}`);
    assert.ok(error.message.length < 2000, `${error.message.length} characters`);
    return undefined;
  }
}

const PIECES = [
  ...'a0-/:@ \t"\\,;=<>?*%é[]{}',
  ...[
    "Bearer ",
    "Basic ",
    "realm=",
    'realm="https://auth.example/token"',
    "realm=http://auth.example",
    "service=",
  ],
  ...[
    "<https://other.example/v2/x>",
    "<http://registry.example/v2/y>",
    "<file:///etc/passwd>",
    '; rel="next"',
  ],
  ...[
    "https://other.example/",
    "http://[::1",
    "//",
    "data:,x",
    "bytes 0-4/5",
    "bytes ",
    "0-4",
    "299 - ",
    "-1",
  ],
  ...[
    "9".repeat(17),
    "1e9",
    "NaN",
    "120",
    "GMT",
    DIGEST,
    "sha256:",
    IMAGE_MANIFEST.oci,
    "text/html",
    `${PASSWORD}@`, // so that it is never the name of a host, which messages show
    BASIC,
  ],
  ...[
    '{"token":"abc"}',
    '{"tags":["a","b"]}',
    '{"errors":[{"code":"DENIED","message":"',
    '{"tags":',
    '"]}',
    "null",
  ],
];
const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join(""));
const NAMES = [
  ...[
    "content-length",
    "content-range",
    "content-type",
    "docker-content-digest",
    "link",
    "location",
    "range",
  ],
  ...["retry-after", "date", "www-authenticate", "warning", "oci-chunk-min-length", "oci-chunk-max-length"],
];
const STATUSES = [200, 201, 202, 204, 206, 301, 307, 400, 401, 403, 404, 405, 416, 429, 500, 503];
const answer: fc.Arbitrary<Answer> = fc.record({
  status: fc.constantFrom(...STATUSES),
  headers: fc.dictionary(fc.constantFrom(...NAMES), text, { maxKeys: 6 }),
  body: fc.oneof(text, fc.json(), fc.constant(null)),
});
const answers = fc.array(answer, { minLength: 1, maxLength: 6 });

const isSize = (size: unknown) => size === undefined || Number.isSafeInteger(size) && Number(size) >= 0;
const isPlaced = (digest: unknown) => digest === undefined || isDigest(digest);
const manifest = encodeManifest({ mediaType: IMAGE_MANIFEST.oci, schemaVersion: 2 });

/** What a store is asked for, and what it may say: anything else is an error of the test. */
const CALLS: Record<string, (store: Store) => Promise<boolean>> = {
  stat: async (store) => isSize(await store.stat(DIGEST)),
  resolve: async (store) => isPlaced(await store.resolve("disk-1")),
  "manifest by tag": async (store) => isPlaced((await store.manifest("disk-1"))?.digest),
  "manifest by digest": async (store) => [undefined, DIGEST].includes((await store.manifest(DIGEST))?.digest),
  "read all": async (store) => await store.read(DIGEST).then(ended),
  "read a range": async (store) =>
    await store.readUnverified(DIGEST, { range: { start: 1, end: 4 } }).then(ended),
  tags: async (store) => hasNoTwins(await Array.fromAsync(store.tags())),
  mount: async (store) => typeof await store.mount(DIGEST, "me/others") === "boolean",
  remove: async (store) => await store.remove(DIGEST).then(() => true),
  "remove a tag": async (store) => await store.removeManifest("disk-1").then(() => true),
  "put a manifest": async (store) => await store.putManifest("disk-1", manifest).then(() => true),
  write: async (store) => (await store.write(bytesSource(HELLO))).digest === DIGEST,
};

const ended = async (stream: ReadableStream) => await stream.cancel().then(() => true);
const hasNoTwins = (tags: string[]) => new Set(tags).size === tags.length;

for (const [name, call] of Object.entries(CALLS)) {
  Deno.test(`property: ${name} takes any answers, or says what is wrong with them`, async () => {
    await fc.assert(
      fc.asyncProperty(answers, async (answers) => {
        const { store, sent } = storeThatHears(answers);
        assert.notEqual(await outcome(call(store)), false, "it gave what cannot be");
        assert.ok(sent.length < 200, `${sent.length} requests`);
        for (const { url } of sent) assert.equal(url.protocol, "https:", "it went out in the clear");
      }),
      { numRuns: 300 },
    );
  });
}

Deno.test("property: credentials go to the registry and to the token server that it names, and nowhere else", async () => {
  const challenge = {
    status: 401,
    headers: { "www-authenticate": 'Bearer realm="https://auth.example/token"' },
  };
  await fc.assert(
    fc.asyncProperty(answers, fc.constantFrom(...Object.values(CALLS)), async (answers, call) => {
      const plain = answers.map(({ headers: { "www-authenticate": _, ...headers }, ...rest }) => ({
        ...rest,
        headers,
      }));
      const { store, sent } = storeThatHears([...plain, challenge, {
        status: 200,
        headers: {},
        body: '{"token":"t"}',
      }]);
      await outcome(call(store));
      for (const { url, headers } of sent) {
        const trusted = [ORIGIN, "https://auth.example"].includes(url.origin);
        assert.ok(trusted || !headers.has("authorization"), url.href);
      }
    }),
  );
});

Deno.test("property: a range is taken only where it is the one that was asked for", async () => {
  const at = fc.nat(20);
  const asked = fc.tuple(at, fc.integer({ min: 1, max: 9 })).map(([start, size]) => ({
    start,
    end: start + size,
  }));
  await fc.assert(fc.asyncProperty(asked, at, at, fc.boolean(), async (range, first, last, exact) => {
    const [from, to] = exact ? [range.start, range.end - 1] : [first, last];
    const headers = { "content-range": `bytes ${from}-${to}/40` };
    const { store } = storeThatHears([{ status: 206, headers, body: "x" }]);
    const taken = await outcome(store.readUnverified(DIGEST, { range }).then(ended));
    assert.equal(taken === true, from === range.start && to === range.end - 1);
  }));
});

Deno.test("property: the next page is where the link leads, whatever stands in it and beside it", async () => {
  const target = fc.tuple(fc.webPath(), fc.webQueryParameters()).map(([path, query]) =>
    `/v2${path}?${query}`
  );
  const links = fc.record({ target, other: target, quotes: fc.boolean(), first: fc.boolean() });
  await fc.assert(fc.asyncProperty(links, async ({ target, other, quotes, first }) => {
    const [prev, next] = [`<${other}>; rel="prev"`, `<${target}>; rel=${quotes ? '"next"' : "next"}`];
    const link = (first ? [next, prev] : [prev, next]).join(", ");
    const { store, sent } = storeThatHears([
      { status: 200, headers: {}, body: '{"tags":["b"]}' }, // the second: the first is behind it
      { status: 200, headers: { link }, body: '{"tags":["a"]}' },
    ]);
    assert.deepEqual(await Array.fromAsync(store.tags()), ["a", "b"]);
    assert.equal(sent[1]?.url.href, new URL(target, ORIGIN).href);
  }));
});

Deno.test("property: an upload goes on only between what had arrived and what was sent", async () => {
  const counted = fc.integer({ min: -2, max: 60 }).map((last) => `0-${last}`);
  const range = fc.oneof({ weight: 1, arbitrary: text }, { weight: 4, arbitrary: counted });
  const locations = fc.oneof(text, fc.constant("/v2/me/files/blobs/uploads/2"));
  let sessions = 0;
  const sizes = fc.record({ acknowledged: fc.nat(30), more: fc.nat(20), uploadRangeIsCount: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(range, locations, sizes, async (range, location, sizes) => {
      const { acknowledged, more, uploadRangeIsCount } = sizes;
      const { client } = storeThatHears([{ status: 204, headers: { range, location } }]);
      const point = {
        location: `${ORIGIN}/v2/me/files/blobs/uploads/1`,
        acknowledged,
        sent: acknowledged + more,
      };
      const session = await outcome(UploadSession.resume(client, point, { uploadRangeIsCount }));
      if (!session) return;
      sessions++;
      assert.ok(session.offset >= acknowledged && session.offset <= point.sent && session.offset > 0);
    }),
    { numRuns: 300 },
  );
  assert.ok(sessions > 5, `${sessions} sessions are too few to say anything`);
});

Deno.test("property: the point that a process left behind may say anything", async () => {
  const size = fc.oneof(fc.nat(), fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER));
  const point = fc.record({ location: fc.oneof(text, fc.webUrl()), acknowledged: size, sent: size });
  await fc.assert(fc.asyncProperty(point, answers, async (point, answers) => {
    const { client, sent } = storeThatHears(answers);
    await outcome(UploadSession.resume(client, point, {}));
    for (const { url, headers } of sent) {
      const trusted = [ORIGIN, "https://auth.example"].includes(url.origin);
      assert.ok(url.protocol === "https:" && (trusted || !headers.has("authorization")), url.href);
    }
  }));
});

const LONG = 100_000;
/** What goes through a text once takes no more than so many times as long as with another text of that length. */
const AT_ONCE = 100;
const REPEATED = [
  ...' 0,\\";<',
  "<;",
  ", <",
  ';rel="next",<',
  '299 a "',
  'a="',
  '\\"',
  "= ",
  "0-",
  "GMT ",
  "//",
  ":",
];

for (const name of NAMES) {
  Deno.test(`a long ${name} is read at once, whatever is repeated in it`, async () => {
    const plain = await timeToRead({ [name]: "x".repeat(LONG) });
    for (const piece of REPEATED) {
      const long = piece.repeat(LONG / piece.length);
      const values = [
        long,
        `${long}!`,
        `<${long}`,
        `299 - "${long}`,
        `Bearer realm="${long}`,
        `http://a${long}`,
      ];
      for (const value of values) {
        const took = await timeToRead({ [name]: value });
        assert.ok(took < AT_ONCE * plain, `${value.slice(0, 60)}: ${took} ms, plain text ${plain} ms`);
      }
    }
  });
}

/** How long it takes to read answers with these headers, in milliseconds; very little counts as some. */
async function timeToRead(headers: Record<string, string>): Promise<number> {
  const before = performance.now();
  for (
    const [status, name] of [[200, "tags"], [206, "read a range"], [307, "stat"], [401, "stat"]] as const
  ) {
    const { store } = storeThatHears([{ status, headers, body: "{}" }]);
    await outcome(CALLS[name]!(store));
  }
  return Math.max(performance.now() - before, 20);
}
