/** The thread that writes files of an extraction, beside the one that reads their layer. @module */
import { writeAllSync } from "../content/write_all.ts";
import { createWithMode } from "./staged_tree.ts";

/** A file whose content lies in a buffer. */
export interface BufferedFile {
  /** Its path in the image. */
  path: string;
  mode: number;
  /** In seconds since 1970. */
  modified: number;
  /** Where its content is in the buffer. */
  offset: number;
  length: number;
}

/** Files to be written. The buffer comes back. */
export interface WritingOrder {
  /** The directory that paths count from. */
  root: string;
  /** The mode bits that new files get if they are wanted. */
  given: number;
  files: BufferedFile[];
  buffer: ArrayBuffer;
}

/** Which of the files were not written: nothing is left of them. */
export interface WritingAnswer {
  failed: number[];
  buffer: ArrayBuffer;
}

declare const self: {
  onmessage: (event: MessageEvent<WritingOrder>) => void;
  postMessage(message: WritingAnswer, transfer: ArrayBuffer[]): void;
};

function isWritten({ path, mode, modified, offset, length }: BufferedFile, order: WritingOrder): boolean {
  const target = `${order.root}/${path}`;
  let isMade = false;
  try {
    using file = createWithMode(target, { mode, given: order.given });
    isMade = true;
    writeAllSync(file, new Uint8Array(order.buffer, offset, length));
    file.utimeSync(modified, modified);
    return true;
  } catch {
    if (isMade) Deno.removeSync(target);
    return false;
  }
}

self.onmessage = ({ data }) => {
  const failed = data.files.flatMap((file, index) => isWritten(file, data) ? [] : [index]);
  self.postMessage({ failed, buffer: data.buffer }, [data.buffer]);
};
