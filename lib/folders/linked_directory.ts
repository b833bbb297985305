/** A directory that is named by a link. @module */
import { readError } from "../content/file_errors.ts";

/**
 * Where a path leads if it is a link: whoever names one means its directory. Every other path comes back as it is.
 *
 * @throws {NotFoundError} if it leads nowhere
 */
export async function whereLeads(directory: string): Promise<string> {
  const isLink = await Deno.lstat(directory).then(({ isSymlink }) => isSymlink, () => false);
  if (!isLink) return directory;
  return await Deno.realPath(directory).catch((error) => {
    throw readError(error, directory);
  });
}
