/** An OCI registry inside the test's process: right as distribution v3 is, and wrong where a test says so. @module */
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { Digest } from "../../lib/oci/digest.ts";
import type { ServerCertificate } from "./certificates.ts";
import type { Fake } from "./fake.ts";
import { isAllowed } from "./fake_auth.ts";
import { handleBlob, handleSignedUrl } from "./fake_blobs.ts";
import { ConnectionLost, Exchange, type Origin, type RecordedRequest } from "./fake_exchange.ts";
import { type Failure, type Faults, isOverLimit, takeFailure } from "./fake_faults.ts";
import { handleManifest, listRepositories, listTags, sendReferrers } from "./fake_manifests.ts";
import { FakeStorage } from "./fake_storage.ts";
import { continueUpload, openUpload } from "./fake_uploads.ts";
import { startTokenServer, type TokenServer, type TokenSettings } from "./token_server.ts";

export type { BrokenBody, Failure, Faults } from "./fake_faults.ts";
export type { RecordedRequest } from "./fake_exchange.ts";

/** Which registry is wanted. */
export interface FakeOptions {
  /** What is wrong with it at first. */
  faults?: Faults;
  /** Who may use it: everyone (where absent), `USER` by password, or whoever has a token of `tokens`. */
  auth?: "none" | "basic" | "bearer";
  /** How the token server of `auth: "bearer"` behaves at first. */
  tokens?: Partial<TokenSettings>;
  /** Throws the bytes of uploads over 64 KiB away, and keeps their sizes and digests. */
  discard?: boolean;
  /** The port of the registry; where absent any that is free. */
  port?: number;
  /** Makes all its servers speak https. */
  certificate?: ServerCertificate;
}

/** A running fake registry. */
export interface FakeRegistry extends Fake, AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Every request to the registry and its storage, oldest first. */
  readonly requests: RecordedRequest[];
  /** Whether a request is being answered, or its body is still to come. */
  readonly isBusy: boolean;
}

/** Starts a fake registry, with its storage and token server, on free ports of this machine. */
export async function startFakeRegistry(options: FakeOptions = {}): Promise<FakeRegistry> {
  const registry = new RunningFake(options);
  await registry.listen();
  return registry;
}

const BLOB = /^\/v2\/(.+)\/blobs\/(sha256:[^/]+)$/;
const UPLOADS = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/;
const MANIFEST = /^\/v2\/(.+)\/manifests\/([^/]+)$/;
const REFERRERS = /^\/v2\/(.+)\/referrers\/(sha256:[^/]+)$/;
const TAGS = /^\/v2\/(.+)\/tags\/list$/;
const ANY_REPOSITORY = /^\/v2\/(.+)\/(?:blobs|manifests|tags|referrers)\//;

class RunningFake implements FakeRegistry {
  readonly faults: Faults;
  readonly storage: FakeStorage;
  readonly auth: "none" | "basic" | "bearer";
  readonly tokens: TokenServer | undefined;
  readonly base: Record<Origin, string> = { registry: "", storage: "" };
  readonly requests: RecordedRequest[] = [];
  readonly #servers: Record<Origin, http.Server>;
  readonly #signatures = new Map<string, number>();
  readonly #scheme: string;
  readonly #port: number;
  #underWay = 0;

  constructor({ faults = {}, auth = "none", tokens, discard = false, certificate, port = 0 }: FakeOptions) {
    this.#port = port;
    this.faults = faults;
    this.auth = auth;
    this.storage = new FakeStorage(discard);
    this.tokens = auth === "bearer" ? startTokenServer(tokens, certificate) : undefined;
    this.#scheme = certificate ? "https" : "http";
    this.#servers = {
      registry: this.#serve("registry", certificate),
      storage: this.#serve("storage", certificate),
    };
  }

  get url(): string {
    return this.base.registry;
  }
  get host(): string {
    return new URL(this.url).host;
  }
  get isBusy(): boolean {
    return this.#underWay > 0;
  }

  async listen(): Promise<void> {
    for (const origin of ["registry", "storage"] as const) {
      const server = this.#servers[origin];
      const { promise, resolve } = Promise.withResolvers<void>();
      server.listen(origin === "registry" ? this.#port : 0, "127.0.0.1", resolve);
      await promise;
      this.base[origin] = `${this.#scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    }
  }

  locate(path: string): string {
    const { locations = "absolute" } = this.faults;
    if (locations === "relative") return path;
    return (locations === "another-origin" ? this.base.storage : this.base.registry) + path;
  }

  signedUrl(digest: Digest): string {
    const signature = crypto.randomUUID();
    this.#signatures.set(signature, this.faults.signedUrlUses ?? Infinity);
    return `${this.base.storage}/signed/${digest}?signature=${signature}`;
  }

  useSignature(signature: string): boolean {
    const left = this.#signatures.get(signature) ?? 0;
    this.#signatures.set(signature, left - 1);
    return left > 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of Object.values(this.#servers)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    }
    await this.tokens?.[Symbol.asyncDispose]();
  }

  #serve(origin: Origin, certificate: ServerCertificate | undefined): http.Server {
    const listener = (request: http.IncomingMessage, response: http.ServerResponse) => {
      const exchange = new Exchange(request, response, { base: this.base[origin], origin });
      this.requests.push(exchange.record);
      void this.#handle(exchange);
    };
    if (!certificate) return http.createServer(listener);
    return https.createServer({ cert: certificate.certificatePem, key: certificate.keyPem }, listener);
  }

  async #handle(exchange: Exchange): Promise<void> {
    this.#underWay++;
    try {
      await this.#answer(exchange);
      await exchange.read(() => {});
    } catch (error) {
      if (error instanceof ConnectionLost || exchange.lost) return;
      if (!exchange.answered) {
        exchange.answer(500, {}, `the fake registry is at fault: ${(error as Error).stack}`);
      }
    } finally {
      this.#underWay--;
    }
  }

  async #answer(exchange: Exchange): Promise<void> {
    const path = exchange.url.pathname;
    await this.faults.onRequest?.(exchange.record);
    const failure = takeFailure(this.faults, exchange.method, path);
    if (failure) return await fail(exchange, failure);
    if (isOverLimit(this.faults.limit, exchange.record.origin)) {
      return exchange.refuse(429, "TOOMANYREQUESTS");
    }
    if (this.faults.notARegistry) return exchange.page(200, "Welcome");
    if (exchange.record.origin === "storage") return await this.#answerAsStorage(exchange);
    if (isAllowed(this, exchange, ANY_REPOSITORY.exec(path)?.[1])) await this.#route(exchange, path);
  }

  /** The storage takes uploads too, of whoever knows the location and sends no credentials along. */
  async #answerAsStorage(exchange: Exchange): Promise<void> {
    const [, , id] = UPLOADS.exec(exchange.url.pathname) ?? [];
    if (!id) return await handleSignedUrl(this, exchange);
    if (exchange.header("authorization") !== undefined) return exchange.refuse(400, "UNSUPPORTED");
    await continueUpload(this, exchange, id);
  }

  async #route(exchange: Exchange, path: string): Promise<void> {
    const [, blobOf, digest] = BLOB.exec(path) ?? [];
    const [, uploadTo, id] = UPLOADS.exec(path) ?? [];
    const [, manifestOf, reference] = MANIFEST.exec(path) ?? [];
    const [, tagsOf] = TAGS.exec(path) ?? [];
    const [, referrersIn, subject] = REFERRERS.exec(path) ?? [];
    if (path === "/v2/") return exchange.answer(200, { "content-type": "application/json" }, "{}");
    if (path === "/v2/_catalog") return listRepositories(this, exchange);
    if (blobOf && digest) {
      return await handleBlob(this, exchange, { repository: blobOf, digest: digest as Digest });
    }
    if (uploadTo && id) return await continueUpload(this, exchange, id);
    if (uploadTo && exchange.method === "POST") return await openUpload(this, exchange, uploadTo);
    if (manifestOf && reference) {
      return await handleManifest(this, exchange, { repository: manifestOf, reference });
    }
    if (tagsOf) return listTags(this, exchange, tagsOf);
    if (referrersIn && subject && this.faults.referrersApi) {
      return sendReferrers(this, exchange, { repository: referrersIn, reference: subject });
    }
    exchange.answer(404, { "content-type": "text/plain" }, "404 page not found\n");
  }
}

async function fail(exchange: Exchange, { status, headers, body }: Failure): Promise<void> {
  if (status === 0) await exchange.breakOff("cut");
  exchange.answer(status, headers, body);
}
