/**
 * The pages of the server, as they look on a wide screen and on phones, in light and dark colours. The pictures are kept in
 * `tests/pictures` for whoever wants to look at them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { BrowserPage, HAS_BROWSER } from "./rigs/browser.ts";
import { startServer } from "./rigs/served.ts";
import { storeShownThings } from "./rigs/shown_things.ts";

/** Where the pictures are kept. Git ignores it. */
const PICTURES = new URL("./pictures/", import.meta.url);

/** The pages by the names of their pictures; some are pictured after something was done on them. */
const PAGES: Readonly<Record<string, readonly [path: string, act?: (page: BrowserPage) => Promise<void>]>> = {
  overview: ["/"],
  repository: ["/files/me/backups/"],
  stash: ["/files/me/files/disk.iso?view"],
  video: ["/files/me/files/film.webm?view"],
  tree: ["/files/me/files/site/", openTree],
  search: ["/files/me/files/site/?q=lake"],
  image: ["/files/me/app/1.2/?layer=2"],
  text: ["/files/me/files/site/README.md?view"],
  picture: ["/files/me/files/site/photos/lake.svg?view"],
  locked: ["/files/me/backups/monday?view"],
  missing: ["/files/me/files/none"],
  incomplete: ["/files/me/backups/cut?view"],
};

async function openTree(page: BrowserPage): Promise<void> {
  await page.until(`document.querySelector(".opener")`);
  for (let open = 1; open <= 2; open++) {
    await page.evaluate(`document.querySelectorAll(".opener[aria-expanded=false]")[0].click()`);
    await page.until(`document.querySelectorAll(".below .name").length > 0`);
  }
  await page.until(`document.querySelectorAll(".opener[aria-expanded=true]").length === 2`);
}

/** What of a page is wider than its window. */
const TOO_WIDE = `[...document.querySelectorAll("body *")].filter((each) =>
  each.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && getComputedStyle(each).position !== "absolute" &&
  !each.closest("pre, .changes, .visually-hidden")).map((each) => each.outerHTML.slice(0, 90))`;

for (const width of [1280, 400, 320]) {
  for (const scheme of ["light", "dark"]) {
    Deno.test({
      name: `all pages are pictured at ${width} pixels, ${scheme}, and nothing is too wide`,
      ignore: !HAS_BROWSER,
      sanitizeOps: false, // the sockets of the browser outlive what the sanitizers look at
      sanitizeResources: false,
      async fn() {
        await using things = await storeShownThings();
        await using server = await startServer([things.address]);
        await using page = await BrowserPage.open({ width, dark: scheme === "dark" });
        await Deno.mkdir(PICTURES, { recursive: true });
        for (const [name, [path, act]] of Object.entries(PAGES)) {
          await page.goTo(server.url + path);
          await page.until(`document.documentElement.classList.contains("ready")`);
          await act?.(page);
          assert.deepEqual(await page.evaluate(TOO_WIDE), [], path);
          const picture = await page.picture();
          assert.ok(picture.length > 5000, `${name} is empty`);
          await Deno.writeFile(new URL(`${name}-${width}-${scheme}.png`, PICTURES), picture);
        }
        const refused = page.log.errors.filter((error) => !/status of (403|404)/.test(error));
        assert.deepEqual(refused, []);
        const elsewhere = page.log.requests.filter(({ url }) =>
          !url.startsWith(server.url) && !url.startsWith("data:")
        );
        assert.deepEqual(elsewhere, [], "a data: URL is a picture of the browser's own player");
        // deno-lint-ignore no-console -- whoever runs the tests may want to look at them
        console.log(`pictures of the pages are in ${PICTURES.pathname}`);
      },
    });
  }
}
