/** Threads that answer: each order gets one answer, and the answers come in the order of the orders. @module */
import { LayerstashError } from "../errors.ts";
import { onThreadEnd, type ThreadName } from "./thread_end.ts";
import { errorOfFailure, type ThreadFailure } from "./thread_failure.ts";

/** A thread that answers. Disposing of it ends it: orders without an answer fail. */
export class AnsweringThread<Order, Answer extends object> implements Disposable {
  readonly #worker: Worker;
  readonly #name: ThreadName;
  readonly #awaited: PromiseWithResolvers<Answer>[] = [];
  /** Why it answers no more. */
  #failure: LayerstashError | undefined;

  /** @param worker a thread whose messages are answers and failures only */
  constructor(worker: Worker, name: ThreadName) {
    [this.#worker, this.#name] = [worker, name];
    worker.onmessage = ({ data }: MessageEvent<Answer | ThreadFailure>) => {
      const awaited = this.#awaited.shift();
      if (isFailure(data)) awaited?.reject(errorOfFailure(data));
      else awaited?.resolve(data);
    };
    onThreadEnd(worker, name, (error) => this.#failAll(error));
  }

  /** Whether it answers no more. */
  get hasEnded(): boolean {
    return this.#failure !== undefined;
  }

  /** How many orders have no answer yet. */
  get load(): number {
    return this.#awaited.length;
  }

  /**
   * Gives it an order.
   *
   * @param given buffers that belong to the thread then
   */
  run(order: Order, given: ArrayBuffer[] = []): Promise<Answer> {
    const answer = Promise.withResolvers<Answer>();
    answer.promise.catch(() => {}); // who waits for an earlier one, which fails, does not come to this one
    if (this.#failure) answer.reject(this.#failure);
    else {
      this.#awaited.push(answer);
      this.#worker.postMessage(order, given);
    }
    return answer.promise;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
    this.#failAll(new LayerstashError(`the ${this.#name.work} thread was stopped`));
  }

  #failAll(error: LayerstashError): void {
    this.#failure = error;
    for (const answer of this.#awaited.splice(0)) answer.reject(error);
  }
}

function isFailure(data: object): data is ThreadFailure {
  return "type" in data && data.type === "failed";
}

/**
 * The thread that has the least to do: an idle one, or else a new one, as long as there are fewer than `most`. New ones take the
 * place of those that have ended.
 */
export function leastBusy<T extends { readonly load: number; readonly hasEnded: boolean }>(
  threads: T[],
  { most, start }: { most: number; start: () => T },
): T {
  const ended = threads.findIndex(({ hasEnded }) => hasEnded);
  if (ended >= 0) return threads[ended] = start();
  const idle = threads.find(({ load }) => load === 0);
  if (idle) return idle;
  if (threads.length < most) threads.push(start());
  return threads.reduce((least, each) => each.load < least.load ? each : least);
}
