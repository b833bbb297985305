/** What to try when a registry does not take the bytes of a blob in the way that they were sent. @module */
import { RegistryError } from "../../errors.ts";
import type { RegistryProfile } from "../profiles.ts";

/** How the bytes of blobs go up at the moment: as the registry's profile says, until the registry refuses that. */
export type ActiveMode = Pick<RegistryProfile, "push" | "partSize">;

const PART_SIZES = [60, 15, 4, 1].map((mebibytes) => mebibytes * 1024 ** 2);

/** The mode to try after a refusal; `undefined` = the error does not say that the mode was refused. */
export function fallbackMode(error: unknown, { push, partSize }: ActiveMode): ActiveMode | undefined {
  const status = error instanceof RegistryError ? error.status : undefined;
  if (status === 413) {
    const smaller = PART_SIZES.find((size) => push !== "parts" || size < partSize);
    return smaller === undefined ? undefined : { push: "parts", partSize: smaller };
  }
  if (status === 416 && push === "parts") return { push: "stream", partSize };
  if (status === 405 && push !== "put") return { push: "put", partSize };
  if (status === 411 && push === "stream") return { push: "parts", partSize };
  return undefined;
}

/** The mode in words, as in `sending them in parts of 4 MiB now`. */
export function describeMode({ push, partSize }: ActiveMode): string {
  if (push === "parts") return `in parts of ${partSize / 1024 ** 2} MiB`;
  return push === "stream" ? "as one stream" : "with one PUT";
}
