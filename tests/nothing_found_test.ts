/** Lists where there is nothing: what does not exist is told by the exit code, and a web server is not taken for a registry. @module */
import assert from "node:assert/strict";
import { makeWorkplace, type Workplace } from "./rigs/command_line.ts";
import { startFakeRegistry } from "./rigs/fake_registry.ts";

/** Starts a web server that answers this to every request. */
function serve(answer: (path: string) => Response): AsyncDisposable & { url: string } {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => answer(new URL(request.url).pathname),
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const page = () =>
  new Response("<h1>Not found</h1>", { status: 404, headers: { "content-type": "text/html" } });
const LISTS = [["list"], ["list", "--exact-size"], ["alias", "list"]];

async function fails(work: Workplace, args: string[], code: number, said: RegExp): Promise<void> {
  const ended = await work.run(args);
  assert.equal(ended.code, code, `${args.join(" ")}: ${ended.stderr}`);
  assert.match(ended.stderr, said, args.join(" "));
  assert.equal(ended.stdout, "", args.join(" "));
}

Deno.test("a list of what does not exist ends with exit code 3, and with --json is an empty list", async () => {
  await using work = await makeWorkplace();
  await using fake = await startFakeRegistry();
  await using proxied = serve((path) => path === "/v2/" ? new Response("{}") : page());
  for (
    const [registry, said] of [
      ["oci:box", /^layerstash: cannot list [^\n]*: there is no directory box\/me\/files\n/],
      [
        fake.url,
        /^layerstash: cannot list [^\n]*: there is no repository \S+, or it is not shown to you\nhint: check its name/,
      ],
      [
        proxied.url,
        /^layerstash: cannot list [^\n]*: there is no repository \S+, or it is not shown to you\nhint: check its name/,
      ],
    ] as const
  ) {
    for (const list of LISTS) {
      const args = [...list, "--registry", registry, "-r", "me/files"];
      await fails(work, args, 3, said);
      const json = await work.run([...args, "--json"]);
      assert.deepEqual([json.code, json.stdout], [3, "[]\n"], json.stderr);
    }
  }
  await fails(work, ["repos", "--registry", "oci:box"], 3, /: there is no directory box\n/);
});

Deno.test("a list of a repository without anything of this kind is empty, and no error", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  const where = ["--registry", "oci:box", "-r", "me/files"];
  await work.run(["upload", ...where, "-t", "disk", "-i", "disk.img"]);
  await work.run(["remove", ...where, "-t", "disk"]);
  for (const list of LISTS) {
    assert.equal((await work.run([...list, ...where])).code, 0);
    assert.equal((await work.run([...list, ...where, "--json"])).stdout, "[]\n");
  }
  await Deno.mkdir(work.path("empty"));
  assert.equal((await work.run(["repos", "--registry", "oci:empty"])).code, 0);
});

Deno.test("a web server that finds nothing is not a registry", async () => {
  await using work = await makeWorkplace();
  await work.write("disk.img", "bytes!");
  await using pages = serve(page);
  await using texts = serve(() => new Response("not found", { status: 404 }));
  await using api = serve(() => Response.json({ message: "object not found" }, { status: 404 }));
  for (const { url } of [pages, texts, api]) {
    const to = ["--registry", url, "-r", "me/files"];
    for (
      const args of [
        ...LISTS.map((list) => [...list, ...to]),
        ["repos", "--registry", url],
        ["upload", ...to, "-t", "disk", "-i", "disk.img"],
        ["download", ...to, "-t", "disk", "-o", "copy"],
        ["verify", ...to, "-t", "disk"],
        ["alias", "get", ...to, "disk"],
        ["inspect", `${url}/me/files:disk`],
        ["login", url, "-u", "me", "--token", "secret"],
      ]
    ) {
      await fails(
        work,
        args,
        1,
        /: 127\.0\.0\.1:\d+ is not a registry: it has no \/v2\/\nhint: check the name of the registry\n$/,
      );
    }
  }
});

Deno.test("the web site of Docker Hub is not its registry", async () => {
  await using work = await makeWorkplace();
  for (const name of ["hub.docker.com", "https://hub.docker.com"]) {
    await fails(
      work,
      ["list", "--registry", name, "-r", "me/files"],
      2,
      /"\S*hub\.docker\.com" is a web site, not a registry\nhint: layerstash list --registry docker\.io -r me\/files\n/,
    );
  }
  await fails(
    work,
    ["inspect", "hub.docker.com/library/nginx"],
    2,
    /is a web site, not a registry\nhint: use docker\.io\n/,
  );
});
