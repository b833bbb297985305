/** Makes the calls of one repository: signs in, follows redirects, retries, and turns error answers into errors. @module */
import { NotAllowedError, RegistryError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { errorOf, isWebPage } from "../http/answers.ts";
import { paceOf } from "../http/host_pace.ts";
import { isBusyAnswer } from "../http/retry_after.ts";
import { Authorization, CATALOG_SCOPE, scopeFor, type SignInDemand } from "../sign_in/authorization.ts";
import type { RemoteAddress } from "../oci/registry_address.ts";
import type { FindCredentials } from "../sign_in/credentials.ts";
import type { Clock } from "../async/clock.ts";
import {
  type FailedAttempt,
  type RetryContext,
  retrying,
  type RetryPolicy,
  waitToRetry,
} from "../async/retry.ts";
import { follow } from "../http/redirects.ts";
import type { Transport } from "../http/request.ts";
import { type Call, ENDPOINTS, streams } from "./endpoints.ts";
import { type MadeCall, RequestSender } from "./request_sender.ts";
import type { CallOptions } from "../store/store.ts";

/** What a client takes. */
export interface ClientOptions {
  address: RemoteAddress;
  repository: string;
  findCredentials: FindCredentials;
  transport: Transport;
  policy: RetryPolicy;
  clock: Clock;
  /** The host of the token server, in place of the one that the registry names. */
  authHost?: string | undefined;
  /** Whether saved credentials may be sent where others on the network can read them. */
  insecureSkipTlsVerify?: boolean | undefined;
  /** Receives the events of calls that are made without an `onEvent` of their own. */
  onEvent?: OnEvent | undefined;
}

/** The header in which registries name their API, also in errors. */
const API_VERSION = "docker-distribution-api-version";

/** The client of one repository. */
export class RegistryClient {
  readonly #options: ClientOptions;
  readonly #authorization: Authorization;
  readonly #sender: RequestSender;
  /** How many who read now are about to push. */
  #pushing = 0;

  /** @param options the repository, and how to reach it */
  constructor(options: ClientOptions) {
    this.#options = options;
    this.#authorization = new Authorization({ ...options, ...options.address });
    this.#sender = new RequestSender({ ...options, hide: (text) => this.#authorization.hide(text) });
  }

  /** Milliseconds of its clock, which only ever grow. */
  now(): number {
    return this.#options.clock.now();
  }

  /** The registry's name. */
  get host(): string {
    return this.#options.address.host;
  }

  /** Receives the events of calls that are made without an `onEvent` of their own. */
  get onEvent(): OnEvent | undefined {
    return this.#options.onEvent;
  }

  /** Whether the registry has asked for a sign-in. */
  get signedIn(): boolean {
    return this.#authorization.demanded;
  }

  /** Asks for the right to push with every token, until the result is disposed of: one token is then enough. */
  expectPush(): Disposable {
    this.#pushing++;
    return { [Symbol.dispose]: () => void this.#pushing-- };
  }

  /**
   * Waits until an attempt that failed may be made again.
   *
   * @throws its error, if it is not transient, or the policy allows no more attempts
   */
  async waitToRetry(failed: FailedAttempt, options: CallOptions): Promise<void> {
    await waitToRetry(this.#retryContext(options), failed).catch(explainRefusedTokens);
  }

  #retryContext({ signal, onEvent = this.onEvent }: CallOptions): RetryContext {
    const { policy, clock } = this.#options;
    return { policy, clock, onEvent, signal };
  }

  /**
   * Makes a call, with retries.
   *
   * @throws {NotAllowedError} for 401 and 403
   * @throws {NotFoundError} for 404
   * @throws {RegistryError} for every other status that was not expected
   */
  async call(call: Call, options: CallOptions = {}): Promise<Response> {
    return await this.callFor(call, options, (answer) => answer);
  }

  /** Makes a call and reads its answer, with retries: where the body breaks, the call is made again. */
  async callFor<T>(
    call: Call,
    options: CallOptions,
    read: (answer: Response) => Promise<T> | T,
  ): Promise<T> {
    const attempt = async () => await read(await this.once(call, options));
    return await retrying(this.#retryContext(options), call.what, attempt).catch(explainRefusedTokens);
  }

  /** Makes a call without retries: for bodies that cannot be sent again as they are. */
  async once(call: Call, { signal, onEvent = this.onEvent }: CallOptions = {}): Promise<Response> {
    const start = this.urlOf(call.to);
    const { response, url } = await this.#follow({ ...call, signal, onEvent }, start);
    if (call.expect.includes(response.status)) {
      const ofStorage = call.bringsBlob && url.origin !== start.origin; // the digest of the bytes is the better judge
      return ofStorage ? response : await this.#refuseWebPage(response);
    }
    const error = await errorOf(response, {
      host: url.origin === start.origin ? this.host : url.host,
      what: call.what,
      redirected: url.origin !== start.origin,
      signedIn: await this.#authorization.signedIn(),
      changing: call.action === "push" || call.action === "delete",
      howToSignIn: this.#authorization.howToSignIn,
      passing: call.passing,
      hide: (text) => this.#authorization.hide(text),
    });
    const proceeds = isBusyAnswer(response.status) &&
      paceOf(url.host, this.#options.clock).proceeds(call.method);
    throw proceeds && error instanceof RegistryError ? error.with({ hostProceeds: true }) : error;
  }

  /** Follows redirects, without the credentials. A call whose body streams is not redirected: that cannot be sent again. */
  async #follow(call: MadeCall, start: URL): Promise<{ response: Response; url: URL }> {
    if (streams(call)) return { response: await this.#signIn(call, start), url: start };
    return await follow(start, { host: this.host, what: call.what, send: (url) => this.#signIn(call, url) });
  }

  async #signIn(call: MadeCall, url: URL): Promise<Response> {
    const headers = await this.#headers(call, url);
    const response = await this.#sender.send(call, url, headers);
    if (response.status !== 401 || url.origin !== this.#options.address.origin) return response;
    if (!await this.#learn(response, headers, call)) return response;
    await response.body?.cancel();
    if (streams(call)) {
      const message = `${this.host} does not take the sign-in for ${call.what} any more`;
      throw new RegistryError(message, { status: 401, transient: true });
    }
    return await this.#sender.send(call, url, await this.#headers(call, url));
  }

  /** Learns how to sign in. Some registries say so only at the base of the API. */
  async #learn(response: Response, sent: Headers, call: MadeCall): Promise<boolean> {
    try {
      const challenge = response.headers.has("www-authenticate") ? response : await this.#askBase(call);
      return await this.#authorization.learn(challenge, sent.get("authorization"), call.onEvent);
    } catch (error) {
      await response.body?.cancel();
      throw error;
    }
  }

  /**
   * Makes sure that it was a registry that answered 404: a web server answers so to everything. A registry has error codes,
   * names its API in a header, or has the base of the API; a proxy before it may send a page of its own.
   *
   * @throws {RegistryError} if it is not a registry
   */
  async requireRegistry(answer: Response, codes: readonly string[], options: CallOptions): Promise<void> {
    if (codes.length > 0 || this.signedIn || answer.headers.has(API_VERSION)) return;
    if ((await this.#askBase(options)).status !== 404) return;
    throw new RegistryError(`${this.host} is not a registry: it has no /v2/`, {
      status: 404,
      hint: "check the name of the registry",
    });
  }

  async #askBase({ signal, onEvent = this.onEvent }: CallOptions): Promise<Response> {
    const call = { ...ENDPOINTS.base(this.#options.address), signal, onEvent };
    const answer = await this.#sender.send(
      call,
      this.urlOf(call.to),
      new Headers({ "user-agent": "layerstash" }),
    );
    await answer.body?.cancel();
    return answer;
  }

  async #headers(call: MadeCall, url: URL): Promise<Headers> {
    // Compressed answers have another length than the blob, and fetch unpacks them: identity asks for the stored bytes.
    const headers = new Headers({
      "user-agent": "layerstash",
      "accept-encoding": "identity",
      ...call.headers,
    });
    if (url.origin !== this.#options.address.origin) return headers;
    const authorization = await this.#authorization.header(this.#scopes(call), call.signal);
    if (authorization) headers.set("authorization", authorization);
    return headers;
  }

  #scopes({ action, alsoPull }: Call): string[] {
    const { repository } = this.#options;
    if (action === "sign-in") return [];
    const right = action === "pull" && this.#pushing > 0 ? "push" : action;
    const scope = right === "catalog" ? CATALOG_SCOPE : scopeFor(repository, right);
    return alsoPull ? [scope, scopeFor(alsoPull, "pull")] : [scope];
  }

  /**
   * How the registry wants clients to sign in, with a token for these actions if it takes tokens.
   *
   * @throws {NotAllowedError} if no token is given
   */
  async demand(
    actions: readonly string[],
    { signal, onEvent = this.onEvent }: CallOptions,
  ): Promise<SignInDemand> {
    const call: MadeCall = { ...ENDPOINTS.base(this.#options.address), signal, onEvent };
    const url = this.urlOf(call.to);
    const attempt = async () => {
      const headers = new Headers({ "user-agent": "layerstash" });
      const response = await this.#sender.send(call, url, headers);
      if (response.status === 401) await this.#learn(response, headers, call);
      await response.body?.cancel();
      return await this.#authorization.demand(
        [`repository:${this.#options.repository}:${actions.join(",")}`],
        signal,
      );
    };
    return await retrying(this.#retryContext(call), call.what, attempt).catch(explainRefusedTokens);
  }

  /** The URL of a path after `/v2/<repository>/`. URLs stay as they are. */
  urlOf(to: string | URL): URL {
    const { address, repository } = this.#options;
    return to instanceof URL ? to : new URL(`${address.origin}/v2/${repository}/${to}`);
  }

  /** Refuses web pages: a sign-in portal answers 200 to everything, also to the question whether a blob exists. */
  async #refuseWebPage(response: Response): Promise<Response> {
    if (response.status !== 200 || !isWebPage(response)) return response;
    await response.body?.cancel();
    throw new RegistryError(`${this.host} answered with a web page: it is not a registry`, {
      status: response.status,
      hint: "check the name of the registry",
    });
  }
}

/** Throws an error again. Where each attempt was refused its token, the error says so. */
function explainRefusedTokens(error: unknown): never {
  if (!(error instanceof RegistryError) || !error.givenUp || error.status !== 401) throw error;
  throw new NotAllowedError(`${error.message}, at each attempt`, {
    hint: error.hint ?? "the registry accepts none of the tokens that its own token server gives",
    cause: error,
  });
}
