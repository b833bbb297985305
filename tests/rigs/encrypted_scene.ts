/** What tests of encrypted files work with: a registry, a key and a file of several chunks. @module */
import assert from "node:assert/strict";
import { LayerstashError } from "../../lib/errors.ts";
import { download, MismatchError, NotAllowedError, type Store, type UploadOptions } from "../../main.ts";
import { makeWorkspace, sink, someBytes, type Workspace } from "./content.ts";
import { makeKey, type TestKey } from "./encryption.ts";
import { type FakeRegistry, startFakeRegistry } from "./fake_registry.ts";
import { openFake } from "./uploads.ts";

const KiB = 1024;
/** Three records and a bit in each of three chunks, and some in a fourth. */
export const FILE = someBytes(700_000);
/** The most that a stored chunk has. */
export const CHUNK = 200 * KiB;

/** What a test works with. */
export interface Scene extends AsyncDisposable {
  fake: FakeRegistry;
  work: Workspace;
  store: Store;
  key: TestKey;
  input: string;
}

/** A registry, a key and a file. */
export async function setScene(bytes = FILE): Promise<Scene> {
  const fake = await startFakeRegistry();
  const work = await makeWorkspace();
  const store = openFake(fake);
  const [key, input] = [await makeKey(work), await work.write("secret.img", bytes)];
  const end = async () => {
    store.close();
    await work[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
  };
  return { fake, work, store, key, input, [Symbol.asyncDispose]: end };
}

/** Options of an upload for the key. */
export const encrypted = ({ work, key, input }: Scene): UploadOptions => ({
  input,
  chunkSize: CHUNK,
  encryptTo: key.encryptTo,
  stateDirectory: work.path("state"),
});

/** What a download gives. */
export async function fetched(
  store: Store,
  name: string,
  identities: TestKey["identities"],
): Promise<Uint8Array> {
  const { stream, bytes } = sink();
  await download(store, name, { output: stream, identities });
  return bytes();
}

/** What a failed call threw. */
export async function failure(call: Promise<unknown>): Promise<LayerstashError> {
  const error = await call.then(() => undefined, (error) => error);
  assert.ok(error instanceof LayerstashError, `it threw ${error}`);
  return error;
}

/** Makes sure that a stash is refused, and that no file is made. */
export async function requireRefused(scene: Scene, name: string, context = ""): Promise<void> {
  const output = scene.work.path("back.img");
  const { identities } = scene.key;
  const error = await failure(download(scene.store, name, { output, identities }));
  assert.ok(
    error instanceof MismatchError || error instanceof NotAllowedError,
    `${context} ${error.name}: ${error.message}`,
  );
  assert.equal(await scene.work.has("back.img"), false, context);
}
