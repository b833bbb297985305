/** What `--registry` says, and what becomes of it. @module */
import assert from "node:assert/strict";
import { InvalidInputError } from "../lib/errors.ts";
import { info, openStore, upload } from "../main.ts";
import { parseAddress, parseImage } from "../lib/oci/address.ts";
import { fullRepository, isLoopback, parseRegistry } from "../lib/oci/registry_address.ts";

const HUB = { kind: "remote", origin: "https://registry-1.docker.io", host: "docker.io" };

Deno.test("all names of Docker Hub are one", () => {
  const names = [
    "docker",
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
    "https://index.docker.io/v1/",
    "https://registry-1.docker.io/v2/",
    "https://registry-1.docker.io:443",
    "Docker.IO",
  ];
  for (const name of names) assert.deepEqual(parseRegistry(name), HUB, name);
});

Deno.test("ghcr is short for GitHub's registry", () => {
  const github = { kind: "remote", origin: "https://ghcr.io", host: "ghcr.io" };
  for (const name of ["ghcr", "ghcr.io", "https://ghcr.io/", "https://ghcr.io/v2/"]) {
    assert.deepEqual(parseRegistry(name), github, name);
  }
});

Deno.test("a host is spoken to over https, this machine over http, unless a URL says otherwise", () => {
  const origins: [text: string, origin: string][] = [
    ["registry.example.com", "https://registry.example.com"],
    ["registry.example.com:5000", "https://registry.example.com:5000"],
    ["registry.example.com:443", "https://registry.example.com"],
    ["10.0.0.7:5000", "https://10.0.0.7:5000"],
    ["localhost", "http://localhost"],
    ["localhost:5000", "http://localhost:5000"],
    ["registry.localhost:5000", "http://registry.localhost:5000"],
    ["127.0.0.1:5000", "http://127.0.0.1:5000"],
    ["127.8.9.10:5000", "http://127.8.9.10:5000"],
    ["[::1]:5000", "http://[::1]:5000"],
    ["https://localhost:5000", "https://localhost:5000"],
    ["http://registry.example.com", "http://registry.example.com"],
    ["http://registry.example.com:80/", "http://registry.example.com"],
    ["localhost:443", "http://localhost:443"],
  ];
  for (const [text, origin] of origins) {
    const address = parseRegistry(text);
    assert.ok(address.kind === "remote");
    assert.equal(address.origin, origin, text);
    assert.equal(address.host, new URL(origin).host, text);
  }
});

Deno.test("a host may be called as JavaScript calls its own", () => {
  assert.deepEqual(parseRegistry("constructor"), {
    kind: "remote",
    origin: "https://constructor",
    host: "constructor",
  });
});

Deno.test("oci: names a directory of layouts", () => {
  assert.deepEqual(parseRegistry("oci:box"), { kind: "layout", directory: "box" });
  assert.deepEqual(parseRegistry("oci:/a b/c:d"), { kind: "layout", directory: "/a b/c:d" });
  assert.throws(() => parseRegistry("oci:"), { kind: "usage" });
});

Deno.test("a tilde after oci: is refused, because no shell expands it there", () => {
  for (const path of ["~", "~/mybox"]) {
    assert.throws(() => parseRegistry(`oci:${path}`), {
      kind: "usage",
      message: `shells do not expand the ~ of "oci:${path}"`,
      hint: `use oci:$HOME${path.slice(1)}; a directory with the name ~ is oci:./~`,
    });
  }
  for (const transport of ["oci", "oci-archive", "docker-archive"]) {
    assert.throws(() => parseImage(`${transport}:~/box:tag`), {
      kind: "usage",
      hint: `use ${transport}:$HOME/box:tag; a directory with the name ~ is ${transport}:./~`,
    });
  }
  assert.deepEqual(parseRegistry("oci:./~/mybox"), { kind: "layout", directory: "./~/mybox" });
  assert.deepEqual(parseRegistry("oci:~me"), { kind: "layout", directory: "~me" });
  assert.throws(() => parseRegistry("~/box"), { hint: "a directory is named as in oci:$HOME/box" });
});

Deno.test("what is no registry is refused as a mistake of usage", () => {
  const wrong = [
    "",
    " ",
    "https://",
    "http://:5000",
    "registry.example.com/me/files",
    "https://ghcr.io/me",
    "ghcr.io?x=1",
    "ghcr.io#x",
    "host:notaport",
    "host:99999",
    "two words",
    "ftp://registry.example.com",
    "file:///etc",
  ];
  for (const text of wrong) {
    assert.throws(() => parseRegistry(text), (error) => error instanceof InvalidInputError, text);
  }
});

Deno.test("a URL with a password in it is refused, and the message does not repeat it", () => {
  for (
    const text of ["https://me:open-sesame@ghcr.io", "me:open-sesame@ghcr.io", "http://open-sesame@localhost"]
  ) {
    assert.throws(() => parseRegistry(text), (error: InvalidInputError) => {
      assert.equal(error.kind, "usage");
      assert.ok(!Deno.inspect(error).includes("open-sesame"), text);
      return true;
    });
  }
  assert.throws(() => parseRegistry("https://me:open-sesame@host:99999"), (error: InvalidInputError) => {
    assert.ok(!Deno.inspect(error).includes("open-sesame"));
    return error.kind === "usage";
  });
});

Deno.test("only Docker Hub has official repositories without a namespace", () => {
  assert.equal(fullRepository(parseRegistry("docker"), "nginx"), "library/nginx");
  assert.equal(fullRepository(parseRegistry("docker"), "me/files"), "me/files");
  assert.equal(fullRepository(parseRegistry("ghcr"), "nginx"), "nginx");
  assert.equal(fullRepository(parseRegistry("oci:box"), "nginx"), "nginx");
});

Deno.test("hosts that only look like this machine are not", () => {
  for (const host of ["localhost", "a.localhost", "127.0.0.1", "127.1.2.3", "[::1]"]) {
    assert.ok(isLoopback(host), host);
  }
  for (
    const host of ["localhost.example.com", "127.0.0.1.example.com", "notlocalhost", "128.0.0.1", "[::2]"]
  ) {
    assert.ok(!isLoopback(host), host);
  }
});

Deno.test("an address is read as docker writes it, and without a tag it names the repository", () => {
  const read: [text: string, host: string, repository: string, reference: string | undefined][] = [
    ["me/files", "docker.io", "me/files", undefined],
    ["me/files:disk", "docker.io", "me/files", "disk"],
    ["ghcr.io/me/files:disk", "ghcr.io", "me/files", "disk"],
    ["ghcr.io/me/files/", "ghcr.io", "me/files", undefined],
    ["https://ghcr.io/v2/me/files/", "ghcr.io", "me/files", undefined],
    ["https://ghcr.io/me/files/v2/", "ghcr.io", "me/files", undefined],
    ["docker://ghcr.io/me/files:disk", "ghcr.io", "me/files", "disk"],
    ["localhost:5000/x", "localhost:5000", "x", undefined],
    [`localhost:5000/x:t@sha256:${"0".repeat(64)}`, "localhost:5000", "x", `sha256:${"0".repeat(64)}`],
  ];
  for (const [text, host, repository, reference] of read) {
    const { registry, ...rest } = parseAddress(text);
    assert.ok(registry.kind === "remote");
    assert.deepEqual({ host: registry.host, ...rest }, { text, host, repository, reference });
  }
});

Deno.test("the address of a layout names one layout, which need not exist", async () => {
  const directory = await Deno.makeTempDir();
  const { registry, reference } = parseAddress(`oci:${directory}/box/me/files:disk`);
  assert.deepEqual(registry, { kind: "layout", directory: `${directory}/box/me/files` });
  assert.equal(reference, "disk");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a store is opened by its address, which names a repository and nothing in it", async () => {
  const directory = await Deno.makeTempDir();
  using named = openStore({ registry: `oci:${directory}/box`, repository: "me/files" });
  using addressed = openStore(`oci:${directory}/box/me/files`);
  assert.equal(addressed.name, named.name);
  await upload(named, "note", { input: new Response("hello").body! });
  assert.equal((await info(addressed, "note")).size, 5);
  assert.throws(() => openStore("ghcr.io/me/files:disk"), {
    name: "InvalidInputError",
    message: '"ghcr.io/me/files:disk" names something in a repository, not a repository',
  });
  await Deno.remove(directory, { recursive: true });
});
