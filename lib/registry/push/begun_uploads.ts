/** Uploads that are begun beside other requests, before anybody knows whether they are needed. @module */
import type { CallOptions } from "../../store/store.ts";
import type { RegistryClient } from "../client.ts";
import { beginUpload, type BegunUpload, cancelUpload } from "./upload_session.ts";

interface Beginning {
  /** Whether the bytes will stream. */
  beforeStream: boolean;
  /** The upload; `undefined` = it could not be begun: whoever needs it tries again, and gets the error. */
  begun: Promise<BegunUpload | undefined>;
}

/** The uploads of one repository that wait for their bytes. */
export class BegunUploads {
  readonly #client: RegistryClient;
  readonly #waiting: Set<Beginning> = new Set();

  /** Begins none yet. */
  constructor(client: RegistryClient) {
    this.#client = client;
  }

  /** Begins uploads, of bytes that stream or of a few. Disposing of the result cancels those that nobody has taken. */
  begin(kinds: readonly { beforeStream: boolean }[], { signal, onEvent }: CallOptions): AsyncDisposable {
    const enough = new AbortController();
    const options = { signal: signal ? AbortSignal.any([signal, enough.signal]) : enough.signal, onEvent };
    const beginnings = kinds.map(({ beforeStream }): Beginning => {
      const begun = beginUpload(this.#client, { ...options, beforeStream }).catch(() => undefined);
      return { beforeStream, begun };
    });
    for (const each of beginnings) this.#waiting.add(each);
    const cancel = async (each: Beginning) => {
      const begun = this.#waiting.delete(each) ? await each.begun : undefined;
      if (begun) await cancelUpload(this.#client, begun.location, { signal, onEvent });
    };
    return {
      [Symbol.asyncDispose]: async () => {
        enough.abort();
        await Promise.all(beginnings.map(cancel));
      },
    };
  }

  /** An upload that waits for such bytes; `undefined` = there is none. */
  async take(beforeStream: boolean): Promise<BegunUpload | undefined> {
    const found = this.#waiting.values().find((each) => each.beforeStream === beforeStream);
    if (found) this.#waiting.delete(found);
    return await found?.begun;
  }
}
