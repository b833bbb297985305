/** Counts what a server does, in the text form of Prometheus. @module */
import type { Exchanged } from "./node_exchange.ts";

/** Methods that have a count of their own. Clients may send any other word. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];

/** What a server has done since its start. */
export class ServerMetrics {
  readonly #requests: Map<string, number> = new Map();
  #seconds = 0;
  #sent = 0;
  #received = 0;
  readonly #started: number;

  /** @param started the time of the start, in milliseconds since 1970 */
  constructor(started: number) {
    this.#started = started;
  }

  /** Counts a request that is over. */
  count({ method, status, duration, sent, received }: Exchanged): void {
    const labels = `method="${METHODS.includes(method) ? method : "other"}",status="${status}"`;
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
    this.#seconds += duration / 1000;
    this.#sent += sent;
    this.#received += received;
  }

  /** The counts, as Prometheus reads them. */
  text(): string {
    const requests = [...this.#requests].sort().map(([labels, count]) => [`{${labels}}`, count] as const);
    return [
      metric("http_requests_total", "counter", "Requests that were answered.", requests),
      metric("http_request_seconds_total", "counter", "The time that requests took, in all.", [[
        "",
        this.#seconds,
      ]]),
      metric("http_sent_bytes_total", "counter", "Bytes of the bodies of answers.", [["", this.#sent]]),
      metric("http_received_bytes_total", "counter", "Bytes of the bodies of requests.", [[
        "",
        this.#received,
      ]]),
      metric("start_time_seconds", "gauge", "When the server started.", [["", this.#started / 1000]]),
    ].join("");
  }
}

function metric(
  name: string,
  type: "counter" | "gauge",
  help: string,
  samples: readonly (readonly [labels: string, value: number])[],
): string {
  const lines = samples.map(([labels, value]) => `layerstash_${name}${labels} ${value}\n`);
  return `# HELP layerstash_${name} ${help}\n# TYPE layerstash_${name} ${type}\n${lines.join("")}`;
}
