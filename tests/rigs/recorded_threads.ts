/** Records which threads are started, and can have them fail. @module */
import { basename } from "node:path";

/** A thread that throws what nobody catches as soon as it gets a message. */
const DYING = `data:application/javascript,self.onmessage = () => { throw new Error("out of order") };`;

/** The threads that were started. It ends with the block. */
export interface RecordedThreads extends Disposable {
  /** The names of their files, in order. */
  readonly started: string[];
}

/** Begins to record. Threads that are `dying` end at their first message, with the error `out of order`. */
export function recordThreads({ dying = false }: { dying?: boolean } = {}): RecordedThreads {
  const real = globalThis.Worker;
  const started: string[] = [];
  globalThis.Worker = class extends real {
    constructor(file: string | URL, options?: WorkerOptions) {
      super(dying ? DYING : file, options);
      started.push(basename(`${file}`));
    }
  };
  return { started, [Symbol.dispose]: () => void (globalThis.Worker = real) };
}
