/** Moves one file while a registry is at fault, and looks at what came of it: one cell of the fault matrix. @module */
import assert from "node:assert/strict";
import { download, info, upload } from "../../main.ts";
import { type ErrorKind, LayerstashError, NotFoundError } from "../../lib/errors.ts";
import type { TransferEvent } from "../../lib/events.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import type { OpenOptions } from "../../lib/open/open_store.ts";
import { makeWorkspace, sink, someBytes, streamOf, type Workspace } from "./content.ts";
import { type FakeOptions, type FakeRegistry, startFakeRegistry } from "./fake_registry.ts";
import { FakeStorage } from "./fake_storage.ts";
import { open, type Opened } from "./opened.ts";
import { USER } from "./user.ts";

/** The size of a part, of a chunk, and of the file, in bytes: two chunks of two and a half parts. */
export const PART: number = 1024 ** 2;
/** See `PART`. */
export const CHUNK: number = 2.5 * PART;
/** The file. */
export const BYTES: Uint8Array<ArrayBuffer> = someBytes(2 * CHUNK);

/** What is moved where. */
export type Direction = "upload file" | "upload stream" | "download to file" | "download to stream";

/** A registry that is at fault. */
export interface Trouble extends Omit<FakeOptions, "certificate"> {
  /** How the store is opened, where that matters. */
  open?: Partial<OpenOptions>;
  /** Changes what is stored, or waits for a moment. */
  prepare?(fake: FakeRegistry): void;
  /** Takes such a change back. */
  mend?(fake: FakeRegistry): void;
}

/** Timeouts that a connection runs into at once on which nothing moves. Where nothing stalls, a busy machine may be slow. */
export const IMPATIENT: Partial<OpenOptions> = { timeouts: { stall: 250, answer: 250, store: 250 } };

/** What has to come of it. */
export type Outcome = "identical" | ErrorKind;

/** What it took. */
export interface Cost {
  requests: number;
  attempts: number;
  /** The bytes of blobs that moved, over those of the file. */
  ratio: number;
}

const CREDENTIALS = { kind: "password", username: USER.username, password: USER.password } as const;

/** Runs one cell; throws where anything else comes of it than was expected. */
export async function runCell(direction: Direction, trouble: Trouble, expected: Outcome): Promise<Cost> {
  await using work = await makeWorkspace();
  await work.write("disk.img", BYTES);
  const { auth, tokens, discard } = trouble;
  const options = { ...(auth && { auth }), ...(tokens && { tokens }), ...(discard && { discard }) };
  await using fake = await startFakeRegistry(options);
  const move = direction.startsWith("upload") ? up : down;
  if (move === down) await fill(fake, work);
  const before = fake.requests.length;
  Object.assign(fake.faults, trouble.faults);
  if (fake.tokens) Object.assign(fake.tokens.settings, tokens);
  trouble.prepare?.(fake);
  using opened = open(fake, {
    profile: { partSize: PART },
    credentials: CREDENTIALS,
    ...trouble.open,
  });
  const error = await move(opened, work, direction).then(() => undefined, (error) => error);
  const requests = fake.requests.slice(before);
  await requireOutcome(error, expected, { direction, work, fake, trouble });
  const moved = requests.reduce((sum, { received, sent }) => sum + received + sent, 0);
  const attempts = 1 + opened.events.filter(({ type }) => type === "retry").length;
  return { requests: requests.length, attempts, ratio: moved / BYTES.length };
}

let filled: FakeStorage | undefined;

/** Puts the stash into a registry: it is uploaded once, and copied from then on. */
async function fill(fake: FakeRegistry, work: Workspace): Promise<void> {
  if (!filled) {
    await healthy(fake, (opened) => up(opened, work, "upload file"));
    filled = new FakeStorage(false);
    filled.addAll(fake.storage);
  } else fake.storage.addAll(filled);
}

async function up({ store, events }: Opened, work: Workspace, direction: Direction): Promise<void> {
  const input = direction === "upload stream" ? streamOf(BYTES, 100_000) : work.path("disk.img");
  await upload(store, "disk", {
    input,
    chunkSize: CHUNK,
    jobs: 1,
    stateDirectory: work.path("state"),
    onEvent: (event) => void events.push(event),
  });
}

async function down({ store, events }: Opened, work: Workspace, direction: Direction): Promise<void> {
  const { stream, bytes, closed } = sink();
  const output = direction === "download to stream" ? stream : work.path("back.img");
  const onEvent = (event: TransferEvent) => void events.push(event);
  const how = { jobs: 2, stateDirectory: work.path("state"), onEvent };
  await download(store, "disk", { output, ...how }).catch((error) => {
    assert.equal(closed(), false, "bad bytes pass for a whole stream");
    throw error;
  });
  const found = direction === "download to stream" ? bytes() : await Deno.readFile(work.path("back.img"));
  assert.equal(digestOf(found), digestOf(BYTES));
}

/** Does something with the same registry when nothing is wrong with it. */
async function healthy<T>(fake: FakeRegistry, body: (opened: Opened) => Promise<T>): Promise<T> {
  for (const fault of Object.keys(fake.faults)) delete fake.faults[fault as keyof typeof fake.faults];
  if (fake.tokens) Object.assign(fake.tokens.settings, { uses: undefined, validFor: undefined });
  using opened = open(fake, { credentials: CREDENTIALS });
  return await body(opened);
}

interface Scene {
  direction: Direction;
  work: Workspace;
  fake: FakeRegistry;
  trouble: Trouble;
}

/** Nothing is half-visible after an error, and without the fault the same command does it. */
async function requireOutcome(error: unknown, expected: Outcome, scene: Scene) {
  const { direction, work, fake, trouble } = scene;
  if (expected === "identical") assert.equal(error, undefined, Deno.inspect(error));
  else {
    assert.ok(error instanceof LayerstashError, `${Deno.inspect(error)} where ${expected} was expected`);
    assert.equal(error.kind, expected, error.message);
    assert.match(error.message, /^.{10,}[^.]$/s);
    await healthy(fake, (opened) => requireNothingVisible(opened, scene));
    trouble.mend?.(fake);
    const again = direction.startsWith("upload") ? up : down;
    await healthy(fake, (opened) => again(opened, work, direction));
  }
  await healthy(fake, (opened) => down(opened, work, "download to stream"));
}

async function requireNothingVisible({ store }: Opened, { direction, work }: Scene): Promise<void> {
  if (!direction.startsWith("upload")) return assert.equal(await work.has("back.img"), false);
  const found = await info(store, "disk").catch((error) => error);
  assert.ok(found instanceof NotFoundError, `${Deno.inspect(found)} passes for a stash`);
}
