/** Every fault of the fault matrix: what is wrong, where, which way the bytes go, and what has to come of it. @module */
import { type Digest, digestOf } from "../../lib/oci/digest.ts";
import { BYTES, CHUNK, type Direction, IMPATIENT, type Outcome, PART, type Trouble } from "./fault_cells.ts";
import type { FakeRegistry, Faults } from "./fake_registry.ts";

/** One fault. */
export interface Fault {
  name: string;
  directions: readonly Direction[];
  /** Where in the first chunk it strikes, in bytes; absent = nowhere in particular. */
  offsets?: readonly number[];
  /** Makes the registry; `at` is one of the offsets. */
  make(at: number): Trouble;
  expected: Outcome;
  /** The most requests that it may take; without a fault it is some 20. */
  most: number;
}

/** Both ways up. */
export const UP: readonly Direction[] = ["upload file", "upload stream"];
/** What can be read again. */
export const FILE: readonly Direction[] = ["upload file"];
/** Both ways down. */
export const DOWN: readonly Direction[] = ["download to file", "download to stream"];
/** The first byte, the second, the middle of a part, around its end, in the last part, the last byte. */
const OFFSETS = [0, 1, PART / 2, PART - 1, PART, 2.25 * PART, CHUNK - 1];
/** The digests of the two chunks. */
export const LAYERS: readonly Digest[] = [
  digestOf(BYTES.subarray(0, CHUNK)),
  digestOf(BYTES.subarray(CHUNK)),
];

/** Breaks the part in which the offset lies: parts go up one after the other. */
function breakPart(at: number, how: "cut" | "stall", more: Faults = {}): Trouble {
  let sound = Math.floor(at / PART);
  return {
    prepare({ faults }: FakeRegistry) {
      faults.onRequest = ({ method }) => {
        if (method === "PATCH" && sound-- === 0) faults.breakUpload = { after: at % PART, times: 1, how };
      };
    },
    faults: more,
    ...(how === "stall" && { open: IMPATIENT }),
  };
}

/** Breaks as many requests for chunks, whichever of them comes when. */
function breakLayer(at: number, how: "cut" | "stall" | "short", times: number, more: Faults = {}): Trouble {
  return {
    faults: { breakDownload: { after: at, times, how, digest: LAYERS }, ...more },
    ...(how === "stall" && { open: IMPATIENT }),
  };
}

/** Puts the chunks back as they were. */
function mend({ storage }: FakeRegistry): void {
  storage.blobs.set(LAYERS[0]!, { size: CHUNK, pieces: [BYTES.subarray(0, CHUNK)] });
  storage.blobs.set(LAYERS[1]!, { size: CHUNK, pieces: [BYTES.subarray(CHUNK)] });
}

const always = (faults: Faults, open?: Trouble["open"]) => (): Trouble => ({ faults, ...(open && { open }) });
/** Makes a registry that answers requests of a kind otherwise, so many times: 500 where nothing is said. */
export const failing = (method: string, path: RegExp, failure: object, times: number) => (): Trouble => ({
  faults: { failNext: [{ method, path, status: 500, times, ...failure }] },
});

/** Lets the commit of the first chunk take longer than other answers may. */
const late = async (digest: Digest) => {
  if (digest === LAYERS[0]) await new Promise((resolve) => setTimeout(resolve, 1500));
};

const HTML = { status: 502, headers: { "content-type": "text/html" }, body: "<html>Bad Gateway</html>" };
const SECONDS = { status: 429, headers: { "retry-after": "7" } };
const DATE = {
  status: 429,
  headers: { "retry-after": "Sat, 29 Feb 2020 00:00:30 GMT", "date": "Sat, 29 Feb 2020 00:00:00 GMT" },
};
const BUSY = { status: 503, headers: { "retry-after": "1" } };
/** Paths of upload sessions, of blobs and of manifests. */
export const UPLOAD: RegExp = /blobs\/uploads\//;
/** See `UPLOAD`. */
export const LAYER: RegExp = /blobs\/sha256:/;
/** See `UPLOAD`. */
export const MANIFEST: RegExp = /manifests\//;

const uploads: Fault[] = [
  { name: "nothing", directions: UP, make: always({}), expected: "identical", most: 24 },
  ...(["relative", "another-origin"] as const).map((locations): Fault => ({
    name: `locations ${locations}`,
    directions: UP,
    make: always({ locations }),
    expected: "identical",
    most: 24,
  })),
  {
    name: "PATCH without Location",
    directions: UP,
    make: always({ patchLocation: "absent" }),
    expected: "identical",
    most: 24,
  },
  ...[200, 201, 204].map((patchStatus): Fault => ({
    name: `PATCH answers ${patchStatus}, Range frozen`,
    directions: UP,
    make: always({ patchStatus, patchRange: "frozen" }),
    expected: "identical",
    most: 24,
  })),
  {
    name: "connection cut, session kept",
    directions: UP,
    offsets: OFFSETS,
    make: (at) => breakPart(at, "cut"),
    expected: "identical",
    most: 30,
  },
  {
    name: "connection stalls, session kept",
    directions: UP,
    offsets: OFFSETS,
    make: (at) => breakPart(at, "stall"),
    expected: "identical",
    most: 30,
  },
  {
    name: "cut, session dropped (zot)",
    directions: FILE,
    offsets: OFFSETS,
    make: (at) => breakPart(at, "cut", { dropBrokenSessions: true }),
    expected: "identical",
    most: 32,
  },
  {
    name: "cut, session dropped (zot)",
    directions: ["upload stream"],
    offsets: [0, PART / 2, PART - 1],
    make: (at) => breakPart(at, "cut", { dropBrokenSessions: true }),
    expected: "identical",
    most: 28,
  },
  {
    name: "cut, session dropped (zot)",
    directions: ["upload stream"],
    offsets: [PART, 2.25 * PART, CHUNK - 1],
    make: (at) => breakPart(at, "cut", { dropBrokenSessions: true }),
    expected: "failed",
    most: 24,
  },
  {
    name: "cut, status ends session (2.8)",
    directions: FILE,
    offsets: OFFSETS,
    make: (at) => breakPart(at, "cut", { sessionStatus: "fatal" }),
    expected: "identical",
    most: 32,
  },
  {
    name: "cut, no status (ECR Public)",
    directions: FILE,
    offsets: OFFSETS,
    make: (at) => breakPart(at, "cut", { sessionStatus: "absent" }),
    expected: "identical",
    most: 32,
  },
  {
    name: "cut, status one too many (Quay)",
    directions: FILE,
    offsets: OFFSETS,
    make: (at) => breakPart(at, "cut", { sessionStatus: "quay" }),
    expected: "identical",
    most: 32,
  },
  {
    name: "cut, status says too much",
    directions: FILE,
    offsets: OFFSETS,
    make: (at) => breakPart(at, "cut", { statusError: 1000 }),
    expected: "identical",
    most: 32,
  },
  {
    name: "cut, status says too little",
    directions: FILE,
    offsets: OFFSETS,
    make: (at) => breakPart(at, "cut", { statusError: -1000 }),
    expected: "identical",
    most: 32,
  },
  {
    name: "every part is cut once",
    directions: UP,
    make: () => ({ faults: { breakUpload: { after: 200_000, times: 6, how: "cut" } } }),
    expected: "identical",
    most: 48,
  },
  {
    name: "416 for parts over 512 KiB (GHCR)",
    directions: FILE,
    make: always({ maxRangedPatch: PART / 2 }),
    expected: "identical",
    most: 26,
  },
  {
    name: "413 for more than 1.2 MiB (ACR)",
    directions: FILE,
    make: always({ maxBody: 1.2 * PART }, { profile: { partSize: 2 * PART } }),
    expected: "identical",
    most: 28,
  },
  {
    name: "413 as a web page (nginx)",
    directions: FILE,
    make: always({ maxBody: 1.2 * PART, htmlErrors: true }, { profile: { push: "put" } }),
    expected: "identical",
    most: 32,
  },
  {
    name: "411 without a length (GAR, Nexus)",
    directions: UP,
    make: always({ requireLength: true }),
    expected: "identical",
    most: 24,
  },
  {
    name: "405 for PATCH (GAR)",
    directions: FILE,
    make: always({ refusePatch: 405 }),
    expected: "identical",
    most: 24,
  },
  {
    name: "500 for an empty commit (ECR)",
    directions: FILE,
    make: always({ refuseEmptyCommit: 500 }),
    expected: "failed",
    most: 40,
  },
  ...[1, 2].map((times): Fault => ({
    name: `commit done, answer lost, ${times} x`,
    directions: UP,
    make: always({ loseCommitAnswer: times }),
    expected: "identical",
    most: 28,
  })),
  {
    name: "commit 500, nothing stored",
    directions: UP,
    make: failing("PUT", UPLOAD, {}, 2),
    expected: "identical",
    most: 34,
  },
  {
    name: "commit answered late",
    directions: UP,
    make: () => ({ faults: { onCommit: late }, open: { timeouts: { answer: 1000, store: 1000 } } }),
    expected: "identical",
    most: 24,
  },
  {
    name: "commit refused: wrong digest",
    directions: FILE,
    make: failing("PUT", UPLOAD, { status: 400, body: '{"errors":[{"code":"DIGEST_INVALID"}]}' }, 99),
    expected: "mismatch",
    most: 16,
  },
  ...[SECONDS, DATE, BUSY, HTML].flatMap((answer): Fault[] =>
    ["POST", "PATCH", "PUT"].map((method) => ({
      name: `${method} ${answer.status}${
        answer === HTML ? " in HTML" : answer === DATE ? " with a date" : ""
      }`,
      directions: UP,
      make: failing(method, UPLOAD, answer, 2),
      expected: "identical",
      most: 34,
    }))
  ),
  {
    name: "tokens good for 3 requests",
    directions: UP,
    make: () => ({ auth: "bearer", tokens: { uses: 3 } }),
    expected: "identical",
    most: 60,
  },
  {
    name: "307 for a part",
    directions: FILE,
    make: failing("PATCH", UPLOAD, { status: 307, headers: { location: "http://127.0.0.1:9/" } }, 99),
    expected: "failed",
    most: 16,
  },
  {
    name: "manifest lags behind its blobs (GHCR)",
    directions: UP,
    make: always({ manifestLag: 3 }),
    expected: "identical",
    most: 28,
  },
  {
    name: "HEAD 404 after a lost commit",
    directions: FILE,
    make: () => ({
      faults: { loseCommitAnswer: 1, failNext: [{ method: "HEAD", path: LAYER, status: 404, times: 1 }] },
    }),
    expected: "identical",
    most: 32,
  },
  {
    name: "500 for ever",
    directions: UP,
    make: failing("PATCH", UPLOAD, {}, 999),
    expected: "failed",
    most: 40,
  },
  {
    name: "401 for ever",
    directions: UP,
    make: () => ({ auth: "bearer", tokens: { uses: 0 } }),
    expected: "not-allowed",
    most: 30,
  },
  {
    name: "403 for a manifest",
    directions: FILE,
    make: failing("PUT", MANIFEST, { status: 403 }, 99),
    expected: "not-allowed",
    most: 24,
  },
  {
    name: "tiny pieces",
    directions: UP,
    make: always({ trickle: 16 * 1024 }),
    expected: "identical",
    most: 24,
  },
];

const downloads: Fault[] = [
  { name: "nothing", directions: DOWN, make: always({}), expected: "identical", most: 10 },
  ...(["cut", "stall", "short"] as const).map((how): Fault => ({
    name: `a chunk: ${how === "short" ? "ends early, as if whole" : how}`,
    directions: DOWN,
    offsets: OFFSETS,
    make: (at) => breakLayer(at, how, 1),
    expected: "identical",
    most: 16,
  })),
  {
    name: "a chunk: cut 5 times",
    directions: DOWN,
    offsets: [1, PART / 2, CHUNK - 1],
    make: (at) => breakLayer(at, "cut", 5),
    expected: "identical",
    most: 26,
  },
  {
    name: "cut, ranges ignored",
    directions: DOWN,
    offsets: OFFSETS,
    make: (at) => breakLayer(at, "cut", 1, { ranges: "ignored" }),
    expected: "identical",
    most: 16,
  },
  {
    name: "cut, ranges refused (416)",
    directions: DOWN,
    offsets: OFFSETS,
    make: (at) => breakLayer(at, "cut", 1, { ranges: "refused" }),
    expected: "identical",
    most: 24,
  },
  {
    name: "cut, wrong ranges",
    directions: DOWN,
    offsets: [PART / 2],
    make: (at) => breakLayer(at, "cut", 1, { ranges: "wrong" }),
    expected: "identical",
    most: 30,
  },
  {
    name: "cut for ever",
    directions: DOWN,
    offsets: [0],
    make: (at) => breakLayer(at, "cut", 999),
    expected: "failed",
    most: 52, // two chunks share the attempts of ten minutes, and there is what is read before them
  },
  {
    name: "a wrong byte",
    directions: DOWN,
    offsets: OFFSETS,
    make: (at) => ({ faults: { damaged: { [LAYERS[0]!]: at } } }),
    expected: "mismatch",
    most: 12,
  },
  {
    name: "307 to another origin",
    directions: DOWN,
    make: always({ redirectBlobs: 307 }),
    expected: "identical",
    most: 16,
  },
  {
    name: "307, signed URL used up after a cut",
    directions: DOWN,
    offsets: OFFSETS,
    make: (at) => ({
      faults: { redirectBlobs: 307, signedUrlUses: 1, breakDownload: { after: at, times: 2, how: "cut" } },
    }),
    expected: "identical",
    most: 30,
  },
  ...[SECONDS, DATE, BUSY, HTML].flatMap((answer): Fault[] =>
    [["chunk", LAYER], ["manifest", MANIFEST]].map(([what, path]) => ({
      name: `${what} ${answer.status}${answer === HTML ? " in HTML" : answer === DATE ? " with a date" : ""}`,
      directions: DOWN,
      make: failing("GET", path as RegExp, answer, 2),
      expected: "identical",
      most: 20,
    }))
  ),
  {
    name: "tokens good for 2 requests",
    directions: DOWN,
    make: () => ({ auth: "bearer", tokens: { uses: 2 } }),
    expected: "identical",
    most: 30,
  },
  {
    name: "401 for ever",
    directions: DOWN,
    make: () => ({ auth: "bearer", tokens: { uses: 0 } }),
    expected: "not-allowed",
    most: 30,
  },
  ...[-1, 1].map((difference): Fault => ({
    name: `a chunk is one byte ${difference < 0 ? "short" : "long"}`,
    directions: DOWN,
    make: () => ({
      prepare({ storage }) {
        const bytes = new Uint8Array(CHUNK + difference);
        bytes.set(BYTES.subarray(0, Math.min(CHUNK, bytes.length)));
        storage.blobs.set(LAYERS[0]!, { size: bytes.length, pieces: [bytes] });
      },
      mend,
    }),
    expected: "mismatch",
    most: 12,
  })),
  {
    name: "a chunk is missing",
    directions: DOWN,
    make: () => ({ prepare: ({ storage }) => void storage.blobs.delete(LAYERS[1]!), mend }),
    expected: "not-found",
    most: 12,
  },
  {
    name: "a manifest has another digest",
    directions: DOWN,
    make: always({ contentDigest: "wrong" }),
    expected: "mismatch",
    most: 6,
  },
  {
    name: "no Docker-Content-Digest",
    directions: DOWN,
    make: always({ contentDigest: "absent" }),
    expected: "identical",
    most: 10,
  },
  {
    name: "a web page for everything",
    directions: DOWN,
    make: always({ notARegistry: true }),
    expected: "failed",
    most: 4,
  },
  {
    name: "tiny pieces",
    directions: DOWN,
    make: always({ trickle: 4 * 1024 }),
    expected: "identical",
    most: 10,
  },
];

/** All of them. */
export const FAULTS: readonly Fault[] = [...uploads, ...downloads];
