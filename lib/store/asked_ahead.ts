/** A store of which one manifest is asked for before anybody needs it: beside other requests that saves a round trip. @module */
import type { Manifest } from "../oci/manifest.ts";
import { withCalls } from "./replaced_calls.ts";
import type { CallOptions, StoreReader } from "./store.ts";

/** A store whose answer for one tag is on its way. Disposing of it ends the request. */
export interface AskedAhead extends AsyncDisposable {
  /** Gives that answer to whoever asks for the tag, and asks for everything else as usual. */
  reader: StoreReader;
}

/** Asks for the manifest of a tag. What it says is as old as the request. */
export function askAhead(
  store: StoreReader,
  tag: string,
  { signal, ...options }: CallOptions,
): AskedAhead {
  const enough = new AbortController();
  const both = signal ? AbortSignal.any([signal, enough.signal]) : enough.signal;
  const answer: Promise<Manifest | undefined> = store.manifest(tag, { ...options, signal: both });
  const settled = answer.then(() => {}, () => {}); // whoever needs the answer gets its error
  const reader = withCalls(store, {
    manifest: (reference, each) => reference === tag ? answer : store.manifest(reference, each),
    resolve: async (reference, each) =>
      reference === tag ? (await answer)?.digest : await store.resolve(reference, each),
  });
  return {
    reader,
    async [Symbol.asyncDispose]() {
      enough.abort();
      await settled;
    },
  };
}
