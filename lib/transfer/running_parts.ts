/** The parts that are being fetched: at the end, slow ones are shared with connections that have nothing to do. @module */
import type { ByteRange } from "../content/source.ts";

/** The fewest bytes that are worth a request of their own. It is as many as one read brings, which is under way. */
const LEAST = 1024 * 1024;
/** How long a part has to go on at its rate to be shared, in milliseconds: several round trips, also of a long line. */
const LONG = 1000;

/** A part that is being fetched. */
export interface RunningPart<Owner> extends Disposable {
  readonly owner: Owner;
  /** Its range, whose end comes closer when another connection takes the rest. */
  readonly range: ByteRange;
  /** The offset up to which bytes have arrived. */
  position: number;
}

/** The parts that are being fetched, whoever owns them. */
export class RunningParts<Owner> {
  readonly #running: Map<RunningPart<Owner>, number> = new Map();
  readonly #now: () => number;

  /** @param now milliseconds that only ever grow */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Begins a part. It is over when it is disposed of. */
  begin(owner: Owner, range: ByteRange): RunningPart<Owner> {
    const end = () => void this.#running.delete(part);
    const part = { owner, range, position: range.start, [Symbol.dispose]: end };
    this.#running.set(part, this.#now());
    return part;
  }

  /** Takes the second half of what is left of the part that would take longest; `undefined` = none takes long. */
  share(): { owner: Owner; range: ByteRange } | undefined {
    const left = ({ position, range }: RunningPart<Owner>) => range.end - position;
    let slowest: RunningPart<Owner> | undefined;
    let longest = LONG;
    for (const [part, began] of this.#running) {
      const passed = this.#now() - began;
      const time = passed < LONG ? 0 : left(part) * passed / (part.position - part.range.start);
      if (left(part) < 2 * LEAST || time < longest) continue;
      [slowest, longest] = [part, time];
    }
    if (!slowest) return undefined;
    const { range, owner } = slowest;
    const middle = range.end - Math.floor(left(slowest) / 2);
    const second = { start: middle, end: range.end };
    range.end = middle;
    return { owner, range: second };
  }
}
