/** A thread that seals and opens batches of records. @module */
import type { Bytes } from "../content/bytes.ts";
import { failureOf, type ThreadFailure } from "../content/thread_failure.ts";
import { type Batch, RecordCipher, transformBatch, type Work } from "./records.ts";

/** A batch, and where its result goes. Both buffers go to the thread. */
export interface CipherOrder {
  work: Work;
  /** The key of the payload. */
  key: Bytes;
  batch: Batch;
  /** The buffer for what comes of it. */
  into: Bytes;
}

/** What comes of an order. Both buffers come back. */
export interface Transformed {
  /** What came of the batch; it begins where its buffer does. */
  bytes: Bytes;
  /** The buffer that the batch had. */
  spare: ArrayBuffer;
}

declare const self: {
  onmessage: (event: MessageEvent<CipherOrder>) => void;
  postMessage(message: Transformed | ThreadFailure, transfer?: ArrayBuffer[]): void;
};

self.onmessage = ({ data: { work, key, batch, into } }) => {
  try {
    const bytes = transformBatch(work, new RecordCipher(key), { batch, into });
    const spare = batch.bytes.buffer;
    self.postMessage({ bytes, spare }, [bytes.buffer, spare]);
  } catch (error) {
    self.postMessage(failureOf(error));
  }
};
