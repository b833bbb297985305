/** Transfers that break more than once, or at a registry that lies about what it has, and streams that break. @module */
import { CHUNK, IMPATIENT, PART, type Trouble } from "./fault_cells.ts";
import { DOWN, type Fault, FILE, LAYER, LAYERS, UP } from "./fault_list.ts";
import type { BrokenBody, Faults } from "./fake_registry.ts";

const STREAM = ["upload stream"] as const;
/** In the first part, at its end, in the last part, the last byte. */
const OFFSETS = [0, PART / 2, PART, 2.25 * PART, CHUNK - 1];
/** One PATCH with all the bytes. */
const ONE_PATCH: Trouble["open"] = { profile: { push: "stream" } };

const breakUpload = (after: number, how: BrokenBody["how"], times = 1): Faults => ({
  breakUpload: { after, inBlob: true, how, times },
});
const breakDownload = (after: number, how: BrokenBody["how"], times = 1): Faults => ({
  breakDownload: { after, inBlob: true, digest: LAYERS[0]!, how, times },
});

/** A slow body pauses for less, again and again, and takes longer in all. */
const BRISK = { timeouts: { stall: 500 } };

/** Uploads. What can be read only once may be lost with its session, but is never half-visible. */
const uploads: Fault[] = [
  {
    name: "cut, status goes back",
    directions: FILE,
    offsets: [1.5 * PART, 2.25 * PART],
    make: (at) => ({ faults: { ...breakUpload(at, "cut"), statusError: -1.4 * PART } }),
    expected: "identical",
    most: 32,
  },
  ...[1, 1000, -1000].map((error): Fault => ({
    name: `one PATCH cut, status ${error > 0 ? "+" : ""}${error}`,
    directions: FILE,
    offsets: OFFSETS,
    make: (at) => ({ faults: { ...breakUpload(at, "cut"), statusError: error }, open: ONE_PATCH }),
    expected: "identical",
    most: 34,
  })),
  {
    name: "PATCH without Range",
    directions: UP,
    make: () => ({ faults: { patchRange: "absent" } }),
    expected: "identical",
    most: 24,
  },
  {
    name: "one PATCH cut: stream",
    directions: STREAM,
    offsets: [PART / 2, CHUNK - 1],
    make: (at) => ({ faults: breakUpload(at, "cut"), open: ONE_PATCH }),
    expected: "failed",
    most: 12,
  },
  {
    name: "one PATCH cut: file",
    directions: FILE,
    offsets: OFFSETS,
    make: (at) => ({ faults: breakUpload(at, "cut", 3), open: ONE_PATCH }),
    expected: "identical",
    most: 34,
  },
  {
    name: "cut, session dropped behind part 1",
    directions: STREAM,
    offsets: [1.5 * PART, CHUNK - 1],
    make: (at) => ({ faults: { ...breakUpload(at, "cut"), dropBrokenSessions: true } }),
    expected: "failed",
    most: 20,
  },
  ...(["fatal", "absent"] as const).map((sessionStatus): Fault => ({
    name: `cut in part 1, status ${sessionStatus}`,
    directions: STREAM,
    offsets: [0, 1, PART / 2],
    make: (at) => ({ faults: { ...breakUpload(at, "cut"), sessionStatus } }),
    expected: "identical",
    most: 30,
  })),
  {
    name: "cut, status one too many (Quay)",
    directions: STREAM,
    offsets: [1, PART / 2],
    make: (at) => ({ faults: { ...breakUpload(at, "cut"), sessionStatus: "quay" } }),
    expected: "identical",
    most: 30,
  },
  {
    name: "416 for parts over 512 KiB (GHCR)",
    directions: STREAM,
    make: () => ({ faults: { maxRangedPatch: PART / 2 } }),
    expected: "identical",
    most: 26,
  },
  {
    name: "413 as a web page (nginx)",
    directions: STREAM,
    make: () => ({
      faults: { maxBody: 1.2 * PART, htmlErrors: true },
      open: { profile: { partSize: 2 * PART } },
    }),
    expected: "identical",
    most: 28,
  },
  {
    name: "405 for PATCH (GAR)",
    directions: STREAM,
    make: () => ({ faults: { refusePatch: 405 } }),
    expected: "failed",
    most: 16,
  },
  {
    name: "413 for more than 0.7 MiB",
    directions: STREAM,
    make: () => ({ faults: { maxBody: 0.7 * PART } }),
    expected: "failed",
    most: 16,
  },
  {
    name: "stalls, three times at one place",
    directions: UP,
    offsets: [PART / 2, CHUNK - 1],
    make: (at) => ({ faults: breakUpload(at, "stall", 3), open: IMPATIENT }),
    expected: "identical",
    most: 34,
  },
  {
    name: "slow from here on",
    directions: UP,
    offsets: [0, PART / 2, CHUNK - 1],
    make: (at) => ({ faults: breakUpload(at, "slow"), open: BRISK }),
    expected: "identical",
    most: 24,
  },
  {
    name: "tokens good for 3 requests, one PATCH",
    directions: FILE,
    make: () => ({ auth: "bearer", tokens: { uses: 3 }, open: ONE_PATCH }),
    expected: "identical",
    most: 44,
  },
];

const downloads: Fault[] = [
  {
    name: "cut three times at one place",
    directions: DOWN,
    offsets: OFFSETS,
    make: (at) => ({ faults: breakDownload(at, "cut", 3) }),
    expected: "identical",
    most: 12,
  },
  {
    name: "stalls, three times at one place",
    directions: DOWN,
    offsets: [PART / 2, CHUNK - 1],
    make: (at) => ({ faults: breakDownload(at, "stall", 3), open: IMPATIENT }),
    expected: "identical",
    most: 12,
  },
  {
    name: "slow from here on",
    directions: DOWN,
    offsets: [0, PART / 2, CHUNK - 1],
    make: (at) => ({ faults: breakDownload(at, "slow"), open: BRISK }),
    expected: "identical",
    most: 8,
  },
  {
    name: "seven bytes too many, no length",
    directions: DOWN,
    make: () => ({ faults: breakDownload(0, "long", 999) }),
    expected: "mismatch",
    most: 12,
  },
  {
    name: "a chunk was cut off on a full disk",
    directions: DOWN,
    offsets: [0, 1, PART, CHUNK - 1],
    make: (at) => ({ faults: { truncated: { [LAYERS[0]!]: at } } }),
    expected: "mismatch",
    most: 12,
  },
  {
    name: "ends early, and HEAD 404 once",
    directions: DOWN,
    offsets: [PART / 2],
    make: (at) => ({
      faults: {
        ...breakDownload(at, "short"),
        failNext: [{ method: "HEAD", path: LAYER, status: 404, times: 1 }],
      },
    }),
    expected: "identical",
    most: 12,
  },
  {
    name: "307, and a signed URL is never good",
    directions: DOWN,
    make: () => ({ faults: { redirectBlobs: 307, signedUrlUses: 0 } }),
    expected: "failed",
    most: 40,
  },
];

/** All of them. */
export const BREAK_FAULTS: readonly Fault[] = [...uploads, ...downloads];
