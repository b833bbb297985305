/** Finds releases, and fetches and verifies their programs. @module */
import { DigestHash } from "../oci/digest.ts";
import { LayerstashError, MismatchError, NotFoundError, RegistryError } from "../errors.ts";
import { verified } from "../content/byte_stream.ts";
import { bytesOf } from "../http/answers.ts";
import { faultOfRange, lengthOf } from "../http/ranges.ts";
import { firstContact, retrying, waitToRetry } from "../async/retry.ts";
import type { BlobReader, CallOptions } from "../store/store.ts";
import { receive } from "../transfer/receive.ts";
import { RELEASES, type ReleaseServer } from "./release_server.ts";
import { findProgram, isSame, type ReleasedProgram } from "./released_program.ts";

/** Options for fetching a program. */
export interface FetchProgramOptions extends CallOptions {
  /** Receives the bytes, in order. The buffer is reused once the promise resolves. */
  write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
}

/** The largest list of checksums that is read, in bytes. A release has some ten lines of a hundred bytes. */
const MAX_SUMS = 1024 * 1024;
/** The largest program that is fetched, in bytes. Programs have some 100 MiB. */
const MAX_PROGRAM = 1024 ** 3;

/**
 * Finds the program for a system in the release `version`, or in the latest release.
 *
 * @throws {NotFoundError} if the release does not exist, or has no program for the system
 * @throws {MismatchError} if its list of checksums is malformed, or names programs of another version
 */
export async function findRelease(
  server: ReleaseServer,
  { target, version, signal }: { target: string; version?: string | undefined } & CallOptions,
): Promise<ReleasedProgram> {
  const name = version === undefined ? "the latest release" : `the release ${version}`;
  const folder = version === undefined ? "latest/download" : `download/v${version}`;
  const context = { ...server.retry, policy: firstContact(server.retry.policy), signal };
  const what = `the checksums of ${name}`;
  const sums = await withNetworkHint(retrying(context, what, async () => {
    const answer = await server.ask(`${folder}/SHA256SUMS`, { method: "GET", what, signal });
    return await bytesOf(answer, { most: MAX_SUMS, what: `list of checksums of ${name}` });
  }));
  const found = findProgram(new TextDecoder().decode(sums), target);
  if (version === undefined || isSame(found.version, version)) return found;
  throw new MismatchError(`${name} has programs of version ${found.version}`);
}

/**
 * Fetches a program, and resumes after broken connections. The written bytes are verified once the promise resolves.
 *
 * @throws {NotFoundError} if the program does not exist
 * @throws {MismatchError} if it has another digest, or is too large
 */
export async function fetchProgram(
  server: ReleaseServer,
  program: ReleasedProgram,
  { write, onEvent, signal }: FetchProgramOptions,
): Promise<void> {
  const reader = programReader(server, program);
  const { digest, name: what } = program;
  const size = await programSize(reader, program, signal);
  onEvent?.({ type: "plan", size, blobs: 1 });
  const hash = new DigestHash();
  const sink = async (bytes: Uint8Array<ArrayBuffer>) => {
    hash.update(bytes);
    await write(bytes);
  };
  await withNetworkHint(receive(reader, { digest, size, what, orWhole: true, sink, onEvent, signal }));
  const actual = hash.digest();
  if (actual !== digest) {
    throw new MismatchError(`${what} has the checksum ${actual}, but should have ${digest}`);
  }
  onEvent?.({ type: "blob", index: 1, state: "fetched", digest, size });
}

async function programSize(
  reader: BlobReader,
  { digest, name }: ReleasedProgram,
  signal: AbortSignal | undefined,
): Promise<number> {
  const size = await withNetworkHint(reader.stat(digest, { signal }));
  if (size === undefined) throw new MismatchError(`${reader.name} does not say how large ${name} is`);
  if (size <= MAX_PROGRAM) return size;
  throw new MismatchError(`${name} has ${size} bytes: a program has at most ${MAX_PROGRAM}`);
}

/** Reads a program like a blob: whole, or a range of it after a broken connection. */
function programReader(server: ReleaseServer, { name, version }: ReleasedProgram): BlobReader {
  const ask = (method: "GET" | "HEAD", headers: Record<string, string>, signal: AbortSignal | undefined) =>
    retrying(
      { ...server.retry, signal },
      name,
      () => server.ask(`download/v${version}/${name}`, { method, what: name, headers, signal }),
    );
  const readUnverified: BlobReader["readUnverified"] = async (_digest, { range, signal } = {}) => {
    const headers: Record<string, string> = range ? { range: `bytes=${range.start}-${range.end - 1}` } : {};
    const answer = await ask("GET", headers, signal);
    const fault = range && faultOfRange(answer, range);
    if (!fault) return (answer.body ?? new Blob().stream()) as ReadableStream<Uint8Array<ArrayBuffer>>;
    await answer.body?.cancel();
    throw fault;
  };
  return {
    name: server.name,
    onEvent: server.retry.onEvent,
    waitToResume: (broken, options) => waitToRetry({ ...server.retry, ...options }, broken),
    stat: async (_digest, { signal } = {}) => lengthOf(await ask("HEAD", {}, signal)),
    readUnverified,
    read: async (digest, options) => verified(await readUnverified(digest, options), digest),
  };
}

/** Adds hints to errors of the network. */
async function withNetworkHint<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof LayerstashError) || cause.hint !== undefined) throw cause;
    if (cause instanceof NotFoundError) {
      throw cause.with({ cause, hint: `see the list of releases: ${RELEASES}` });
    }
    if (!(cause instanceof RegistryError)) throw cause;
    throw cause.with({
      cause,
      hint: "check the network and HTTPS_PROXY; --ca-file adds a certificate authority, and " +
        "LAYERSTASH_RELEASES sets a mirror",
    });
  }
}
