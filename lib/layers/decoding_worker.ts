/** The thread that decompresses a layer: it gets packed bytes, and gives what it makes of them. @module */
import { BytePort, type PortMessage } from "../content/byte_port.ts";
import { failureOf, type ThreadFailure } from "../content/thread_failure.ts";
import { type Compression, decompress } from "./compression.ts";

/** The first message to the thread. */
export interface DecodingOrder {
  type: "decode";
  compression: Compression;
}

declare const self: {
  onmessage: (event: MessageEvent<DecodingOrder | PortMessage>) => void;
  postMessage(message: PortMessage | ThreadFailure, transfer?: ArrayBuffer[]): void;
};

const port = new BytePort(self);

async function decode({ compression }: DecodingOrder): Promise<void> {
  try {
    await port.send(decompress(port.receive(), compression));
  } catch (error) {
    self.postMessage(failureOf(error));
  }
}

self.onmessage = ({ data }) => data.type === "decode" ? void decode(data) : port.hear(data);
