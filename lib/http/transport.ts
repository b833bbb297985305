/** The transport: sends each kind of request in the way that fits it best. @module */
import { withDefaults } from "../arguments.ts";
import { FetchTransport } from "./fetch_transport.ts";
import { NodeTransport } from "./node_transport.ts";
import { isOwnAuthority } from "./answers.ts";
import { namesProxy, proxyOf } from "./proxies.ts";
import { RateLimit } from "./rate_limit.ts";
import type { HttpRequest, Transport, TransportOptions } from "./request.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import type { OnEvent } from "../events.ts";
import { DEFAULT_TIMEOUTS, TIMES } from "./timeouts.ts";

/** The ports to which `fetch` sends nothing (WHATWG Fetch, "Port blocking"). A registry may be on any of them. */
const BLOCKED_PORTS = new Set(
  [
    "1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113",
    "115 117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554",
    "556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665",
    "6666 6667 6668 6669 6679 6697 10080",
  ].join(" ").split(" "),
);

/** The largest body that is sent with `fetch`, in bytes. Of a larger one nobody would see how far it has come. */
const MOST_AT_ONCE = 1024 * 1024;

/**
 * Makes a transport: `fetch`, except for what streams up, which goes over `node:http`. That takes a tenth of a second to load:
 * it is loaded when a stream is about to be sent. Deno's `fetch` cannot send the length of a stream, cannot leave
 * certificates unchecked, and does not probe a silent connection. It repeats a request by itself when a reused connection
 * breaks: that does no harm, except where bytes are appended, which would arrive twice. A server may show the certificate of
 * an authority as its own, which `fetch` refuses even where `caCerts` names it; `node:tls` compares it with those, and
 * checks all else.
 *
 * @throws {InvalidInputError} if a time or a rate is out of range
 */
export function openTransport(options: TransportOptions = {}): Transport {
  const { insecureSkipTlsVerify, proxyEnv = {}, limitRate, clock = systemClock } = options;
  const timeouts = withDefaults(DEFAULT_TIMEOUTS, options.timeouts, TIMES);
  const isLimit = limitRate === undefined || limitRate instanceof RateLimit;
  const limit = isLimit ? limitRate : new RateLimit(limitRate, clock);
  const connection = { ...options, timeouts, limit };
  const fetching = new FetchTransport(connection);
  let node: Promise<NodeTransport> | undefined;
  const overNode = async (request: HttpRequest) =>
    await (await (node ??= NodeTransport.load(connection))).send(request);
  /** The hosts whose certificate is an authority's own. */
  const ownAuthorities = new Set<string>();
  return {
    async send(request) {
      const { url } = request;
      const proxy = proxyOf(url, proxyEnv);
      // A URL that NO_PROXY names is not left to fetch, which has rules of its own for these variables.
      const excepted = proxy === undefined && namesProxy(proxyEnv);
      const refused = BLOCKED_PORTS.has(url.port) || ownAuthorities.has(url.host);
      if (refused || insecureSkipTlsVerify || excepted || isOfStream(request, limit)) {
        return await overNode(request);
      }
      try {
        return await fetching.send(request, proxy);
      } catch (error) {
        if (!options.caCerts || !isOwnAuthority(error)) throw error;
        ownAuthorities.add(url.host);
        return await overNode(request);
      }
    },
    close() {
      fetching.close();
      node?.then((transport) => transport.close(), () => {});
      node = undefined;
    },
  };
}

/**
 * Whether a request belongs to a body that streams: it begins one, appends to it, or ends it, for which a registry may take
 * half an hour.
 */
function isOfStream({ method, body, beforeStream, answerWithin }: HttpRequest, limit?: RateLimit): boolean {
  if (beforeStream || method === "PATCH") return true;
  if (body === undefined) return false;
  if (!(body instanceof Uint8Array) || body.length > Math.min(MOST_AT_ONCE, limit?.piece ?? Infinity)) {
    return true;
  }
  return body.length === 0 && answerWithin === "commit";
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
