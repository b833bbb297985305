/** Sends single requests to a registry and to the hosts that it names, each at the pace that its host takes. @module */
import type { Clock } from "../async/clock.ts";
import type { RetryPolicy } from "../async/retry.ts";
import { LayerstashError, RegistryError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { errorOfNoAnswer } from "../http/answers.ts";
import { type HostPace, paceOf } from "../http/host_pace.ts";
import type { Transport } from "../http/request.ts";
import { endsCall, isBusyAnswer, retryAfterOf } from "../http/retry_after.ts";
import { sendObserved } from "../http/transport.ts";
import { warningsOf } from "../http/warnings.ts";
import type { RemoteAddress } from "../oci/registry_address.ts";
import type { CallOptions } from "../store/store.ts";
import { answerWithin, type Call } from "./endpoints.ts";

/** A call, with the signal and the channel of whoever makes it. */
export type MadeCall = Call & CallOptions;

/** What a sender takes. */
export interface RequestSenderOptions {
  address: RemoteAddress;
  transport: Transport;
  policy: RetryPolicy;
  clock: Clock;
  /** Takes secrets out of a text. */
  hide: (text: string) => string;
}

/** A pause before a request that is shorter, in milliseconds, is no event. */
const LONG_PAUSE = 1000;

/** Sends the requests of one client, and remembers which hosts have answered, and what they warned of. */
export class RequestSender {
  readonly #options: RequestSenderOptions;
  readonly #warnings: Set<string> = new Set();
  /** The hosts that have answered. */
  readonly #answered: Set<string> = new Set();

  constructor(options: RequestSenderOptions) {
    this.#options = options;
  }

  /**
   * Sends a call to a URL, with these headers. The answer is not judged.
   *
   * @throws {RegistryError} if none comes
   */
  async send(call: MadeCall, url: URL, headers: Headers): Promise<Response> {
    const { method, body, beforeStream, what, signal, onEvent } = call;
    const { transport, clock, address } = this.#options;
    const pace = paceOf(url.host, clock);
    await pace.enter(signal, (delay) => {
      if (delay >= LONG_PAUSE) onEvent?.({ type: "pause", host: url.host, delay });
    });
    try {
      const within = answerWithin(call);
      const request = { method, url, headers, body, beforeStream, what, answerWithin: within, signal };
      const response = await sendObserved(transport, request, { clock, onEvent });
      this.#answered.add(url.host);
      this.#keepPace(pace, method, response);
      this.#warn(response, onEvent);
      return response;
    } catch (error) {
      signal?.throwIfAborted();
      const known = this.#answered.has(url.host);
      const noAnswer = error instanceof LayerstashError ? error : errorOfNoAnswer(error, url.host, { known });
      if (known || !(noAnswer instanceof RegistryError)) throw noAnswer;
      throw noAnswer.with({
        firstContact: true,
        ...(url.origin !== address.origin && this.#namedBy()),
      });
    }
  }

  /** The hint about a host that never answered, and that the user did not name. */
  #namedBy(): { hint: string } {
    const who = `${this.#options.address.host} sends requests to this host`;
    return { hint: `${who}: check the network, and which Host header its proxy passes on` };
  }

  /** Notes whether the host is busy. A pause that is too long for the policy ends the call instead. */
  #keepPace(pace: HostPace, method: string, { status, headers }: Response): void {
    const pause = retryAfterOf(headers);
    const tooLong = pause !== undefined && pause > this.#options.policy.longestRetryAfter;
    if (isBusyAnswer(status)) pace.refused(method, tooLong ? undefined : pause);
    else if (endsCall(status)) pace.took(method);
  }

  /** Reports the registry's warnings for users (`Warning: 299`) as notices, each text once. */
  #warn(response: Response, onEvent: OnEvent | undefined): void {
    for (const text of warningsOf(response.headers, this.#options.hide)) {
      if (this.#warnings.has(text)) continue;
      this.#warnings.add(text);
      onEvent?.({ type: "notice", message: `${this.#options.address.host} says: ${text}` });
    }
  }
}
