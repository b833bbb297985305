/** What tests of uploads share: a file, its chunks, and what came of it in a registry. @module */
import { download, openStore, type Store } from "../../main.ts";
import { sink, someBytes } from "./content.ts";
import type { FakeRegistry } from "./fake_registry.ts";

/** The size of a chunk, in bytes. */
export const CHUNK = 1000;
/** A file of five chunks. */
export const FIVE: Uint8Array<ArrayBuffer> = someBytes(5 * CHUNK - 3);

/** Opens the repository `me/files` of a fake registry. */
export const openFake = ({ url }: FakeRegistry): Store =>
  openStore({ registry: url, repository: "me/files" });

/** What the stash holds, by way of a stream. */
export async function stored(store: Store, baseTag: string): Promise<Uint8Array> {
  const output = sink();
  await download(store, baseTag, { output: output.stream });
  return output.bytes();
}

/** The requests that change something, without their repository. */
export function changes({ requests }: FakeRegistry): string[] {
  return requests.filter(({ method }) => method !== "GET" && method !== "HEAD")
    .map(({ method, path }) => `${method} ${path.replace("/v2/me/files/", "")}`);
}

/** The tags that were put, in order. */
export const tagged = (registry: FakeRegistry): string[] =>
  changes(registry).filter((line) => /^PUT manifests\/(?!sha)/.test(line)).map((line) => line.slice(14));
