/** The work that the benchmark lets programs do. @module */
import type { Setup } from "./contenders.ts";
import { growth, rerun, startup } from "./cost_loads.ts";
import { downloadNginx, downloadRegistry } from "./download_loads.ts";
import { uploadFar, uploadRegistry, uploadSink } from "./upload_loads.ts";

/** All loads, by the names that choose them. */
export const LOADS: Readonly<Record<string, Setup>> = {
  "upload-sink": uploadSink,
  "upload-registry": uploadRegistry,
  "download-registry": downloadRegistry,
  "download-nginx": downloadNginx,
  "upload-far": uploadFar,
  rerun,
  startup,
  growth,
};
