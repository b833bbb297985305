/** A transport that tells of each request. @module */
import type { OnEvent } from "../events.ts";
import type { Transport } from "./request.ts";
import type { Clock } from "../async/clock.ts";

/** The same transport, with an event for each request. It names no query: that may be a signature. */
export function observedTransport(
  transport: Transport,
  { clock, onEvent }: { clock: Clock; onEvent?: OnEvent | undefined },
): Transport {
  return {
    async send(request) {
      const { method, url } = request;
      const began = clock.now();
      let status = 0;
      try {
        const response = await transport.send(request);
        status = response.status;
        return response;
      } finally {
        const milliseconds = Math.round(clock.now() - began);
        onEvent?.({ type: "request", method, url: url.origin + url.pathname, status, milliseconds });
      }
    },
    close: () => transport.close(),
  };
}
