/** Whom the command line trusts: authorities and certificates of a file, or anybody. @module */
import assert from "node:assert/strict";
import { makeOwnCertificate, makeServerCertificate, type ServerCertificate } from "./rigs/certificates.ts";
import { type Ended, makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { ensureTool } from "./rigs/debian.ts";
import { type FakeRegistry, startFakeRegistry } from "./rigs/fake_registry.ts";

const OPENSSL = { ignore: !await ensureTool("openssl", "openssl") };

/** Stores a file at a registry and gets it back, up to the first command that fails. */
async function upAndDown(work: Workplace, { url }: FakeRegistry, options: string[]): Promise<Ended> {
  const where = ["--registry", url, "-r", "me/files", "-t", "disk", ...options];
  await work.write("disk", "hello, registry");
  for (const words of [["upload", "-i", "disk"], ["download", "-o", "back"]]) {
    const ended = await work.run([...words, ...where]);
    if (ended.code !== 0) return ended;
  }
  assert.equal(await Deno.readTextFile(work.path("back")), "hello, registry");
  return await work.run(["list", "--registry", url, "-r", "me/files", ...options]);
}

/** A directory, a certificate that was made there, and a registry that shows it. */
async function setUp(make: (directory: string) => Promise<ServerCertificate>) {
  await using parts = new AsyncDisposableStack();
  const work = parts.use(await makeWorkplace());
  const certificate = await make(work.directory);
  const registry = parts.use(await startFakeRegistry({ certificate }));
  const kept = parts.move();
  return { work, certificate, registry, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

Deno.test("a certificate that is its own authority is trusted where its file is named", OPENSSL, async () => {
  await using place = await setUp(makeOwnCertificate);
  const { work, registry, certificate } = place;
  const { code, stderr } = await upAndDown(work, registry, ["--ca-file", certificate.caPath]);
  assert.equal(code, 0, stderr);
});

Deno.test("one that only looks like it is refused, to read and to write", OPENSSL, async () => {
  await using place = await setUp(makeOwnCertificate);
  await using another = await setUp(makeOwnCertificate);
  const options = ["--ca-file", another.certificate.caPath];
  for (const words of [["list"], ["upload", "-t", "disk", "-i", "disk"]]) {
    await place.work.write("disk", "hello, registry");
    const on = ["--registry", place.registry.url, "-r", "me/files", ...options];
    const { code, stderr } = await place.work.run([...words, ...on]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /shows a certificate that is not trusted/);
  }
  assert.deepEqual(place.registry.requests, []);
});

Deno.test("one that is not for the host is refused, to read and to write", OPENSSL, async () => {
  await using place = await setUp((directory) => makeOwnCertificate(directory, "DNS:other.test"));
  for (const words of [["list"], ["upload", "-t", "disk", "-i", "disk"]]) {
    await place.work.write("disk", "hello, registry");
    const on = ["--registry", place.registry.url, "-r", "me/files", "--ca-file", place.certificate.caPath];
    const { code, stderr } = await place.work.run([...words, ...on]);
    assert.equal(code, 1, stderr);
  }
  assert.deepEqual(place.registry.requests, []);
});

Deno.test("the error about one that is not named says what it is, and what to do", OPENSSL, async () => {
  await using place = await setUp(makeOwnCertificate);
  const { code, stderr } = await place.work.run(["list", "--registry", place.registry.url, "-r", "me/files"]);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /not trusted \(the certificate is its own authority\)\n.*hint: .*--ca-file/s);
});

Deno.test("a file that holds no certificate is refused before anything is asked", OPENSSL, async () => {
  await using place = await setUp(makeServerCertificate);
  const { work, registry } = place;
  const broken = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
  const cases: [string, string | Uint8Array, number, RegExp][] = [
    ["empty.pem", "", 2, /empty\.pem contains no certificate\n.*PEM/s],
    ["der.crt", new Uint8Array([0x30, 0x82, 0, 1]), 2, /der\.crt contains no certificate\n.*PEM/s],
    ["key.pem", place.certificate.keyPem, 2, /key\.pem contains no certificate/],
    ["broken.pem", broken, 2, /broken\.pem contains a certificate that is damaged/],
    ["cut.pem", place.certificate.caPem.slice(0, 200), 2, /cut\.pem contains a certificate that is damaged/],
  ];
  for (const [name, content, code, expected] of cases) {
    await work.write(name, content);
    const ended = await upAndDown(work, registry, ["--ca-file", name]);
    assert.equal(ended.code, code, `${name}: ${ended.stderr}`);
    assert.match(ended.stderr, expected);
  }
  const absent = await upAndDown(work, registry, ["--ca-file", "absent.pem"]);
  assert.equal(absent.code, 3, absent.stderr);
  assert.match(absent.stderr, /there is no file absent\.pem/);
  assert.deepEqual(registry.requests, []);
});

Deno.test("whoever trusts anybody is warned, by every command", OPENSSL, async () => {
  await using place = await setUp(makeServerCertificate);
  const { code, stderr } = await upAndDown(place.work, place.registry, ["--insecure-skip-tls-verify"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /certificates are not checked.*: whoever controls the network can read and change/);
});

Deno.test(
  "an address on this machine that has to be asked over https is printed with its scheme",
  OPENSSL,
  async () => {
    await using place = await setUp((directory) => makeServerCertificate(directory));
    const { work, registry: { url } } = place;
    const env = { LAYERSTASH_CA_FILE: place.certificate.caPath };
    await work.write("disk", "hello, registry");
    const printed = async (...words: string[]) => (await work.run(words, { env })).stderr;
    const stored = await printed("upload", "disk", `${url}/me/files:disk`);
    assert.ok(stored.includes(`\nlayerstash: digest: ${url}/me/files@sha256:`), stored);
    assert.ok(stored.endsWith(`get it back: layerstash download ${url}/me/files:disk\n`), stored);
    const blob = await printed("blob", "push", "disk", `${url}/me/files:it`);
    assert.ok(blob.endsWith(`get it back: layerstash blob pull ${url}/me/files:it -o FILE\n`), blob);
    const copied = await printed("copy", `${url}/me/files:disk`, `${url}/me/other:disk`);
    assert.ok(copied.endsWith(`get it back: layerstash download ${url}/me/other:disk\n`), copied);
    const corrected = await printed("list", "--registry", url, "-r", `${url}/me/files`);
    assert.ok(corrected.includes(`\nhint: layerstash list --registry ${url} -r me/files`), corrected);
    const absent = await printed("verify", `${url}/me/files:it`);
    assert.ok(absent.includes(`layerstash info ${url}/me/files:it says`), absent);
    const alias = await printed("url", `${url}/me/files:it`);
    assert.ok(alias.endsWith(`hint: for its blobs: layerstash url ${url}/me/files @it\n`), alias);
  },
);

Deno.test("a hint to sign in over https on this machine names the scheme", OPENSSL, async () => {
  await using work = await makeWorkplace();
  const certificate = await makeServerCertificate(work.directory);
  await using registry = await startFakeRegistry({ certificate, auth: "basic" });
  await work.write("disk", "hello, registry");
  const words = ["upload", "disk", `${registry.url}/me/files:disk`, "--ca-file", certificate.caPath];
  const { stderr } = await work.run(words);
  assert.ok(stderr.includes(`: layerstash login ${registry.url}\n`), stderr);
});
