/** What `layerstash serve` refuses before it listens: what would fail only when somebody asks. @module */
import assert from "node:assert/strict";
import { makeServerCertificate, type ServerCertificate } from "./rigs/certificates.ts";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { LineReader } from "./rigs/line_reader.ts";

/** Starts the server where it could not listen, so that it ends in any case, and gives how. */
async function refusalOf(work: Workplace, ...args: string[]): Promise<[code: number, line: string]> {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code, stderr } = await work.run(["serve", "--listen", `127.0.0.1:${taken.addr.port}`, ...args]);
  return [code, stderr.split("\n")[0]!];
}

Deno.test("files that are no certificate, no key, or of two pairs are refused", async () => {
  await using work = await makeWorkplace();
  const [{ certificatePath: cert, certificatePem, keyPath: key, keyPem }, other] = await Promise.all(
    ["one", "other"].map(async (name) => {
      await Deno.mkdir(work.path(name));
      return await makeServerCertificate(work.path(name));
    }),
  ) as [ServerCertificate, ServerCertificate];
  await work.write("text", "neither\n");
  await work.write("both.pem", certificatePem + keyPem);
  const cases: [cert: string, key: string, problem: string][] = [
    ["text", key, "text contains no certificate"],
    [cert, "text", "text contains no private key"],
    [key, cert, `${key} contains no certificate`],
    [cert, other.keyPath, `${other.keyPath} is not the key of the certificate in ${cert}`],
  ];
  for (const [cert, key, problem] of cases) {
    assert.deepEqual(await refusalOf(work, "oci:box", "--tls-cert", cert, "--tls-key", key), [
      2,
      `layerstash: cannot serve oci:box: ${problem}`,
    ]);
  }
  const [, line] = await refusalOf(work, "oci:box", "--tls-cert", "both.pem", "--tls-key", "both.pem");
  assert.match(line, /another program listens there/, "one file may have both");
});

Deno.test("where another program listens, another port is named", async () => {
  await using work = await makeWorkplace();
  for (const [hostname, host] of [["127.0.0.1", "127.0.0.1"], ["::1", "[::1]"]] as const) {
    using taken = Deno.listen({ hostname, port: 0 });
    const at = `${host}:${taken.addr.port}`;
    const { stderr } = await work.run(["serve", "--listen", at, "oci:box"]);
    assert.equal(
      stderr,
      `layerstash: cannot serve oci:box: ${at}: another program listens there\n` +
        `hint: choose another port, as in --listen ${host}:5000\n`,
    );
  }
});

Deno.test("a file that is not an archive of images is refused", async () => {
  await using work = await makeWorkplace();
  await work.write("key.txt", "a text\n");
  assert.deepEqual(await refusalOf(work, "oci:./key.txt"), [
    2,
    "layerstash: cannot serve oci:./key.txt: ./key.txt is neither a tar archive of images nor a layout",
  ]);
});

Deno.test("a repository of Docker Hub that is named in full is served, also where a directory has its path", async () => {
  await using work = await makeWorkplace();
  await Deno.mkdir(work.path("docker.io/me/files"), { recursive: true });
  assert.match((await refusalOf(work, "docker.io/me/files"))[1], /another program listens there/);
});

Deno.test("a directory that is given twice is refused, whatever it is", async () => {
  await using work = await makeWorkplace();
  await work.write("disk", "bytes");
  assert.equal((await work.run(["upload", "disk", "oci:box:disk"])).code, 0);
  const cases: [directory: string, problem: string][] = [
    ["box", `"oci:box" and "oci:./box" would both be box`],
    ["many", `"oci:many" and "oci:./many" are the same directory`],
  ];
  for (const [directory, problem] of cases) {
    const same = [`oci:${directory}`, `oci:./${directory}`];
    assert.deepEqual(await refusalOf(work, ...same), [
      2,
      `layerstash: cannot serve ${same.join(" and ")}: ${problem}`,
    ]);
  }
});

Deno.test("a registry that does not answer is named at the start, and served when it comes back", async () => {
  await using work = await makeWorkplace();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${listener.addr.port}/me/files`;
  listener.close();
  const child = work.start(["serve", "--listen", "127.0.0.1:0", address]);
  const lines = new LineReader();
  const reading = lines.read(child.stderr);
  const said = await lines.find((line) => line.includes("cannot be listed now"));
  assert.match(said ?? "", new RegExp(`^layerstash: ${address} cannot be listed now: .*does not answer`));
  const [, url = ""] = /at (http:\S+)\/$/.exec(await lines.find((line) => line.includes(" at http")) ?? "") ??
    [];
  assert.equal(await (await fetch(`${url}/healthz`)).text(), "ok\n");
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 0);
  await Promise.all([reading, child.stdout.cancel()]);
});
