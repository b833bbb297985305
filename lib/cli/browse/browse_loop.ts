/** Runs `browse`: keys and results of tasks change the state, each state is drawn, and its effects are carried out. @module */
import { LayerstashError } from "../../errors.ts";
import type { TransferEvent } from "../../events.ts";
import { InterruptedError } from "../exit_codes.ts";
import { formatSize } from "../text/sizes.ts";
import { advanceBrowser, type Browser, type BrowserEvent, type Effect, startBrowser } from "./browser.ts";
import { renderFrame } from "./frame.ts";
import type { FullScreen } from "./full_screen.ts";
import type { ScreenLog } from "./screen_log.ts";
import type { Task } from "./screens.ts";
import type { TaskRunner } from "./tasks.ts";

/** What the loop works with. */
export interface BrowseLoopOptions {
  screen: FullScreen;
  tasks: TaskRunner;
  log: ScreenLog;
  /** The image to begin with; `undefined` = the user is asked. */
  image: string | undefined;
  /** Ends the loop. */
  signal: AbortSignal;
}

/** The state of `browse`, from the first drawing to the end. */
export class BrowseLoop {
  readonly #options: BrowseLoopOptions;
  #browser: Browser;
  #work: AbortController | undefined;
  #fetched = 0;
  #notice = "";
  readonly #ended = Promise.withResolvers<void>();

  /** @param options the screen, and what carries out tasks */
  constructor(options: BrowseLoopOptions) {
    this.#options = options;
    this.#browser = startBrowser(options.screen.size, options.image ?? "");
  }

  /**
   * Runs until the user quits.
   *
   * @throws {InterruptedError} if it was interrupted
   */
  async run(): Promise<void> {
    const { signal, image } = this.#options;
    const interrupted = () => this.#ended.reject(signal.reason);
    signal.addEventListener("abort", interrupted);
    if (signal.aborted) interrupted();
    this.#draw();
    if (image !== undefined) this.dispatch({ type: "key", key: "enter" });
    this.#listen();
    try {
      await this.#ended.promise;
    } finally {
      signal.removeEventListener("abort", interrupted);
      this.#work?.abort();
    }
  }

  /** Changes the state by an event, and carries out the effect. */
  dispatch(event: BrowserEvent): void {
    try {
      const { browser, effect } = advanceBrowser(this.#browser, event);
      this.#browser = browser;
      if (effect) this.#perform(effect);
      this.#draw();
    } catch (error) {
      this.#ended.reject(error);
    }
  }

  /** Redraws after the terminal has changed its size. */
  resize(): void {
    this.dispatch({ type: "resized", size: this.#options.screen.size });
  }

  async #listen(): Promise<void> {
    for await (const key of this.#options.screen.keys()) this.dispatch({ type: "key", key });
    this.#ended.resolve(); // the terminal is gone
  }

  #draw(): void {
    const { lines, record } = renderFrame(this.#browser);
    this.#options.screen.draw(lines);
    if (this.#browser.busy === undefined) this.#options.log.show(record);
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "quit":
        return this.#ended.resolve();
      case "interrupt":
        return this.#ended.reject(new InterruptedError());
      case "cancel":
        return this.#work?.abort(new LayerstashError("stopped"));
      case "task":
        void this.#run(effect.task);
    }
  }

  async #run(task: Task): Promise<void> {
    const work = this.#work = new AbortController();
    [this.#fetched, this.#notice] = [0, ""];
    const onEvent = (event: TransferEvent) => this.#show(event);
    try {
      const done = await this.#options.tasks.run(task, { onEvent, signal: work.signal });
      const note = "note" in done ? [done.note, this.#notice].filter((part) => part !== "").join("; ") : "";
      this.dispatch("note" in done ? { ...done, note } : done);
    } catch (error) {
      this.dispatch({ type: "noted", note: messageWithHint(error) });
    }
  }

  /** Shows progress and retries at once, and keeps a notice to show it with the result. */
  #show(event: TransferEvent): void {
    if (event.type === "notice") this.#notice = event.message;
    else if (event.type === "retry") this.#progress(`${event.reason}; trying again: ${event.what}`);
    else if (event.type === "progress") {
      const before = formatSize(this.#fetched);
      const now = formatSize(this.#fetched += event.bytes);
      if (now !== before) this.#progress(`reading: ${now}`);
    }
  }

  #progress(text: string): void {
    if (this.#browser.busy !== text) this.dispatch({ type: "progressed", text });
  }
}

/** The error and its hint in one line. */
function messageWithHint(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof LayerstashError && error.hint ? ` (${error.hint})` : "";
  return message + hint;
}
