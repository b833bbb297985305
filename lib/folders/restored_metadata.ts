/** Gives files of a folder that come back what they had beside their content: owners, attributes, modes and times. @module */
import { denied } from "../content/file_errors.ts";
import { NotAllowedError } from "../errors.ts";
import { isOwner, plainMode } from "../images/metadata.ts";
import { type Entry, timeOf } from "../layers/entry.ts";
import type { Disk } from "./disk.ts";

/** What of an entry is set beside its content. */
export type Metadata = Pick<Entry, "path" | "mode" | "modified" | "exactTime" | "uid" | "gid" | "attributes">;

/** How it is set. */
export interface MetadataOptions {
  disk: Disk;
  /** Gives everything the owner that is stored, with its set-ID bits and capabilities. */
  sameOwner?: boolean | undefined;
}

/**
 * Sets the metadata of a file or a directory, and returns how many extended attributes could not be set. The owner comes
 * first, because changing it clears set-ID bits and capabilities. Attributes need the right to write.
 */
export function restoreMetadata(at: string, entry: Metadata, options: MetadataOptions): number {
  const { disk, sameOwner } = options;
  if (sameOwner) setOwner(at, entry, disk);
  const attributes = Object.entries(entry.attributes ?? {}).filter(([name]) => isRestored(name, options));
  if (attributes.length > 0) disk.setMode(at, plainMode(entry) | 0o200);
  const lost = attributes.filter(([name, value]) => !disk.setAttribute(at, name, value)).length;
  disk.setMode(at, restoredMode(entry, options));
  disk.setTime(at, timeOf(entry));
  return lost;
}

/** The mode that a file gets. */
export function restoredMode(
  entry: Pick<Metadata, "mode">,
  { sameOwner }: Pick<MetadataOptions, "sameOwner">,
): number {
  return sameOwner ? entry.mode : plainMode(entry);
}

/**
 * Sets the owner of a file, a directory or a link.
 *
 * @throws {NotAllowedError} if no user has the number, or the system does not permit it
 */
export function setOwner(at: string, { uid, gid }: Metadata, disk: Disk): void {
  if (!isOwner(uid) || !isOwner(gid)) {
    throw new NotAllowedError(`${at} belongs to ${uid}:${gid}, which no system has`, {
      hint: "omit --same-owner: you then own the files",
    });
  }
  try {
    disk.setOwner(at, { uid, gid });
  } catch (error) {
    const refusal = denied(
      error,
      `--same-owner needs the rights of root: ${at} cannot be given to ${uid}:${gid}`,
    );
    throw refusal?.with({ hint: "run it as root, or omit --same-owner: you then own the files" }) ?? error;
  }
}

/** Whether an attribute comes back: those of users, and capabilities of files only together with their owners. */
export function isRestored(
  name: string,
  { sameOwner = false }: { sameOwner?: boolean | undefined },
): boolean {
  return name.startsWith("user.") || sameOwner && name === "security.capability";
}
