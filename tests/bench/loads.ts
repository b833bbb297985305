/** All loads: most are rows of a table. @module */
import { again, manyChunks } from "./chunk_loads.ts";
import { FOLDER_LOADS } from "./folder_loads.ts";
import type { LineSettings } from "./line.ts";
import type { Bench, Load } from "./load.ts";
import { USUAL } from "./ours.ts";
import { loadOf, type Row } from "./row.ts";
import { SERVE_LOADS } from "./serve_loads.ts";
import { start } from "./start_load.ts";

const FAST = { roundTrip: 50, mbit: 1000 } as const;
const LOSSLESS: LineSettings = { ...FAST, loss: 0, sender: "cubic" };
const BBR: LineSettings = { ...FAST, loss: 0.1, sender: "bbr" };
const CUBIC: LineSettings = { ...FAST, loss: 0.01, sender: "cubic" };

const large = ({ large }: Bench) => large;
const quarter = ({ large }: Bench) => large / 4;
const tenMiB = () => 10 * 1024 ** 2;
const oneKiB = () => 1024;

const oneAndFourChunks = ({ large }: Bench) => [
  USUAL,
  { name: "layerstash, 4 chunks", options: ["--chunk-size", String(Math.ceil(large / 16))] },
];

const FAR: readonly Row[] = [
  {
    ...{ name: "download-far", what: "Download", operation: "download" },
    ...{ tls: "nginx", line: BBR, size: large },
    proves: "Several connections fill a long line that loses packets, from the first second.",
  },
  {
    ...{ name: "download-cubic", what: "Download", operation: "download" },
    ...{ tls: "nginx", line: CUBIC, size: quarter },
    proves: "Where each loss halves what a connection sends, several connections lose less.",
  },
  {
    ...{ name: "upload-far", what: "Upload", operation: "upload" },
    ...{ tls: "registry", line: BBR, size: quarter, variants: oneAndFourChunks },
    proves: "An upload over a distance waits for nothing, be it one chunk or several.",
  },
  {
    ...{ name: "upload-10M", what: "Upload", operation: "upload" },
    ...{ tls: "registry", line: LOSSLESS, size: tenMiB },
    proves: "Of a small file the round trips count: what can be asked at once is.",
  },
  {
    ...{ name: "upload-1K", what: "Upload", operation: "upload" },
    ...{ tls: "registry", line: LOSSLESS, size: oneKiB },
    proves: "Of a tiny file only round trips and the start of the program are left.",
  },
  {
    ...{ name: "download-10M", what: "Download", operation: "pull" },
    ...{ tls: "registry", line: LOSSLESS, size: tenMiB },
    proves: "A manifest is read first, and then its blob. curl alone knows the blob already.",
  },
  {
    ...{ name: "download-1K", what: "Download", operation: "pull" },
    ...{ tls: "registry", line: LOSSLESS, size: oneKiB },
    proves: "The same with nothing but round trips.",
  },
  {
    ...{ name: "list", what: "List of a repository with a file", operation: "list" },
    ...{ tls: "registry", line: LOSSLESS, size: oneKiB },
    proves: "The peers list tags. layerstash also looks which of them are its own files.",
  },
];

const NEAR: readonly Row[] = [
  ...(["docker-registry", "distribution"] as const).flatMap((server) =>
    ([undefined, "registry"] as const).map((tls): Row => ({
      ...{ name: `upload-${server}${tls ? "-tls" : ""}`, what: "Upload", operation: "upload" },
      ...{ server, tls, size: large },
      proves: "On one machine most of the work is the registry's. Ours is to add nothing.",
    }))
  ),
  ...([undefined, "nginx"] as const).flatMap((tls): Row[] => [
    {
      ...{ name: `upload-sink${tls ? "-tls" : ""}`, what: "Upload", operation: "upload" },
      ...{ server: "sink", tls, size: large },
      proves: "To a server that forgets everything: what the client itself costs.",
    },
    {
      ...{ name: `download${tls ? "-tls" : ""}`, what: "Download", operation: "download" },
      ...{ tls, size: large },
      proves: "On one machine the processor is the limit: receive, verify and write, once each.",
    },
  ]),
];

const IMAGES: readonly Row[] = [
  ...(["gzip", "zstd"] as const).flatMap((packing): Row[] => [
    {
      ...{ name: `peek-${packing}`, what: "List of the files of an image", operation: "peek", packing },
      proves: "Listing the files of an image costs no more than to unpack its layer.",
    },
    {
      ...{ name: `extract-${packing}`, what: "Extraction of an image", operation: "extract", packing },
      proves: "Writing many small files safely costs no more than writing them.",
    },
  ]),
  {
    ...{ name: "copy-layout", what: "Copy of an image to a directory", operation: "copyToLayout" },
    ...{ packing: "gzip" },
    proves: "A blob is hashed once, while it is written.",
  },
  {
    ...{ name: "copy-registry", what: "Copy of an image to another registry", operation: "copyToRegistry" },
    ...{ packing: "gzip" },
    proves: "A blob passes through without a stop.",
  },
];

/** All loads, in the order in which they are run. */
export const LOADS: readonly Load[] = [
  start,
  ...[...FAR, ...NEAR, ...IMAGES].map(loadOf),
  ...FOLDER_LOADS,
  manyChunks,
  again,
  ...SERVE_LOADS,
];

/** The names of those that belong to a quick benchmark. */
export const CORE: readonly string[] = [
  ...["start", "download-far", "upload-far", "upload-10M", "download-10M"],
  ...["upload-docker-registry", "download", "download-tls"],
  ...["peek-gzip", "extract-gzip", "copy-layout", "chunks", "serve-file"],
];
