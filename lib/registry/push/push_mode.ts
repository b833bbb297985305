/** How the bytes of a blob go up, and what to try when a registry does not take them so. @module */
import { RegistryError } from "../../errors.ts";
import type { PushMode } from "../profiles.ts";

/** How the bytes go up at the moment. */
export interface PushWay {
  mode: PushMode;
  /** In bytes. */
  partSize: number;
}

const PART_SIZES = [60, 15, 4, 1].map((mebibytes) => mebibytes * 1024 ** 2);

/** The next way to try when a registry refuses one; `undefined` = the error says nothing about the way. */
export function wayAfter(error: unknown, { mode, partSize }: PushWay): PushWay | undefined {
  const status = error instanceof RegistryError ? error.status : undefined;
  if (status === 413) {
    const smaller = PART_SIZES.find((size) => mode !== "parts" || size < partSize);
    return smaller === undefined ? undefined : { mode: "parts", partSize: smaller };
  }
  if (status === 416 && mode === "parts") return { mode: "stream", partSize };
  if (status === 405 && mode !== "put") return { mode: "put", partSize };
  if (status === 411 && mode === "stream") return { mode: "parts", partSize };
  return undefined;
}

/** The way in words, as in `sending them in parts of 4 MiB now`. */
export function describeWay({ mode, partSize }: PushWay): string {
  if (mode === "parts") return `in parts of ${partSize / 1024 ** 2} MiB`;
  return mode === "stream" ? "as one stream" : "with one PUT";
}
