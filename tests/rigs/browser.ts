/** Drives a real Chromium by its DevTools protocol. @module */
import assert from "node:assert/strict";
import { ensureTool } from "./debian.ts";

/** Whether a browser can be run here. */
export const HAS_BROWSER = await ensureTool("chromium", "chromium");

/** What a page did. */
export interface PageLog {
  /** Requests: address, and the range that was asked for. */
  requests: { url: string; range: string | undefined }[];
  /** Errors: of scripts, of the content policy, and of requests. */
  errors: string[];
}

interface Message {
  id?: number;
  method?: string;
  params?: Record<string, never>;
  result?: Record<string, never>;
  error?: { message: string };
}

/** One page of a browser without a window. */
export class BrowserPage implements AsyncDisposable {
  /** What the page did since it was opened. */
  readonly log: PageLog = { requests: [], errors: [] };
  readonly #process: Deno.ChildProcess;
  readonly #directory: string;
  readonly #socket: WebSocket;
  readonly #calls = new Map<number, (message: Message) => void>();
  #loaded = Promise.withResolvers<void>();
  #last = 0;

  private constructor(process: Deno.ChildProcess, directory: string, socket: WebSocket) {
    this.#process = process;
    this.#directory = directory;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
  }

  /** Starts a browser with a window of this width. */
  static async open({ width = 1280, height = 900, dark = false } = {}): Promise<BrowserPage> {
    const directory = await Deno.makeTempDir({ prefix: "layerstash-browser-" });
    const process = new Deno.Command("chromium", {
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        `--user-data-dir=${directory}`,
        "--remote-debugging-port=0",
        "about:blank",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const port = await portOf(process.stderr);
    const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
    const { webSocketDebuggerUrl } = targets.find(({ type }: { type: string }) => type === "page");
    const socket = new WebSocket(webSocketDebuggerUrl);
    await new Promise((resolve) => socket.onopen = resolve);
    const page = new BrowserPage(process, directory, socket);
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await page.call(`${domain}.enable`);
    await page.call("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
    const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
    await page.call("Emulation.setEmulatedMedia", { features });
    return page;
  }

  /** Calls a method of the protocol. */
  async call(method: string, params: Record<string, unknown> = {}): Promise<Record<string, never>> {
    const id = ++this.#last;
    const { promise, resolve } = Promise.withResolvers<Message>();
    this.#calls.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await promise;
    assert.equal(error, undefined, `${method}: ${error?.message}`);
    return result!;
  }

  /** Goes to a page, and waits until it and its script are there. */
  async goTo(url: string): Promise<void> {
    this.#loaded = Promise.withResolvers();
    await this.call("Page.navigate", { url });
    await this.#loaded.promise;
  }

  /** Waits until the page that a click leads to is there. */
  async follow(click: () => Promise<void>): Promise<void> {
    this.#loaded = Promise.withResolvers();
    await click();
    await this.#loaded.promise;
  }

  /** Evaluates an expression in the page, and gives its value; a promise is awaited. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    }) as unknown as { result: { value: T }; exceptionDetails?: { text: string } };
    assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
    return result.value;
  }

  /** Waits until an expression is true in the page. */
  async until(expression: string): Promise<void> {
    const look = `new Promise((resolve) => {
      const look = () => (${expression}) ? resolve(true) : requestAnimationFrame(look);
      look();
      setTimeout(() => resolve(false), 10000);
    })`;
    assert.ok(await this.evaluate(look), `it never came true: ${expression}`);
  }

  /** Types a text, or presses a key such as `Tab`. */
  async press(key: string): Promise<void> {
    const text = key === "Enter" ? "\r" : key.length === 1 ? key : undefined;
    const codes: Record<string, number> = {
      Tab: 9,
      Enter: 13,
      ArrowLeft: 37,
      ArrowUp: 38,
      ArrowRight: 39,
      ArrowDown: 40,
    };
    const common = { key, code: key, windowsVirtualKeyCode: codes[key] ?? 0, ...(text && { text }) };
    await this.call("Input.dispatchKeyEvent", { type: "keyDown", ...common });
    await this.call("Input.dispatchKeyEvent", { type: "keyUp", ...common });
  }

  /** A picture of the whole page, as PNG. */
  async picture(): Promise<Uint8Array<ArrayBuffer>> {
    const { cssContentSize } = await this.call("Page.getLayoutMetrics") as unknown as {
      cssContentSize: { width: number; height: number };
    };
    const clip = { x: 0, y: 0, ...cssContentSize, scale: 1 };
    const { data } = await this.call("Page.captureScreenshot", {
      captureBeyondViewport: true,
      clip,
    }) as unknown as {
      data: string;
    };
    return Uint8Array.fromBase64(data);
  }

  #take(message: Message): void {
    if (message.id !== undefined) return this.#calls.get(message.id)?.(message);
    // deno-lint-ignore no-explicit-any -- events of a protocol that has no types here
    const params = message.params as any;
    switch (message.method) {
      case "Page.loadEventFired":
        return this.#loaded.resolve();
      case "Network.requestWillBeSent": {
        const { url, headers } = params.request;
        return void this.log.requests.push({ url, range: headers.Range });
      }
      case "Runtime.exceptionThrown":
        return void this.log.errors.push(params.exceptionDetails.text);
      case "Log.entryAdded":
        if (params.entry.level === "error") {
          this.log.errors.push(`${params.entry.text} ${params.entry.url ?? ""}`);
        }
        return;
      case "Page.javascriptDialogOpening":
        this.log.errors.push(`a script ran: ${params.message}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    await this.call("Browser.close");
    await Promise.all([closed, this.#process.status]);
    await Deno.remove(this.#directory, { recursive: true });
  }
}

async function portOf(stderr: ReadableStream<Uint8Array>): Promise<number> {
  let text = "";
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  (async () => {
    for await (const piece of stderr) {
      text += new TextDecoder().decode(piece);
      const [, port] = /listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(text) ?? [];
      if (port) resolve(Number(port));
    }
    reject(new Error(`chromium ended: ${text}`));
  })();
  return await promise;
}
