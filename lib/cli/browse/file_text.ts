/** Shows the bytes of a file as lines: text as text, anything else in hexadecimal. @module */
import type { Bytes } from "../../content/bytes.ts";
import type { OpenLayerEntry } from "../../images/image_files.ts";

/** How much of a file is read to show it, in bytes. */
const MOST_VIEWED = 1024 * 1024;
/** How much of a file is shown in hexadecimal, in bytes. */
const MOST_DUMPED = 64 * 1024;
const TAB = 8;

/** The beginning of a file, as much as is shown; holes are zeros. */
export async function beginningOf(entry: OpenLayerEntry): Promise<Bytes> {
  const bytes = new Uint8Array(Math.min(entry.size, MOST_VIEWED));
  for await (const { offset, bytes: piece } of entry.extents()) {
    if (offset >= bytes.length) break;
    bytes.set(piece.subarray(0, bytes.length - offset), offset);
    if (offset + piece.length >= bytes.length) break;
  }
  return bytes;
}

/** The lines of a text; of any other file the bytes in hexadecimal, sixteen a line. */
export function linesOf(bytes: Bytes): string[] {
  if (!isText(bytes)) return dump(bytes.subarray(0, MOST_DUMPED));
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines.map(withoutTabs);
}

/** Whether the bytes are text: as for grep, text has no zero byte. */
export function isText(bytes: Bytes): boolean {
  return !bytes.includes(0);
}

/** How many bytes of a file that begins with these bytes are shown at most. */
export function mostShown(bytes: Bytes): number {
  return isText(bytes) ? MOST_VIEWED : MOST_DUMPED;
}

function withoutTabs(line: string): string {
  let text = "";
  for (const piece of line.split(/(\t)/)) {
    text += piece === "\t" ? " ".repeat(TAB - text.length % TAB) : piece;
  }
  return text;
}

function dump(bytes: Bytes): string[] {
  return Array.from({ length: Math.ceil(bytes.length / 16) }, (_, row) => {
    const sixteen = bytes.subarray(row * 16, row * 16 + 16);
    const hex = Array.from(sixteen, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const seen = Array.from(sixteen, (byte) => byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".");
    return `${(row * 16).toString(16).padStart(8, "0")}  ${hex.padEnd(47)}  ${seen.join("")}`;
  });
}
