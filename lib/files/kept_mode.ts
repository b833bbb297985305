/** Permissions that stay when a file is replaced. Windows has no such bits. @module */

/** The permissions that we need ourselves, to write the file and to hash it. */
const OWN = 0o600;

/** The permission bits of a file; `undefined` if it does not exist, or the system has no such bits. */
async function modeOf(path: string): Promise<number | undefined> {
  if (Deno.build.os === "windows") return undefined;
  const info = await Deno.lstat(path).catch(() => undefined);
  return info?.isFile && info.mode !== null ? info.mode & 0o777 : undefined;
}

/** The permissions of a partial file: no more than the target allows to others. `undefined` = there is no target yet. */
export async function modeOfPartial(target: string): Promise<number | undefined> {
  const mode = await modeOf(target);
  return mode === undefined ? undefined : mode | OWN;
}

/** Takes permissions beyond these from the partial file of an earlier run. */
export async function narrow(path: string, mode: number | undefined): Promise<void> {
  const found = await modeOf(path);
  if (mode !== undefined && found !== undefined) await setMode(path, found & mode);
}

/** Gives a file the permissions of the one that it will replace. */
export async function keepMode(target: string, path: string): Promise<void> {
  const mode = await modeOf(target);
  if (mode !== undefined) await setMode(path, mode);
}

async function setMode(path: string, mode: number): Promise<void> {
  if (await modeOf(path) === mode) return;
  await Deno.chmod(path, mode).catch(() => {}); // a disk without permissions, or a file of another user
}
