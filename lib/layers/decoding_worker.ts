/** The thread that decompresses a layer: it gets packed bytes, and gives what it makes of them. @module */
import { LayerstashError } from "../errors.ts";
import { BytePort, type PortMessage } from "../content/byte_port.ts";
import { type Compression, decompress } from "./compression.ts";

/** The first message to the thread. */
export interface DecodingOrder {
  type: "decode";
  compression: Compression;
}

/** The last message of the thread where the bytes are damaged. */
export interface DecodingFailure {
  type: "failed";
  message: string;
  hint: string | undefined;
}

declare const self: {
  onmessage: (event: MessageEvent<DecodingOrder | PortMessage>) => void;
  postMessage(message: PortMessage | DecodingFailure, transfer?: ArrayBuffer[]): void;
};

const port = new BytePort(self);

async function decode({ compression }: DecodingOrder): Promise<void> {
  try {
    await port.send(decompress(port.receive(), compression));
  } catch (error) {
    const { message, hint } = error instanceof LayerstashError ? error : new LayerstashError(`${error}`);
    self.postMessage({ type: "failed", message, hint });
  }
}

self.onmessage = ({ data }) => data.type === "decode" ? void decode(data) : port.hear(data);
