/** Upgrading an installed program, against made-up releases on a web server of this machine. @module */
import assert from "node:assert/strict";
import type { LayerstashError } from "../lib/errors.ts";
import { isNewer, isVersion } from "../lib/releases/released_program.ts";
import { ReleaseServer } from "../lib/releases/release_server.ts";
import { makeServerCertificate } from "./rigs/certificates.ts";
import { LINUX, makePlace, OLD } from "./rigs/installed_program.ts";
import { brokenOff, releasedProgram, type ReleaseRigOptions, startReleases } from "./rigs/releases.ts";
import { asRoot, onPosix } from "./rigs/system.ts";

/** Nobody listens there: a port that was free a moment ago may be somebody's by now. */
const NOBODY = "http://127.0.0.1:9";
const WINDOWS = "x86_64-pc-windows-msvc";
const SHELL = onPosix("upgrades to programs that are shell scripts");

Deno.test("versions come one after the other as semver 2.0.0 says", () => {
  const ordered = (
    "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 " +
    "1.0.0 1.0.1 1.2.0 1.10.0 2.0.0"
  ).split(" ");
  for (const [index, one] of ordered.entries()) {
    ordered.forEach((other, at) => assert.equal(isNewer(one, other), index > at, `${one} ${other}`));
  }
});

Deno.test("what is no version of semver is none", () => {
  for (const text of ["1.2.3", "1.2.3-rc.1", "10.0.0+build.5"]) assert.ok(isVersion(text), text);
  for (const text of ["v1.2.3", "1.2", "01.2.3", "1.2.3-", "latest", "", "1.2.3/..", "1.2.3\n", " 1.2.3"]) {
    assert.ok(!isVersion(text), JSON.stringify(text));
  }
});

Deno.test({
  name: "a newer program takes the place of the old one, with its mode, while that is open",
  ...SHELL,
  async fn() {
    await using place = await makePlace();
    await Deno.chmod(place.program, 0o751);
    using held = await Deno.open(place.program);
    assert.equal(await place.upgrade(), "1.2.3");
    assert.equal(await place.content(), releasedProgram("1.2.3", LINUX));
    assert.equal((await Deno.stat(place.program)).mode! & 0o777, 0o751);
    assert.equal(await new Response(held.readable).text(), OLD);
    assert.deepEqual(await place.left(), ["layerstash"]);
    const path = `/download/v1.2.3/layerstash-1.2.3-${LINUX}`;
    assert.deepEqual(place.asked, ["GET /latest/download/SHA256SUMS", `HEAD ${path}`, `GET ${path}`]);
  },
});

Deno.test({
  name: "the new program belongs to who had the old one, also where root upgrades it",
  ...asRoot("whose an upgraded program is"),
  async fn() {
    await using place = await makePlace();
    await Deno.chown(place.program, 65534, 65534);
    await place.upgrade();
    const { uid, gid } = await Deno.stat(place.program);
    assert.deepEqual([uid, gid], [65534, 65534]);
  },
});

Deno.test({
  name: "an older version is put in place where it is named",
  ...SHELL,
  async fn() {
    await using place = await makePlace();
    assert.equal(await place.upgrade({ version: "1.0.0" }), "1.0.0");
    assert.equal(await place.content(), releasedProgram("1.0.0", LINUX));
  },
});

Deno.test({
  name: "a link to the program stays, and what it points to is replaced",
  ...SHELL,
  async fn() {
    await using place = await makePlace();
    await Deno.mkdir(`${place.directory}/links`);
    const link = `${place.directory}/links/layerstash`;
    await Deno.symlink("../bin/layerstash", link);
    await place.upgrade({ program: link });
    assert.equal(await Deno.readLink(link), "../bin/layerstash");
    assert.equal(await place.content(), releasedProgram("1.2.3", LINUX));
    assert.deepEqual(Array.from(Deno.readDirSync(`${place.directory}/links`), ({ name }) => name), [
      "layerstash",
    ]);
  },
});

Deno.test({
  name: "the progress tells the size, and ends at all of it",
  ...SHELL,
  async fn() {
    await using place = await makePlace();
    await place.upgrade();
    const size = releasedProgram("1.2.3", LINUX).length;
    assert.deepEqual(place.events.find(({ type }) => type === "plan"), { type: "plan", size, blobs: 1 });
    const moved = place.events.reduce((sum, event) => sum + (event.type === "progress" ? event.bytes : 0), 0);
    assert.equal(moved, size);
    assert.ok(place.events.some((event) => event.type === "blob" && event.state === "fetched"));
  },
});

/** A release whose program for Linux is this one. */
const withProgram = (content: string) => ({
  async answer({ request, path, isProgram }, usual) {
    if (path.endsWith("SHA256SUMS")) {
      return new Response(`${await sha256(content)}  layerstash-1.2.3-${LINUX}\n`);
    }
    return isProgram
      ? new Response(request.method === "HEAD" ? null : content, {
        headers: { "content-length": `${content.length}` },
      })
      : usual();
  },
} satisfies ReleaseRigOptions);

const FAULTS: readonly [name: string, options: ReleaseRigOptions, kind: string, message: RegExp][] = [
  [
    "other bytes",
    { answer: ({ request, isProgram }, usual) => isProgram ? changed(request, usual()) : usual() },
    "mismatch",
    /^layerstash-1\.2\.3-x86_64-unknown-linux-gnu has the checksum sha256:[0-9a-f]{64}, but should have sha256:/,
  ],
  [
    "no asset",
    { answer: ({ isProgram }, usual) => isProgram ? new Response("not found", { status: 404 }) : usual() },
    "not-found",
    /^127\.0\.0\.1:\d+ does not have layerstash-1\.2\.3-x86_64-unknown-linux-gnu$/,
  ],
  [
    "no program for the system",
    {
      answer: ({ path }, usual) =>
        path.endsWith("SUMS") ? new Response(`${"0".repeat(64)}  install.sh\n`) : usual(),
    },
    "not-found",
    /^the release has no program for x86_64-unknown-linux-gnu$/,
  ],
  [
    "a web page in place of the checksums",
    { answer: ({ path }, usual) => path.endsWith("SUMS") ? new Response("<html>sign in</html>") : usual() },
    "mismatch",
    /^the answer to the request for the release's checksums is not a list of them$/,
  ],
  [
    "checksums without an end",
    {
      answer: ({ path }, usual) => path.endsWith("SUMS") ? new Response("a".repeat(1024 ** 2 + 1)) : usual(),
    },
    "mismatch",
    /^the list of checksums of the latest release is too large: there are more than 1048576 bytes of it$/,
  ],
  [
    "no release",
    { answer: () => new Response("not found", { status: 404 }) },
    "not-found",
    /^127\.0\.0\.1:\d+ does not have the checksums of the latest release$/,
  ],
  [
    "a program that is too large",
    { answer: ({ isProgram }, usual) => isProgram ? sized(String(2 * 1024 ** 3)) : usual() },
    "mismatch",
    /^layerstash-1\.2\.3-x86_64-unknown-linux-gnu has 2147483648 bytes: a program has at most 1073741824$/,
  ],
  [
    "a program that tells another version",
    withProgram("#!/bin/sh\necho 'layerstash v9.9.9\x1b[31m'\n"),
    "mismatch",
    /^layerstash-1\.2\.3-x86_64-unknown-linux-gnu prints "layerstash v9\.9\.9 \[31m" instead of the version 1\.2\.3$/,
  ],
  [
    "a program for another system",
    withProgram("\x7fELF not really"),
    "failed",
    /^layerstash-1\.2\.3-x86_64-unknown-linux-gnu does not start on this system: it prints ".*"$/,
  ],
  [
    "a program that fails",
    withProgram("#!/bin/sh\necho 'version GLIBC_2.99 not found' >&2\nexit 1\n"),
    "failed",
    /does not start on this system: it prints "version GLIBC_2\.99 not found"$/,
  ],
];

for (const [name, options, kind, message] of FAULTS) {
  Deno.test({
    name: `${name}: the old program stays, and nothing beside it`,
    ...SHELL,
    async fn() {
      await using place = await makePlace(options);
      const error = await place.failure();
      assert.equal(error.kind, kind, error.message);
      assert.match(error.message, message);
      await place.assertUnchanged();
    },
  });
}

Deno.test({
  name: "a broken download is taken up where it broke",
  ...SHELL,
  async fn() {
    let breaks = 2;
    await using place = await makePlace({
      answer: ({ request, isProgram }, usual) =>
        isProgram && request.method === "GET" && breaks-- > 0 ? brokenOff(usual(), 100_000) : usual(),
    });
    assert.equal(await place.upgrade(), "1.2.3");
    assert.equal(await place.content(), releasedProgram("1.2.3", LINUX));
    const size = releasedProgram("1.2.3", LINUX).length;
    assert.deepEqual(place.ranges(), ["", `bytes=100000-${size - 1}`, `bytes=200000-${size - 1}`]);
    const retries = place.events.filter(({ type }) => type === "retry");
    assert.equal(retries.length, 2);
    assert.ok(retries.every((event) => event.type === "retry" && event.what === `layerstash-1.2.3-${LINUX}`));
  },
});

Deno.test({
  name: "a broken download begins again where the server gives no ranges",
  ...SHELL,
  async fn() {
    let breaks = 1;
    await using place = await makePlace({
      answer({ request, isProgram }, usual) {
        if (!isProgram || request.method !== "GET") return usual();
        if (breaks-- > 0) return brokenOff(usual(), 100_000);
        return new Response(releasedProgram("1.2.3", LINUX));
      },
    });
    assert.equal(await place.upgrade(), "1.2.3");
    assert.equal(await place.content(), releasedProgram("1.2.3", LINUX));
  },
});

Deno.test({
  name: "a download that breaks each time ends, with nothing left and a word of advice",
  ...SHELL,
  async fn() {
    await using place = await makePlace({
      answer: ({ request, isProgram }, usual) =>
        isProgram && request.method === "GET" ? brokenOff(usual(), 0) : usual(),
    });
    const error = await place.failure();
    assert.equal(error.kind, "failed");
    assert.match(error.message, /^the connection broke: /);
    assert.match(error.hint!, /^check the network and HTTPS_PROXY; /);
    assert.equal(place.ranges().length, 8);
    await place.assertUnchanged();
  },
});

Deno.test({
  name: "a program that ends too early is not taken",
  ...SHELL,
  async fn() {
    const short = releasedProgram("1.2.3", LINUX).slice(0, 5000);
    await using place = await makePlace({
      answer: ({ request, isProgram }, usual) =>
        isProgram ? sized(String(short.length), request.method === "HEAD" ? null : short) : usual(),
    });
    assert.equal((await place.failure()).kind, "mismatch");
    await place.assertUnchanged();
  },
});

Deno.test("a server that does not answer is given up after three attempts, with a word of advice", async () => {
  await using place = await makePlace();
  const error = await place.failure({ url: NOBODY });
  assert.equal(error.kind, "failed");
  assert.match(error.message, /^127\.0\.0\.1:9 does not answer: /);
  assert.match(error.hint!, /LAYERSTASH_RELEASES sets a mirror/);
  assert.equal(place.events.filter(({ type }) => type === "retry").length, 2);
  await place.assertUnchanged();
});

Deno.test({
  name: "an interrupted upgrade leaves the old program, and nothing beside it",
  ...SHELL,
  async fn() {
    const controller = new AbortController();
    await using place = await makePlace();
    const stop = new Error("stop");
    place.onEvent = ({ type }) => type === "progress" && controller.abort(stop);
    await assert.rejects(place.upgrade({ signal: controller.signal }), stop);
    await place.assertUnchanged();
  },
});

Deno.test({
  name: "an interrupted trial of the new program leaves the old one",
  ...SHELL,
  async fn() {
    const controller = new AbortController();
    const hangs = `#!/bin/sh\necho > "$(dirname "$0")/../started"\nexec sleep 600\n`;
    await using place = await makePlace(withProgram(hangs));
    const started = `${place.directory}/started`;
    await new Deno.Command("mkfifo", { args: [started] }).output();
    const stop = new Error("stop");
    const upgrading = assert.rejects(place.upgrade({ signal: controller.signal }), stop);
    await Deno.readTextFile(started);
    controller.abort(stop);
    await upgrading;
    await place.assertUnchanged();
  },
});

Deno.test({
  name: "a program that no longer exists is reported",
  async fn() {
    await using place = await makePlace();
    await Deno.remove(place.program);
    const error = await place.failure();
    assert.equal(error.kind, "not-found");
    assert.match(error.message, /bin\/layerstash no longer exists$/);
    assert.deepEqual(await place.left(), []);
  },
});

Deno.test({
  name: "redirects lead to another host, and no secret goes along",
  ...SHELL,
  async fn() {
    await using other = startReleases();
    const seen: Headers[] = [];
    await using place = await makePlace({
      answer({ request, path }) {
        seen.push(request.headers);
        return Response.redirect(
          `${other.url.replace("127.0.0.1", "localhost")}${path}?signature=secret`,
          302,
        );
      },
    });
    assert.equal(await place.upgrade(), "1.2.3");
    assert.equal(other.asked.length, 3);
    assert.ok(seen.every((headers) => !headers.has("authorization") && !headers.has("cookie")));
    assert.ok(!JSON.stringify(place.events).includes("secret"));
  },
});

Deno.test("a redirect over http is followed on this machine only", async () => {
  await using place = await makePlace({
    answer: ({ path }) => Response.redirect(`http://releases.example.com${path}`, 302),
  });
  const error = await place.failure();
  assert.equal(error.kind, "failed");
  assert.match(error.message, /^127\.0\.0\.1:\d+ redirects to releases\.example\.com without https$/);
  await place.assertUnchanged();
});

Deno.test({
  name: "an authority can be trusted, and a redirect from https to http is refused",
  ...SHELL,
  async fn() {
    const directory = await Deno.makeTempDir();
    const { certificatePem: cert, keyPem: key, caPem } = await makeServerCertificate(directory);
    await using plain = startReleases();
    let redirects = false;
    await using place = await makePlace({
      tls: { cert, key },
      answer: ({ path }, usual) => redirects ? Response.redirect(`${plain.url}${path}`, 302) : usual(),
    });
    assert.match((await place.failure()).message, /shows a certificate that is not trusted/);
    place.caCerts = [caPem];
    assert.equal(await place.upgrade(), "1.2.3");
    redirects = true;
    assert.match((await place.failure()).message, /^127\.0\.0\.1:\d+ redirects from https to http$/);
    assert.deepEqual(plain.asked, []);
    await Deno.remove(directory, { recursive: true });
  },
});

Deno.test("addresses of releases that are neither of https nor of this machine are refused", () => {
  const bad = [
    "http://example.com/releases",
    "http://127.0.0.1.example.com/",
    "http://127.0.0.1:80@example.com/",
    "https://me:secret@example.com/",
    "https://example.com/?token=secret",
    "file:///tmp",
    "releases",
  ];
  for (const url of bad) {
    assert.throws(() => new ReleaseServer({ url }), (error: LayerstashError) => {
      assert.equal(error.kind, "usage");
      assert.ok(!`${error.message} ${error.hint}`.includes("secret"));
      return true;
    }, url);
  }
  for (const url of ["https://example.com/a/b/", "http://localhost:8000", "http://127.0.0.1:1/"]) {
    new ReleaseServer({ url })[Symbol.dispose]();
  }
});

Deno.test({
  name: "on Windows the old program is moved out of the way, and goes with the next upgrade",
  ...SHELL,
  async fn() {
    await using place = await makePlace({ versions: ["1.2.3", "1.3.0"] });
    const drafts: string[] = [];
    place.onEvent = ({ type }) =>
      type === "blob" && drafts.push(...place.names().filter((name) => name.startsWith(".")));
    await place.upgrade({ target: WINDOWS, version: "1.2.3" });
    assert.equal(await Deno.readTextFile(`${place.program}.old`), OLD);
    await place.upgrade({ target: WINDOWS });
    assert.equal(await place.content(), releasedProgram("1.3.0", WINDOWS));
    assert.equal(await Deno.readTextFile(`${place.program}.old`), releasedProgram("1.2.3", WINDOWS));
    assert.deepEqual((await place.left()).sort(), ["layerstash", "layerstash.old"]);
    assert.ok(drafts.length === 2 && drafts.every((name) => name.endsWith(".exe")));
  },
});

Deno.test({
  name: "on Windows an old program that cannot be removed is told, and nothing is changed",
  ...SHELL,
  async fn() {
    await using place = await makePlace();
    await Deno.mkdir(`${place.program}.old/in use`, { recursive: true });
    const error = await place.failure({ target: WINDOWS });
    assert.equal(error.kind, "conflict");
    assert.equal(await place.content(), OLD);
    assert.deepEqual((await place.left()).sort(), ["layerstash", "layerstash.old"]);
  },
});

Deno.test({
  name: "on Windows the old program comes back when the new one cannot take its place",
  ...SHELL,
  async fn() {
    // The new program removes itself when it is tried: so it cannot be moved.
    await using place = await makePlace({
      async answer({ request, path }) {
        const content = "#!/bin/sh\nrm \"$0\"\necho 'layerstash v1.2.3'\n";
        if (path.endsWith("SUMS")) {
          return new Response(`${await sha256(content)}  layerstash-1.2.3-${WINDOWS}.exe\n`);
        }
        return sized(`${content.length}`, request.method === "HEAD" ? null : content);
      },
    });
    await assert.rejects(place.upgrade({ target: WINDOWS }), Deno.errors.NotFound);
    await place.assertUnchanged();
  },
});

/** An answer that says that it has so many bytes. */
function sized(length: string, body: string | null = null): Response {
  return new Response(body, { headers: { "content-length": length } });
}

/** The same answer with other bytes, as many. */
async function changed(request: Request, answer: Response): Promise<Response> {
  const text = await answer.text();
  return new Response(request.method === "HEAD" ? null : text.replaceAll("#", "-"), answer);
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
