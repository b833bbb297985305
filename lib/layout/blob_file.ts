/** The file of a blob in a layout: where it is, and its size, unless it is a link that leads out of the layout. @module */
import { basename, join, sep } from "node:path";
import { denied, isAbsence } from "../content/file_errors.ts";
import { MismatchError } from "../errors.ts";
import { type Digest, encodedPart, layoutPath } from "../oci/digest.ts";

/** A layout, and its name for messages. */
export interface NamedLayout {
  directory: string;
  name: string;
}

/** Where a blob is in the layout in a directory. */
export function blobFile(directory: string, digest: Digest): string {
  return join(directory, layoutPath(digest));
}

/**
 * The size of a blob in bytes; `undefined` = absent.
 *
 * @throws {MismatchError} if it is a link that leads out of the layout
 */
export async function blobFileSize(layout: NamedLayout, digest: Digest): Promise<number | undefined> {
  try {
    const info = await Deno.lstat(blobFile(layout.directory, digest));
    const { isFile, size } = info.isSymlink ? await statLinked(layout, digest) : info;
    return isFile ? size : undefined;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw denied(error, (error as Error).message) ?? error;
  }
}

/**
 * What a link among the blobs leads to. A layout may come from a stranger, and a link of it could pass any file of this
 * machine for a blob: on its way to a client or to a registry most of a blob has gone before its digest is known to be
 * wrong. So a link stays in the layout, or leads to a file that has the digest in its name, as a blob of another layout
 * has, or a file that git-annex keeps.
 */
async function statLinked({ directory, name }: NamedLayout, digest: Digest): Promise<Deno.FileInfo> {
  const [target, layout] = [
    await Deno.realPath(blobFile(directory, digest)),
    await Deno.realPath(directory),
  ];
  const isInside = target.startsWith(layout + sep);
  if (isInside || basename(target).includes(encodedPart(digest))) return await Deno.stat(target);
  throw new MismatchError(`the blob ${digest} of ${name} is a link that leads out of the layout`, {
    hint: `replace the link with the file, as in: cp --remove-destination "$(readlink -f LINK)" LINK`,
  });
}
