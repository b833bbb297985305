/** Every kind of store that a stash can be in: a layout directory, which may be served, docker-registry, the fake registry. @module */
import { join, relative } from "node:path";
import { type Digest, digestOf, encodedPart } from "../../lib/oci/digest.ts";
import { type OpenOptions, openStore } from "../../lib/open/open_store.ts";
import type { Store } from "../../lib/store/store.ts";
import { concatenate } from "./content.ts";
import { ensureTool } from "./debian.ts";
import { startFakeRegistry } from "./fake_registry.ts";
import { startRegistry } from "./real_registry.ts";
import { startServer } from "./served.ts";

/** Somewhere to store. */
export interface Place extends AsyncDisposable {
  /** Opens the repository `me/files`. */
  open(options?: Partial<OpenOptions>): Store;
  /** Everything that is stored: digests of contents by name. */
  contents(): Promise<Record<string, string>>;
  /** Puts other bytes in the place of a blob's; `undefined` = takes the blob away. */
  damage(digest: Digest, change: (bytes: Uint8Array) => Uint8Array | undefined): Promise<void>;
}

const KINDS: readonly { kind: string; start(): Promise<Place>; ignore: boolean }[] = [
  { kind: "in a directory", start: makeLayoutPlace, ignore: false },
  {
    kind: "in docker-registry",
    start: makeRealPlace,
    ignore: !await ensureTool("docker-registry", "docker-registry"),
  },
  { kind: "in a directory that is served", start: makeServedPlace, ignore: false },
  { kind: "in the fake registry", start: makeFakePlace, ignore: false },
];

/** Declares one test for each kind of store; none is run where all are to be ignored. */
export function testOnEachStore(
  name: string,
  body: (place: Place) => Promise<void>,
  all: { ignore: boolean } = { ignore: false },
): void {
  for (const { kind, start, ignore } of KINDS) {
    Deno.test({
      name: `${name}, ${kind}`,
      ignore: all.ignore || ignore,
      async fn() {
        await using place = await start();
        await body(place);
      },
    });
  }
}

async function makeLayoutPlace(): Promise<Place> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-layout-" });
  return {
    open: (options) => openStore({ registry: `oci:${directory}`, repository: "me/files", ...options }),
    contents: () => filesUnder(directory),
    damage: (digest, change) =>
      changeFile(join(directory, "me/files/blobs/sha256", encodedPart(digest)), change),
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

async function makeRealPlace(): Promise<Place> {
  const registry = await startRegistry();
  return {
    open: (options) => openStore({ registry: registry.url, repository: "me/files", ...options }),
    contents: () => filesUnder(registry.storage),
    damage: (digest, change) => changeFile(registry.blobPath(digest), change),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

async function makeServedPlace(): Promise<Place> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-served-" });
  const server = await startServer([`oci:${directory}`]);
  return {
    open: (options) => openStore({ registry: server.url, repository: "me/files", ...options }),
    async contents() {
      const files = Object.entries(await filesUnder(directory));
      return Object.fromEntries(files.filter(([name]) => !name.includes("/.layerstash-upload-")));
    },
    damage: (digest, change) =>
      changeFile(join(directory, "me/files/blobs/sha256", encodedPart(digest)), change),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function makeFakePlace(): Promise<Place> {
  const registry = await startFakeRegistry();
  const { storage } = registry;
  return {
    open: (options) => openStore({ registry: registry.url, repository: "me/files", ...options }),
    contents() {
      const { tags } = storage.repository("me/files");
      const blobs = [...storage.blobs].map((
        [digest, { pieces }],
      ) => [digest, digestOf(concatenate(pieces!))]);
      return Promise.resolve(Object.fromEntries([...blobs, ...tags]));
    },
    damage(digest, change) {
      const changed = change(concatenate(storage.blobs.get(digest)!.pieces!));
      if (changed) storage.blobs.set(digest, { size: changed.length, pieces: [changed] });
      else storage.blobs.delete(digest);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

async function changeFile(
  path: string,
  change: (bytes: Uint8Array) => Uint8Array | undefined,
): Promise<void> {
  const changed = change(await Deno.readFile(path));
  if (changed) await Deno.writeFile(path, changed);
  else await Deno.remove(path);
}

async function filesUnder(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const look = async (current: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(current)) {
      const path = join(current, name);
      if (isDirectory) await look(path);
      else found[relative(directory, path)] = digestOf(await Deno.readFile(path));
    }
  };
  await look(directory);
  return found;
}
