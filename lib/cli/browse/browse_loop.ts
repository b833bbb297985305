/** One session of `browse`: keys and what comes of wishes change the state, and each state is drawn. @module */
import { LayerstashError } from "../../errors.ts";
import type { TransferEvent } from "../../events.ts";
import { InterruptedError } from "../exit_codes.ts";
import { formatSize } from "../text/sizes.ts";
import { advanceBrowser, type Browser, type BrowserEvent, type Effect, startBrowser } from "./browser.ts";
import { renderFrame } from "./frame.ts";
import type { FullScreen } from "./full_screen.ts";
import type { Task } from "./screens.ts";
import type { ScreenLog } from "./screen_log.ts";
import type { TaskRunner } from "./tasks.ts";

/** What a session is made of. */
export interface BrowseLoopOptions {
  screen: FullScreen;
  tasks: TaskRunner;
  log: ScreenLog;
  /** The image to begin with; absent = it is asked for. */
  image: string | undefined;
  /** Ends the session. */
  signal: AbortSignal;
}

/** Runs from the first drawing to the end. */
export class BrowseLoop {
  readonly #parts: BrowseLoopOptions;
  #browser: Browser;
  #work: AbortController | undefined;
  #fetched = 0;
  #notice = "";
  readonly #ended = Promise.withResolvers<void>();

  /** @param parts the terminal, and who carries wishes out */
  constructor(parts: BrowseLoopOptions) {
    this.#parts = parts;
    this.#browser = startBrowser(parts.screen.size, parts.image ?? "");
  }

  /**
   * Ends when the person wants it.
   *
   * @throws {InterruptedError} when it was interrupted
   */
  async run(): Promise<void> {
    const { signal, image } = this.#parts;
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

  /** Takes what has happened. */
  dispatch(event: BrowserEvent): void {
    try {
      const { browser, effect } = advanceBrowser(this.#browser, event);
      this.#browser = browser;
      if (effect) this.#meet(effect);
      this.#draw();
    } catch (error) {
      this.#ended.reject(error);
    }
  }

  /** The terminal has another size now. */
  resize(): void {
    this.dispatch({ type: "resized", size: this.#parts.screen.size });
  }

  async #listen(): Promise<void> {
    for await (const key of this.#parts.screen.keys()) this.dispatch({ type: "key", key });
    this.#ended.resolve(); // nobody is there any more
  }

  #draw(): void {
    const { lines, chosen, record } = renderFrame(this.#browser);
    this.#parts.screen.draw(lines, chosen);
    if (this.#browser.busy === undefined) this.#parts.log.show(record);
  }

  #meet(effect: Effect): void {
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
    const onEvent = (event: TransferEvent) => this.#tell(event);
    try {
      const done = await this.#parts.tasks.run(task, { onEvent, signal: work.signal });
      const note = "note" in done ? [done.note, this.#notice].filter((part) => part !== "").join("; ") : "";
      this.dispatch("note" in done ? { ...done, note } : done);
    } catch (error) {
      this.dispatch({ type: "noted", note: reasonOf(error) });
    }
  }

  /** Shows that something moves, and keeps what should be known until there is a result. */
  #tell(event: TransferEvent): void {
    if (event.type === "notice") this.#notice = event.message;
    else if (event.type === "retry") this.#progress(`${event.what}: ${event.reason}; trying again`);
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

/** What went wrong, in one line. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof LayerstashError && error.hint ? ` (${error.hint})` : "";
  return message + hint;
}
