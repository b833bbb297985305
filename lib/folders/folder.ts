/**
 * Folders: a directory stored as an ordinary OCI image, which docker, podman and Kubernetes unpack or mount.
 *
 * **The image.** A manifest in OCI's family, one tag, and layers that are eStargz archives: each file begins a gzip member,
 * large ones have a member for each piece, and a table of contents with digests stands at the end. The config has an object
 * `layerstash` that says that it is a folder. Putting the tag is the commit.
 *
 * **Packs.** Each layer but the last is a pack: files and links, sorted by the bytes of their paths. Where packs begin follows
 * from the paths, and from sizes in the neighbourhood alone: see `planPacks`. So a change of one file touches one pack, and
 * nothing else moves. A hard link is in the pack of the first path of its file, because engines link within a layer.
 *
 * **Directories** are in the last layer, all of them. Their times change whenever a file comes or goes; here that touches no
 * pack. And engines apply layers in order: they set modes and times of directories when everything is in its place.
 *
 * **The same folder gives the same digests**, whoever stores it, wherever, and in whatever order its files were made. What
 * counts are paths, types, modes, modification times, link targets, extended attributes and bytes. Owners do not, unless
 * whoever stores it wants to keep them: they are recorded as 0. Nothing depends on the clock, the locale, the umask of the program, or the name of the directory itself.
 *
 * **Reuse.** A journal on this machine remembers which metadata a pack was made of, so that a pack whose files have not
 * changed is not read. Another machine makes each pack, and sends those whose digest the stored folder does not have. Nothing
 * else that an image says of its layers is believed: who may push could pass off other files as these, under a new digest.
 *
 * **Encrypted**, each layer is an age file, and the manifest and the config stand in another one: see
 * `lib/images/encrypted_image.ts`. The packs are the same.
 *
 * **Holes** of sparse files are stored as runs of zeros: the table of contents of eStargz has no word for them, and a piece of
 * zeros takes a thousandth of its size.
 *
 * @module
 */
import * as v from "valibot";
import type { Bytes } from "../content/bytes.ts";
import type { SizedBlob } from "../oci/descriptor.ts";
import { parseAs } from "../oci/manifest.ts";

/** What a folder can hold. A socket, a device and a pipe are not stored. */
export type FolderEntryType = "file" | "directory" | "symlink" | "hardlink";

/** One file, directory or link of a folder, as it was found on the disk. */
export interface FolderEntry {
  /** Its path from the top, such as `a/b.txt`; empty = the top itself. Bytes that are not UTF-8 are lone surrogates. */
  path: string;
  /** What it is. The second path of a file, and each after that, is a hard link. */
  type: FolderEntryType;
  /** The permission bits, with the set-ID and sticky bits. */
  mode: number;
  /** The size of a file in bytes, with its holes; 0 for everything else. */
  size: number;
  /** The time of the last modification: whole seconds since 1970. */
  seconds: number;
  /** The rest of that time. */
  nanoseconds: number;
  /** The target of a symbolic link, or the first path of the file of a hard link. */
  target?: string | undefined;
  /** Extended attributes by their names, in order; absent = none. Links have none. */
  attributes?: Attributes | undefined;
  /** Whose it is, by number alone; absent = that does not count, and root's numbers are recorded. */
  owned?: { uid: number; gid: number; owner: ""; group: "" } | undefined;
}

/** Extended attributes by their names. */
export type Attributes = Readonly<Record<string, Bytes>>;

/** What the config of a folder's image says beside what those of all images say. */
export interface FolderNote {
  /** The version of this format. */
  version: 1;
  /** What kind of thing the image is. */
  kind: "folder";
  /** How many files and links there are. */
  files: number;
  /** The bytes of all files. */
  size: number;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const noteSchema = v.object({
  version: v.literal(1, "is not 1, the only version known here: a newer layerstash may read it"),
  kind: v.literal("folder"),
  files: count,
  size: count,
});

const configSchema = v.object({
  created: v.optional(v.string()),
  layerstash: noteSchema,
});

/** What a folder holds, and the layers that it lies in. */
export interface FolderFacts {
  /** How many files and links there are. */
  files: number;
  /** The bytes of all files. */
  size: number;
  /** When the newest of them was modified, in RFC 3339; absent if unknown. **Nobody has checked its form.** */
  modified?: string | undefined;
  /** Its layers, in order: packs of files, and at last the directories. */
  layers: SizedBlob[];
}

/**
 * What the config of a folder's image tells.
 *
 * @throws {MismatchError} if it is malformed or of an unknown version
 */
export function readFolderConfig(bytes: Uint8Array): Omit<FolderFacts, "layers"> {
  const { created, layerstash: { files, size } } = parseAs(configSchema, bytes, "config of the folder");
  return { files, size, modified: created };
}
