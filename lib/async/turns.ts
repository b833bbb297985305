/** Turns of tasks that have begun: where fewer may run than have begun, some wait between two steps. @module */
import { abortable } from "./abortable.ts";

/** The turn of one task. */
export interface Turn {
  /** Waits until it is among the first in the line: as many as may run. */
  wait(): Promise<void>;
  /** Goes to the end of the line, and waits there: for a task that failed, and is to try again. */
  giveWay(): Promise<void>;
}

/** A line of tasks that have begun. Those at its head may run. */
export class Turns {
  readonly #line: Set<symbol> = new Set();
  readonly #most: () => number;
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();

  /** @param most how many may run at the moment */
  constructor(most: () => number) {
    this.#most = most;
  }

  /** Puts a task at the end of the line until it is disposed of. The signal ends its waits. */
  begin(signal: AbortSignal): Turn & Disposable {
    const task = Symbol();
    this.#line.add(task);
    const wait = async () => {
      while ([...this.#line].indexOf(task) >= this.#most()) await abortable(this.#changed.promise, signal);
    };
    const leave = () => {
      this.#line.delete(task);
      this.change();
    };
    const giveWay = async () => {
      leave();
      this.#line.add(task);
      await wait();
    };
    return { wait, giveWay, [Symbol.dispose]: leave };
  }

  /** Lets those who wait look again: more may run, or a task has left the line. */
  change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
