/** What the pages show of one thing, and where they lead: platforms, encrypted files, links. @module */
import assert from "node:assert/strict";
import { Identities } from "../lib/exports/encryption.ts";
import { openServed, serveHandler } from "../lib/exports/serve.ts";
import { type ShownThings, storeShownThings } from "./rigs/shown_things.ts";

/** A server of the things, without a network. */
async function withThings(keys?: (things: ShownThings) => Promise<Identities>) {
  const things = await storeShownThings();
  const repositories = openServed([things.address]);
  const handler = serveHandler(repositories, { identities: await keys?.(things) });
  const ask = (path: string, accept = "text/html", method = "GET") =>
    handler(
      new Request(`http://localhost${path}`, {
        method,
        headers: { accept, ...(method !== "GET" && { depth: "1" }) },
      }),
    );
  return {
    ask,
    page: async (path: string) => await (await ask(path)).text(),
    [Symbol.asyncDispose]: () => (repositories[Symbol.dispose](), things[Symbol.asyncDispose]()),
  };
}

/** The links of a page that have a class, and their texts. */
function linksOf(page: string, part: RegExp): [href: string, text: string][] {
  const [text = assert.fail(`${part} is not in ${page}`)] = part.exec(page) ?? [];
  return Array.from(text.matchAll(/href="([^"]*)"[^>]*>([^<]*)</g), ([, href, text]) => [href!, text!]);
}

Deno.test("each platform of an index can be chosen, and its files and commands are its own", async () => {
  await using made = await withThings();
  const page = await made.page("/files/me/app/1.2/");
  const platforms = linksOf(page, /<nav class="platforms"[^]*?<\/nav>/);
  assert.deepEqual(platforms, [
    ["/files/me/app/1.2%40linux-amd64/", "linux/amd64"],
    ["/files/me/app/1.2%40linux-arm64-v8/", "linux/arm64/v8"],
    ["/files/me/app/1.2%40windows-amd64/", "windows/amd64"],
  ]);
  for (const [href, platform] of platforms) {
    const own = await made.page(href);
    assert.match(
      own,
      new RegExp(`href="${href}" aria-current="true">${platform}<`),
      "it is the one that is shown",
    );
    assert.match(own, new RegExp(`layerstash extract localhost/me/app:1.2 --platform ${platform} -o \\.`));
    assert.match(own, new RegExp(`docker pull --platform ${platform} localhost/me/app:1.2<`));
    assert.ok(
      linksOf(own, /<div id="rows"[^]*?<\/div>\s*<\/section>/).every(([each]) => each.startsWith(href)),
    );
    const machine = await (await made.ask(`${href}etc/machine`, "*/*")).text();
    assert.equal(machine.replaceAll(" ", "/").replace(/\/10\..*/, ""), platform);
  }
  assert.match(
    page,
    /"\/files\/me\/app\/1\.2%40linux-a\w+\/" aria-current="true"/,
    "the usual one comes first",
  );
  for (const name of ["1.2@linux-s390x", "1.2@nonsense", "1.2@", "for-linux-arm64@linux-arm64"]) {
    assert.equal((await made.ask(`/files/me/app/${name}/`)).status, 404, name);
  }
});

Deno.test("what is encrypted is marked, and its page says how to read it with the key", async () => {
  await using made = await withThings();
  const list = await made.page("/files/me/backups/");
  assert.match(list, /<li class="row file encrypted">[^]*?badge locked">encrypted</);
  assert.doesNotMatch(list, /Download monday/);
  const answer = await made.ask("/files/me/backups/monday?view");
  assert.equal(answer.status, 403);
  const page = await answer.text();
  assert.match(page, /layerstash download localhost\/me\/backups:monday --identity KEYFILE/);
  assert.match(page, /layerstash serve localhost\/me\/backups --listen 127\.0\.0\.1:5001 --identity KEYFILE/);
  assert.match(
    await made.page("/files/me/backups/photos/"),
    /layerstash download localhost\/me\/backups:photos --identity/,
  );
  const rows = await made.ask("/files/me/backups/photos/?rows", "*/*");
  assert.match(await rows.text(), /^<p class="locked">It is encrypted/, "the tree says it in place");
  const bare = await made.ask("/files/me/backups/monday", "*/*");
  const said = "monday is encrypted, and this server has no key for it; with the key: " +
    "layerstash download localhost/me/backups:monday --identity KEYFILE (or --passphrase)\n";
  assert.deepEqual([bare.status, await bare.text()], [403, said]);
  const mounted = await made.ask("/dav/me/backups/monday", "*/*", "PROPFIND");
  assert.deepEqual([mounted.status, await mounted.text()], [403, said]);
  assert.doesNotMatch(
    await (await made.ask("/dav/me/backups/", "*/*", "PROPFIND")).text(),
    /monday|photos/,
    "a file manager shows nothing that it cannot read",
  );
  for (const each of [list, await made.page("/")]) assert.match(each, /no key for .* WebDAV leaves it out/);
});

Deno.test("where the server has the key, what is encrypted is read as any other file, and still marked", async () => {
  await using made = await withThings(async ({ key }) => await Identities.inFiles([key]));
  const list = await made.page("/files/me/backups/");
  assert.match(list, /badge locked">encrypted<[^]*?700 KB[^]*?Download monday/);
  assert.match(list, /<li class="row directory encrypted">[^]*?badge locked">encrypted folder</);
  assert.doesNotMatch(list, /WebDAV/);
  assert.match(await (await made.ask("/dav/me/backups/", "*/*", "PROPFIND")).text(), /monday[^]*photos/);
  assert.match(await made.page("/files/me/backups/photos/?q=lake"), /1 found[^]*Download lake\.svg/);
  assert.match(await (await made.ask("/files/me/backups/photos/lake.svg", "*/*")).text(), /^<svg /);
  const page = await made.page("/files/me/backups/monday?view");
  assert.match(page, /badge locked">encrypted</);
  assert.match(page, /layerstash download localhost\/me\/backups:monday --identity KEYFILE/);
});

Deno.test("a link leads to what it leads to, and only what is a file has a button to download it", async () => {
  await using made = await withThings();
  const page = await made.page("/files/me/files/site/");
  const base = "/files/me/files/site/";
  assert.deepEqual(linksOf(page, /<ul class="rows">[^]*?<\/ul>/), [
    [`${base}docs/`, "docs"],
    [`${base}photos/`, "photos"],
    [`${base}README.md?view`, "README.md"],
    [`${base}README.md`, "Download"],
    [`${base}cover?view`, "cover"],
    [`${base}cover`, "Download"],
    [`${base}page.html?view`, "page.html"],
    [`${base}page.html`, "Download"],
    [`${base}pictures/`, "pictures"],
  ]);
  assert.match(page, /<span class="name">lost<\/span>/, "a broken link leads nowhere");
  assert.match(await made.page(`${base}pictures/`), /lake\.svg/);
  const srv = await made.page("/files/me/app/1.2/srv/");
  assert.match(srv, /<span class="name">pipe<\/span>[^]*?>fifo</);
});
