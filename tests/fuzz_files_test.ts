/** Files that anybody may have written: configs with logins and image layouts hold anything, and lead nowhere. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { LayerstashError } from "../lib/errors.ts";
import { digestOf, encodedPart, isDigest } from "../lib/oci/digest.ts";
import { encodeManifest } from "../lib/oci/manifest.ts";
import { IMAGE_MANIFEST } from "../lib/oci/media_types.ts";
import { openStore } from "../lib/open/open_store.ts";
import type { Store } from "../lib/store/store.ts";
import { savedCredentials } from "../lib/sign_in/saved_credentials.ts";
import { makeWorkspace } from "./rigs/content.ts";

const SECRET = "canary-of-a-password";
const MANIFEST = encodeManifest({ mediaType: IMAGE_MANIFEST.oci, schemaVersion: 2, layers: [] });
const ELSEWHERE = digestOf(new Uint8Array([1]));

/** What something comes to; `undefined` where it fails, which it may only do with an error of ours. */
async function outcome<T>(done: Promise<T>): Promise<T | undefined> {
  try {
    return await done;
  } catch (error) {
    assert.ok(error instanceof LayerstashError, Deno.inspect(error));
    const said = Deno.inspect(error, { depth: 10 }).replaceAll(`docker-credential-${SECRET}`, "a helper");
    assert.ok(!said.includes(SECRET), `the error holds a secret: ${said}`); // the name of a program is none
    return undefined;
  }
}

const leaf = fc.oneof(
  fc.string(),
  fc.constantFrom(SECRET, btoa(`me:${SECRET}`), btoa(SECRET), "me", "", "../x", null, 1, -1, 1e308, true),
  fc.constantFrom(
    MANIFEST.digest,
    ELSEWHERE,
    MANIFEST.mediaType,
    MANIFEST.bytes.length,
    "disk-1",
    "sha512:ab",
  ),
);
/** Any bytes, and more often JSON in which these names occur. */
const contentWith = (...names: string[]) => {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      leaf,
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names, "__proto__", "constructor"), tie("value"), { maxKeys: 5 }),
    ),
  }));
  const json = value.map((value) => JSON.stringify(value));
  const torn = fc.tuple(json, fc.nat(60)).map(([text, end]) => text.slice(0, end));
  return fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array() },
    { weight: 1, arbitrary: torn.map((text) => new TextEncoder().encode(text)) },
    { weight: 6, arbitrary: json.map((text) => new TextEncoder().encode(text)) },
  );
};

Deno.test("property: a file with logins may hold anything, and gives a login or none", async () => {
  await using work = await makeWorkspace();
  const path = work.path("auth.json");
  const names = ["auths", "auth", "ghcr.io", "ghcr.io/me", "https://ghcr.io/v1/", "username", "password"];
  const fields = ["auth", "username", "password", "identitytoken", "registrytoken", "email"];
  const entry = fc.dictionary(fc.constantFrom(...fields), leaf, { maxKeys: 3 });
  const auths = fc.dictionary(fc.constantFrom("ghcr.io", "ghcr.io/me", "https://ghcr.io/v1/"), entry);
  const content = fc.oneof(
    contentWith(...names, "identitytoken", "registrytoken", "credHelpers"),
    auths.map((auths) => new TextEncoder().encode(JSON.stringify({ auths }))),
  );
  let logins = 0;
  await fc.assert(
    fc.asyncProperty(content, async (bytes) => {
      await Deno.writeFile(path, bytes);
      // Without a PATH no helper is found that the file may name.
      const found = await outcome(savedCredentials({ REGISTRY_AUTH_FILE: path })("ghcr.io", "me/files"));
      if (!found) return;
      logins++;
      const { kind: _kind, saved, ...texts } = found;
      assert.equal(saved, true);
      assert.ok(Object.values(texts).every((text) => typeof text === "string"), Deno.inspect(found));
    }),
    { numRuns: 500 },
  );
  assert.ok(logins > 20, `${logins} logins are too few to say anything`);
});

/** What a layout is asked for, and what it may say. */
const CALLS: ((store: Store) => Promise<boolean>)[] = [
  async (store) => (await Array.fromAsync(store.tags())).every((tag) => typeof tag === "string"),
  async (store) => [undefined, MANIFEST.digest].includes((await store.manifest("disk-1"))?.digest),
  async (store) => [undefined, MANIFEST.digest].includes((await store.manifest(MANIFEST.digest))?.digest),
  async (store) => await store.manifest(ELSEWHERE) === undefined,
  async (store) => isDigest(await store.resolve("disk-1") ?? MANIFEST.digest),
];

/** What changes a layout, and how it can be seen afterwards. */
const CHANGES: ((store: Store) => Promise<boolean>)[] = [
  async (store) => {
    await store.putManifest("disk-2", MANIFEST);
    return await store.resolve("disk-2") === MANIFEST.digest;
  },
  async (store) => {
    await store.removeManifest("disk-1");
    return await store.resolve("disk-1") === undefined;
  },
];

Deno.test("property: a layout's index may hold anything, and gives what is there or nothing", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await store.putManifest("disk-1", MANIFEST);
  const blob = work.path(`box/me/files/blobs/sha256/${encodedPart(MANIFEST.digest)}`);
  const content = contentWith("manifests", "digest", "size", "mediaType", "annotations", REF_NAME);
  await fc.assert(
    fc.asyncProperty(content, async (bytes) => {
      for (const call of [...CALLS, ...CHANGES]) {
        await Deno.writeFile(blob, MANIFEST.bytes);
        await Deno.writeFile(work.path("box/me/files/index.json"), bytes);
        assert.notEqual(await outcome(call(store)), false, `it gave what cannot be: ${call}`);
      }
    }),
    { numRuns: 150 },
  );
});

const REF_NAME = "org.opencontainers.image.ref.name";
const entry = fc.record({
  mediaType: leaf,
  digest: fc.constantFrom(MANIFEST.digest, ELSEWHERE),
  size: leaf,
  annotations: fc.dictionary(fc.constantFrom(REF_NAME, "other"), leaf),
  other: fc.jsonValue(),
}, { requiredKeys: ["digest", "size"] });

Deno.test("property: a layout's entries may be anything, and those of others are kept as they are", async () => {
  await using work = await makeWorkspace();
  using store = openStore({ registry: `oci:${work.path("box")}`, repository: "me/files" });
  await store.putManifest("disk-1", MANIFEST);
  const path = work.path("box/me/files/index.json");
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 4 }), async (manifests) => {
      const written = JSON.stringify({ schemaVersion: 2, manifests, other: { kept: 1 } });
      for (const call of CALLS) {
        await Deno.writeTextFile(path, written);
        assert.notEqual(await outcome(call(store)), false, `it gave what cannot be: ${call}`);
      }
      if (await outcome(store.putManifest("disk-2", MANIFEST).then(() => true)) === undefined) return;
      const now = JSON.parse(await Deno.readTextFile(path));
      assert.deepEqual(now.other, { kept: 1 });
      const others = JSON.parse(written).manifests.filter((each: Record<string, Record<string, string>>) =>
        !["disk-2", undefined].includes(each["annotations"]?.[REF_NAME])
      );
      for (const other of others) {
        assert.ok(now.manifests.some((each: unknown) => JSON.stringify(each) === JSON.stringify(other)));
      }
    }),
    { numRuns: 150 },
  );
});
