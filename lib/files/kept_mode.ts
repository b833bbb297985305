/** Permission bits that a file keeps when another takes its place. Windows knows none. @module */

/** What we need to write it, and to read what was written. */
const OWN = 0o600;

/** The permission bits of the ordinary file at a path; `undefined` where there is none, or no such bits. */
async function modeOf(path: string): Promise<number | undefined> {
  if (Deno.build.os === "windows") return undefined;
  const info = await Deno.lstat(path).catch(() => undefined);
  return info?.isFile && info.mode !== null ? info.mode & 0o777 : undefined;
}

/** The bits of a file that grows until it takes the place of another: no more open to others; `undefined` = any. */
export async function modeOfPartial(target: string): Promise<number | undefined> {
  const mode = await modeOf(target);
  return mode === undefined ? undefined : mode | OWN;
}

/** Takes from a file that was begun before what is beyond these bits. */
export async function narrow(path: string, mode: number | undefined): Promise<void> {
  const found = await modeOf(path);
  if (mode !== undefined && found !== undefined) await setMode(path, found & mode);
}

/** Gives a file the bits of the one whose place it takes. */
export async function keepMode(target: string, path: string): Promise<void> {
  const mode = await modeOf(target);
  if (mode !== undefined) await setMode(path, mode);
}

async function setMode(path: string, mode: number): Promise<void> {
  if (await modeOf(path) === mode) return;
  await Deno.chmod(path, mode).catch(() => {}); // a disk that knows no such bits, or a file that is another's
}
