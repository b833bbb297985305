/** Tar archives made by hand, for what no program would make, and by GNU tar. @module */
import assert from "node:assert/strict";
import { concatenate } from "./content.ts";

/** One entry of an archive. */
export interface TarFile {
  name: string;
  /** One character: `0` a file, `1` a hard link, `2` a symbolic link, `5` a directory; absent = a file. */
  flag?: string;
  target?: string;
  content?: Uint8Array | string;
  /** Said in the header, whatever the content is. */
  size?: number;
  mode?: number;
  modified?: number;
  device?: [number, number];
  /** Name and target are written with one byte a character, which is not UTF-8 where they are not ASCII. */
  isLatin?: boolean;
  /** Changes the header before it gets its checksum. */
  change?: (header: Uint8Array<ArrayBuffer>) => void;
}

/** An archive with its end. */
export function tarOf(files: readonly TarFile[]): Uint8Array<ArrayBuffer> {
  return concatenate([...files.flatMap(partsOf), new Uint8Array(1024)]);
}

/** The header of an entry, in the format of POSIX. */
export function headerOf(file: TarFile): Uint8Array<ArrayBuffer> {
  const { name, flag = "0", target = "", mode = flag === "5" ? 0o755 : 0o644, modified = 1_600_000_000 } =
    file;
  const header = new Uint8Array(512);
  const encode = (text: string) =>
    file.isLatin ? Uint8Array.from(text, (each) => each.charCodeAt(0)) : new TextEncoder().encode(text);
  const put = (offset: number, text: string) => header.set(encode(text), offset);
  const number = (offset: number, length: number, value: number) =>
    put(offset, value.toString(8).padStart(length - 1, "0"));
  put(0, name.slice(0, 100));
  number(100, 8, mode);
  number(108, 8, 0);
  number(116, 8, 0);
  const size = file.size ?? bytesOf(file).length;
  if (size < 8 ** 11) number(124, 12, size);
  else {
    new DataView(header.buffer).setBigUint64(128, BigInt(size));
    header[124] = 0x80;
  }
  number(136, 12, modified);
  put(156, flag);
  put(157, target.slice(0, 100));
  put(257, "ustar\x0000");
  const [major, minor] = file.device ?? [0, 0];
  number(329, 8, major);
  number(337, 8, minor);
  file.change?.(header);
  return sealed(header);
}

/** Puts the checksum into a header. */
export function sealed(header: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return header;
}

/** Attributes for the entry that comes next or, with the flag `g`, for all. */
export function paxOf(attributes: Record<string, string>, flag: "x" | "g" = "x"): TarFile {
  const record = (key: string, value: string) => {
    const rest = ` ${key}=${value}\n`;
    let length = rest.length;
    while (`${length}${rest}`.length !== length) length = `${length}${rest}`.length;
    return `${length}${rest}`;
  };
  const content = Object.entries(attributes).map(([key, value]) => record(key, value)).join("");
  return { name: "PaxHeaders/0", flag, content };
}

function partsOf(file: TarFile): Uint8Array[] {
  const bytes = bytesOf(file);
  return [headerOf(file), bytes, new Uint8Array((512 - bytes.length % 512) % 512)];
}

function bytesOf({ content = "" }: TarFile): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

/** Runs a program to its end, with bytes on its standard input where some are given; gives its standard output. */
export async function runProgram(
  command: string,
  args: string[],
  { stdin, cwd }: { stdin?: Uint8Array<ArrayBuffer>; cwd?: string } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const child = new Deno.Command(command, {
    args,
    ...(cwd !== undefined && { cwd }),
    env: { TZ: "UTC", LC_ALL: "C.UTF-8" },
    stdin: stdin ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const feeding = stdin && new Blob([stdin]).stream().pipeTo(child.stdin).catch(() => {});
  const [{ success, stdout, stderr }] = await Promise.all([child.output(), feeding]);
  assert.ok(success, `${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return stdout;
}

/** What `tar tv` says of an archive, however it is packed: one line an entry, with single blanks. */
export async function tarListing(archive: string): Promise<string[]> {
  const said = await runProgram("tar", ["tvf", archive, "--quoting-style=literal"]);
  return linesOf(new TextDecoder().decode(said));
}

/** Lines with single blanks. */
export function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "").map((line) => line.replace(/ +/g, " "));
}
