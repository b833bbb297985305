/** The pages of the server in a real Chromium. @module */
import assert from "node:assert/strict";
import { uploadFolder } from "../lib/exports/folders.ts";
import { openStore, upload } from "../main.ts";
import { BrowserPage, HAS_BROWSER } from "./rigs/browser.ts";
import { makeWorkspace, someBytes, streamOf } from "./rigs/content.ts";
import { ensureTool } from "./rigs/debian.ts";
import { startServer } from "./rigs/served.ts";

const EVIL = `"'><img src=x onerror=alert(1)><script>alert(2)<!-- &amp;.txt`;

/** A server with a stored file, and a folder with hostile names. */
async function withServer() {
  const directory = await makeWorkspace();
  const store = openStore({ registry: `oci:${directory.path("box")}`, repository: "me/files" });
  await upload(store, "disk", { input: streamOf(someBytes(3000)), chunkSize: 1000 });
  await Deno.mkdir(directory.path("site/docs/deep"), { recursive: true });
  await Deno.writeTextFile(directory.path("site/docs/deep/treasure.txt"), "gold");
  await Deno.writeTextFile(directory.path(`site/docs/${EVIL}`), "<script>alert(3)</script>");
  await Deno.writeTextFile(
    directory.path("site/page.html"),
    "<script>alert(4)</script><img src=x onerror=alert(5)>",
  );
  await uploadFolder(store, "site", { directory: directory.path("site") });
  store.close();
  const server = await startServer([`oci:${directory.path("box")}`]);
  return {
    origin: server.url,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function requireQuiet({ log }: BrowserPage, origin: string): void {
  assert.deepEqual(log.errors, []);
  assert.deepEqual(log.requests.filter(({ url }) => !url.startsWith(origin)), [], "requests elsewhere");
}

const NAMES =
  `[...document.querySelectorAll("#rows .what")].map((each) => each.innerText.replace("▶", "").trim())`;

/** Declares a test that needs a browser. Its own sockets outlive what the sanitizers look at. */
function testInBrowser(name: string, fn: () => Promise<void>, canRun = HAS_BROWSER): void {
  Deno.test({ name, ignore: !canRun, fn, sanitizeOps: false, sanitizeResources: false });
}

testInBrowser("pages load without an error and without a request elsewhere, and fit a phone", async () => {
  await using served = await withServer();
  for (const width of [1280, 400]) {
    await using page = await BrowserPage.open({ width });
    for (
      const path of [
        "/",
        "/files/me/files/",
        "/files/me/files/site/",
        "/files/me/files/site/?layer=1",
        "/files/me/files/disk?view",
      ]
    ) {
      await page.goTo(served.origin + path);
      await page.until(`document.documentElement.classList.contains("ready")`);
      const [wide, room] = await page.evaluate<[number, number]>(
        "[document.documentElement.scrollWidth, innerWidth]",
      );
      assert.ok(wide <= room, `${path} is ${wide} wide at ${room}`);
    }
    requireQuiet(page, served.origin);
  }
});

testInBrowser("the tree opens in place, and the search finds while one types", async () => {
  await using served = await withServer();
  await using page = await BrowserPage.open();
  await page.goTo(`${served.origin}/files/me/files/site/`);
  await page.until(`document.querySelector(".opener")`);
  await page.evaluate(`document.querySelector(".opener").click()`);
  await page.until(`document.querySelector(".below .opener")`);
  await page.evaluate(`document.querySelector(".below .opener").click()`);
  await page.until(`document.querySelector(".below .below .name")`);
  assert.deepEqual(await page.evaluate(NAMES), ["docs", "deep", "treasure.txt", EVIL, "page.html"]);
  await page.evaluate(`document.querySelector("#q").focus()`);
  await page.call("Input.insertText", { text: "TREAS" });
  await page.until(`document.querySelector("#rows .count")`);
  assert.deepEqual(await page.evaluate(NAMES), ["treasure.txt\ndocs/deep"]);
  requireQuiet(page, served.origin);
});

testInBrowser("the keyboard alone opens the tree, finds and shows a file", async () => {
  await using served = await withServer();
  await using page = await BrowserPage.open();
  await page.goTo(`${served.origin}/files/me/files/site/`);
  await page.until(`document.querySelector(".opener")`);
  const focused = () => page.evaluate<string>(`document.activeElement.textContent.trim()`);
  const seen: string[] = [];
  while (seen.at(-1) !== "docs" && seen.length < 20) {
    await page.press("Tab");
    seen.push(await focused());
  }
  assert.equal(seen[0], "Skip to the content");
  assert.equal(seen.at(-1), "docs", seen.join());
  await page.press("ArrowRight");
  await page.until(`document.querySelector(".below .name")`);
  await page.press("ArrowDown");
  assert.equal(await focused(), "deep");
  await page.press("ArrowLeft");
  assert.equal(await focused(), "docs");
  await page.press("ArrowLeft");
  assert.equal(await page.evaluate(`document.querySelector(".below").hidden`), true);
  await page.press("ArrowDown");
  assert.equal(await focused(), "page.html");
  await page.follow(() => page.press("Enter"));
  assert.equal(await page.evaluate("document.title"), "page.html - layerstash");
  requireQuiet(page, served.origin);
});

testInBrowser("no name and no file that is stored runs a script", async () => {
  await using served = await withServer();
  await using page = await BrowserPage.open();
  const evil = `/files/me/files/site/docs/${encodeURIComponent(EVIL)}`;
  for (
    const path of [
      "/files/me/files/site/docs/",
      `${evil}?view`,
      "/files/me/files/site/?q=onerror",
      "/files/me/files/site/page.html?view",
    ]
  ) {
    await page.goTo(served.origin + path);
    assert.equal(await page.evaluate(`document.querySelectorAll("main img, main script").length`), 0, path);
  }
  requireQuiet(page, served.origin);
  await page.goTo(`${served.origin}/files/me/files/site/page.html`); // the browser says that it blocks the script
  assert.deepEqual(page.log.errors.filter((error) => error.startsWith("a script ran")), []);
  assert.equal(await page.evaluate("origin"), "null", "it has no right to anything of the server");
});

const HAS_FFMPEG = HAS_BROWSER && await ensureTool("ffmpeg", "ffmpeg");

testInBrowser("a video plays and jumps to its end, by ranges alone", async () => {
  await using directory = await makeWorkspace();
  await filmIn(directory.path("film.webm"));
  const { size } = await Deno.stat(directory.path("film.webm"));
  using store = openStore({ registry: `oci:${directory.path("box")}`, repository: "me/files" });
  await upload(store, "film.webm", { input: directory.path("film.webm"), chunkSize: Math.ceil(size / 5) });
  await using server = await startServer([`oci:${directory.path("box")}`]);
  await using page = await BrowserPage.open();
  // On a fast line the whole film may be there before it jumps.
  const line = { offline: false, latency: 0, downloadThroughput: size / 20, uploadThroughput: -1 };
  await page.call("Network.emulateNetworkConditions", line);
  await page.goTo(`${server.url}/files/me/files/film.webm?view`);
  await page.until(`document.querySelector("video").readyState >= 2`);
  const at = await page.evaluate<number>(`new Promise((resolve) => {
    const video = document.querySelector("video");
    video.onseeked = () => resolve(video.currentTime);
    video.currentTime = 11;
  })`);
  assert.ok(at >= 10.9, `${at} s`);
  const starts = page.log.requests.filter(({ url }) => url.endsWith("/film.webm"))
    .map(({ range = "" }) => Number(/^bytes=(\d+)-/.exec(range)?.[1]));
  assert.ok(Math.max(...starts) > size / 2, `${starts} of ${size}`);
  const { errors, requests } = page.log;
  assert.deepEqual(errors, []);
  assert.deepEqual(requests.filter(({ url }) => !/^(data:|http:\/\/127\.0\.0\.1)/.test(url)), []);
}, HAS_FFMPEG);

/**
 * Makes a film of twelve seconds. Its noise keeps it large, so that a browser does not fetch it whole at once. Its index comes
 * first: a browser would read on to the end for it, and have the whole film before it jumps.
 */
async function filmIn(path: string): Promise<void> {
  const picture = "testsrc=d=12:s=320x240:r=10,noise=alls=60:allf=t";
  const coder = "-c:v libvpx -b:v 3M -deadline realtime -cpu-used 8 -g 20 -cues_to_front 1".split(" ");
  const args = ["-v", "error", "-f", "lavfi", "-i", picture, ...coder, path];
  const { success, stderr } = await new Deno.Command("ffmpeg", { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

testInBrowser("without scripts the pages list, search and download", async () => {
  await using served = await withServer();
  await using page = await BrowserPage.open();
  await page.call("Emulation.setScriptExecutionDisabled", { value: true });
  await page.goTo(`${served.origin}/files/me/files/site/?q=treas`);
  const { root } = await page.call("DOM.getDocument") as unknown as { root: { nodeId: number } };
  const hrefOf = async (selector: string) => {
    const { nodeId } = await page.call("DOM.querySelector", { nodeId: root.nodeId, selector });
    const { attributes } = await page.call("DOM.getAttributes", { nodeId }) as unknown as {
      attributes: string[];
    };
    return attributes[attributes.indexOf("href") + 1]!;
  };
  await page.goTo(served.origin + await hrefOf("#rows a.name"));
  const { root: { nodeId } } = await page.call("DOM.getDocument") as unknown as { root: { nodeId: number } };
  root.nodeId = nodeId;
  const answer = await fetch(served.origin + await hrefOf("a[download]"));
  assert.equal(await answer.text(), "gold");
});
