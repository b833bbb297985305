/** Runs distribution as the tests need it: Debian's `docker-registry`, which is 2.8, or another version. @module */
import { join } from "node:path";
import { type Digest, encodedPart } from "../../lib/oci/digest.ts";
import { makeServerCertificate, makeSigningCertificate, type ServerCertificate } from "./certificates.ts";
import { jwtSigner } from "./jwt.ts";
import { LineReader } from "./line_reader.ts";
import { type RegistryParts, writeConfig } from "./registry_config.ts";
import { startTokenServer, type TokenServer, type TokenSettings } from "./token_server.ts";

/** Which registry is wanted. */
export interface RealRegistryOptions {
  /** The program; `docker-registry` where absent. */
  program?: string | undefined;
  /** A command to run it under, such as `setpriv`. */
  under?: readonly string[] | undefined;
  /** Who may do what: everyone everything (where absent), `USER` by password, or whoever has a token. */
  auth?: "htpasswd" | "token" | undefined;
  /** How the token server of `auth: "token"` behaves at first. */
  tokens?: Partial<TokenSettings> | undefined;
  /** Whether it is reached over https, with a certificate that `certificate.caPem` vouches for. */
  tls?: boolean | undefined;
  /** Whether it deletes; it does where absent. */
  deletes?: boolean | undefined;
  /** Whether it keeps what it knows of blobs in memory; it does not where absent. */
  cache?: boolean | undefined;
  /** The address that it listens on; `127.0.0.1` where absent. */
  address?: string | undefined;
  /** The port, to start a stopped registry again at the same place; a free one where absent. */
  port?: number | undefined;
  /** A directory with what an earlier registry stored, which stays; a new one that goes where absent. */
  storage?: string | undefined;
  /** The settings of a storage on S3, in place of a directory. */
  s3?: Record<string, unknown> | undefined;
}

/** A line of the access log. */
export interface LoggedRequest {
  /** `GET`, `PATCH` ... */
  method: string;
  /** Path and query. */
  path: string;
  /** The answer's status. */
  status: number;
  /** The size of the answer's body, in bytes. */
  bytes: number;
}

/** A running registry. */
export interface RealRegistry extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, or https. */
  readonly url: string;
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** The directory that it stores in. */
  readonly storage: string;
  /** The process, to be killed hard. */
  readonly pid: number;
  /** Of `tls`. */
  readonly certificate: ServerCertificate | undefined;
  /** Of `auth: "token"`. */
  readonly tokens: TokenServer | undefined;
  /** The file that holds a blob's bytes, to be damaged. */
  blobPath(digest: Digest): string;
  /** Everything that was asked of it so far, oldest first. */
  requests(): Promise<LoggedRequest[]>;
  /** Collects garbage, and manifests without a tag if so asked (where absent), while it runs, which its own documentation advises against. */
  collectGarbage(options?: { untagged: boolean }): Promise<void>;
  /** Ends it. Its storage stays until it is disposed of. */
  stop(): Promise<void>;
}

const ACCESS_LINE = /"([A-Z]+) (\S+) HTTP\/[\d.]+" (\d{3}) (\d+)/;

/** Starts a registry on this machine and waits until it listens. */
export async function startRegistry(options: RealRegistryOptions = {}): Promise<RealRegistry> {
  const directory = await Deno.makeTempDir({ prefix: "layerstash-registry-" });
  const address = options.address ?? "127.0.0.1";
  const certificate = options.tls ? await makeServerCertificate(directory, [address]) : undefined;
  const tokens = options.auth === "token"
    ? await startSigningServer(directory, { settings: options.tokens, certificate })
    : undefined;
  const parts = {
    certificate,
    tokens,
    htpasswd: options.auth === "htpasswd",
    storage: options.storage ?? join(directory, "storage"),
    deletes: options.deletes ?? true,
    cache: options.cache ?? false,
    address,
    port: options.port ?? 0,
    s3: options.s3,
  };
  const config = await writeConfig(directory, parts);
  const registry = new RunningRegistry(directory, {
    ...parts,
    words: [...options.under ?? [], options.program ?? "docker-registry", "serve", config],
  });
  try {
    await registry.listening();
  } catch (error) {
    await registry[Symbol.asyncDispose]();
    throw error;
  }
  return registry;
}

class RunningRegistry implements RealRegistry {
  readonly certificate: ServerCertificate | undefined;
  readonly tokens: TokenServer | undefined;
  readonly storage: string;
  readonly #directory: string;
  readonly #process: Deno.ChildProcess;
  readonly #access = new LineReader();
  readonly #log = new LineReader();
  readonly #ended: Promise<unknown>;
  #host = "";

  constructor(directory: string, parts: RegistryParts & { words: readonly string[] }) {
    this.#directory = directory;
    this.certificate = parts.certificate;
    this.tokens = parts.tokens;
    this.storage = parts.storage;
    const [program = "", ...args] = parts.words;
    this.#process = new Deno.Command(program, {
      args,
      env: { OTEL_TRACES_EXPORTER: "none" }, // else distribution 3 looks for a collector
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { stdout, stderr, status } = this.#process;
    this.#ended = Promise.all([this.#access.read(stdout), this.#log.read(stderr), status]);
  }

  get host(): string {
    return this.#host;
  }
  get url(): string {
    return `${this.certificate ? "https" : "http"}://${this.#host}`;
  }
  get port(): number {
    return Number(this.#host.split(":")[1]);
  }
  get pid(): number {
    return this.#process.pid;
  }

  /** Waits for the line that names the port: it was left to the system, so that no other program has it. */
  async listening(): Promise<void> {
    const line = await this.#log.find((line) => line.includes("listening on "));
    const host = /listening on (\d+\.\d+\.\d+\.\d+:\d+)/.exec(line ?? "")?.[1];
    if (host === undefined) throw new Error(`docker-registry did not start: ${this.#log.lines.join("\n")}`);
    this.#host = host;
  }

  blobPath(digest: Digest): string {
    const hex = encodedPart(digest);
    return join(this.storage, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
  }

  async requests(): Promise<LoggedRequest[]> {
    // The log is written behind the answers: all of it is there when a request made now is in it.
    const mark = `/v2/?${crypto.randomUUID()}`;
    using client = Deno.createHttpClient({ caCerts: this.certificate ? [this.certificate.caPem] : [] });
    await (await fetch(this.url + mark, { client })).body?.cancel();
    await this.#access.find((line) => line.includes(mark));
    return this.#access.lines.map(parseAccess).filter((request) => !/^\/v2\/\?[\w-]{36}$/.test(request.path));
  }

  async collectGarbage({ untagged } = { untagged: true }): Promise<void> {
    const args = [
      "garbage-collect",
      ...(untagged ? ["--delete-untagged"] : []),
      join(this.#directory, "config.yml"),
    ];
    const { success, stderr } = await new Deno.Command("docker-registry", { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  }

  async stop(): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.tokens?.[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

function parseAccess(line: string): LoggedRequest {
  const [, method = "", path = "", status = "", bytes = ""] = ACCESS_LINE.exec(line) ?? [];
  return { method, path, status: Number(status), bytes: Number(bytes) };
}

async function startSigningServer(
  directory: string,
  { settings, certificate }: { settings?: Partial<TokenSettings>; certificate?: ServerCertificate },
): Promise<TokenServer> {
  const sign = jwtSigner(await makeSigningCertificate(directory));
  return startTokenServer({ sign, ...settings }, certificate);
}
