/** Reads what a process prints, line by line. @module */

/** The lines of a stream, as they come. */
export async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** Keeps the lines of a stream, and waits for one. */
export class LineReader {
  /** The lines so far. */
  readonly lines: string[] = [];
  #changed = Promise.withResolvers<void>();
  #ended = false;

  /** Reads the stream to its end. */
  async read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const line of linesOf(stream)) {
      this.lines.push(line);
      this.#wake();
    }
    this.#ended = true;
    this.#wake();
  }

  /** The first line that fits; `undefined` when the stream ends without it. */
  async find(fits: (line: string) => boolean): Promise<string | undefined> {
    let found = this.lines.find(fits);
    while (found === undefined && !this.#ended) {
      await this.#changed.promise;
      found = this.lines.find(fits);
    }
    return found;
  }

  #wake(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
}
