/** Faults at the end of an upload: the commit of a blob, its manifest, the tags. @module */
import type { Trouble } from "./fault_cells.ts";
import { failing, type Fault, FILE, MANIFEST, UP, UPLOAD } from "./fault_list.ts";
import type { FakeRegistry, RecordedRequest } from "./fake_registry.ts";

/** Answers the first commit when the client has given it up, and looks whether the blob is there. */
function answeredTooLate(): Trouble {
  const gaveUp = Promise.withResolvers<void>();
  const onRequest = ({ method }: RecordedRequest) => method === "HEAD" ? gaveUp.resolve() : undefined;
  return { faults: { onRequest, onCommit: () => gaveUp.promise }, open: { timeouts: { commit: 120 } } };
}

function addForeignTags({ storage }: FakeRegistry): void {
  const bytes = new TextEncoder().encode("{}");
  for (const tag of ["a", "b", "c", "z"]) storage.addManifest("me/files", { mediaType: "x/y", bytes }, tag);
}

/** All of them. */
export const COMMIT_FAULTS: readonly Fault[] = [
  {
    name: "commit cut, nothing stored",
    directions: UP,
    make: failing("PUT", UPLOAD, { status: 0 }, 2),
    expected: "identical",
    most: 34,
  },
  {
    name: "commit stored, answered too late",
    directions: UP,
    make: answeredTooLate,
    expected: "identical",
    most: 26,
  },
  {
    name: "commit 500 and session ended",
    directions: FILE,
    make: () => ({
      faults: {
        sessionStatus: "absent",
        failNext: [{ method: "PUT", path: UPLOAD, status: 500, times: 1 }],
      },
    }),
    expected: "identical",
    most: 34,
  },
  {
    name: "commit 500 for ever",
    directions: UP,
    make: failing("PUT", UPLOAD, {}, 999),
    expected: "failed",
    most: 44,
  },
  {
    name: "another digest for a manifest",
    directions: UP,
    make: () => ({ faults: { contentDigest: "wrong" } }),
    expected: "conflict",
    most: 24,
  },
  {
    name: "no Docker-Content-Digest",
    directions: UP,
    make: () => ({ faults: { contentDigest: "absent" } }),
    expected: "identical",
    most: 32,
  },
  {
    name: "a tag on a page, opaque links (Quay)",
    directions: UP,
    make: () => ({ faults: { tagPageSize: 1, opaqueLinks: true }, prepare: addForeignTags }),
    expected: "identical",
    most: 30,
  },
  {
    name: "500 for a manifest",
    directions: UP,
    make: failing("PUT", MANIFEST, {}, 2),
    expected: "identical",
    most: 28,
  },
];
