/** Makes connections, each kind of request over what serves it best. @module */
import { withDefaults } from "../arguments.ts";
import { FetchTransport } from "./fetch_transport.ts";
import { NodeTransport } from "./node_transport.ts";
import { namesProxy, proxyOf } from "./proxies.ts";
import { RateLimit } from "./rate_limit.ts";
import type { HttpRequest, Transport, TransportOptions } from "./request.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import type { OnEvent } from "../events.ts";
import { DEFAULT_TIMEOUTS, TIMES } from "./timeouts.ts";

/**
 * Makes a transport: `fetch` for what reads, `node:http` for what sends. For Deno's `fetch` cannot tell the length
 * of a stream, cannot leave certificates unchecked, and sends a request again by itself when a connection that it
 * had used before breaks: a part of a blob would arrive twice. HEAD takes the connections that there are: between two
 * requests that send, one of its own would cost the round trips of a handshake.
 *
 * @throws {InvalidInputError} when a time or a rate cannot be
 */
export function openTransport(options: TransportOptions = {}): Transport {
  const { insecureSkipTlsVerify, proxyEnv = {}, limitRate, clock = systemClock } = options;
  const timeouts = withDefaults(DEFAULT_TIMEOUTS, options.timeouts, TIMES);
  const isLimit = limitRate === undefined || limitRate instanceof RateLimit;
  const limit = isLimit ? limitRate : new RateLimit(limitRate, clock);
  const how = { ...options, timeouts, limit };
  const reading = new FetchTransport(how);
  let node: Promise<NodeTransport> | undefined;
  return {
    async send(request) {
      const { method, url } = request;
      const proxy = proxyOf(url, proxyEnv);
      // What the variables except from the proxy is not left to fetch, which reads them in a way of its own.
      const excepted = proxy === undefined && namesProxy(proxyEnv);
      const fetches = method === "GET" || (method === "HEAD" && !node);
      if (fetches && !insecureSkipTlsVerify && !excepted) return await reading.send(request, proxy);
      return await (await (node ??= NodeTransport.load(how))).send(request);
    },
    close() {
      reading.close();
      node?.then((transport) => transport.close(), () => {});
      node = undefined;
    },
  };
}

/** Sends a request, and reports it as an event. The event names no query: that may be a signature. */
export async function sendObserved(
  transport: Transport,
  request: HttpRequest,
  { clock, onEvent }: { clock: Clock; onEvent?: OnEvent | undefined },
): Promise<Response> {
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
}
