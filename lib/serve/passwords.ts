/** A file of passwords, as `htpasswd -B` writes it, and whether somebody knows one of them. @module */
import { AnsweringThread } from "../content/answering_thread.ts";
import { InvalidInputError } from "../errors.ts";
import type { PasswordAnswer, PasswordOrder } from "./password_worker.ts";

/** The costliest hash that is taken: each step above makes a check take twice as long. */
const MOST_ROUNDS = 14;
/** How many credentials that were right are remembered. A check takes a tenth of a second. */
const REMEMBERED = 1000;
/** How many credentials are checked or wait for it at once. Whoever guesses cannot keep the server busy for longer. */
const MOST_CHECKS = 32;

/** So many credentials wait for a check that these have to be sent again later. */
export class TooManyChecksError extends Error {}

/** What somebody sends to prove who they are. */
interface Credentials {
  name: string;
  password: string;
}

/** The users of a server, and the hashes of their passwords. */
export class Passwords implements Disposable {
  readonly #hashes: ReadonlyMap<string, string>;
  /** Hashes of credentials that were right. */
  readonly #known: Set<string> = new Set();
  /** A secret of this process, without which the hashes of known credentials tell nothing. */
  readonly #salt: string = crypto.randomUUID();
  /** Compares one password after the other. It is started with the first. */
  #thread: AnsweringThread<PasswordOrder, PasswordAnswer> | undefined;
  /** The checks that are under way or wait, by the hashes of the credentials: what is sent twice is checked once. */
  readonly #checks: Map<string, Promise<boolean>> = new Map();

  /**
   * Reads lines `NAME:HASH`. Lines that are empty, or begin with `#`, do not count.
   *
   * @throws {InvalidInputError} if a line is not of this form, or its hash is not of bcrypt
   */
  constructor(text: string) {
    const lines = text.split(/\r?\n/).map((line, index) => ({ line, number: index + 1 }));
    const meant = lines.filter(({ line }) => line.trim() !== "" && !line.startsWith("#"));
    this.#hashes = new Map(meant.map(({ line, number }) => entryOf(line.trim(), number)));
    if (this.#hashes.size === 0) throw new InvalidInputError("it names no user", { hint: MAKE_ONE });
  }

  /**
   * The user whom the header `Authorization` names, if the password is right. One that was right before takes no time.
   *
   * @throws {TooManyChecksError} if too many others are being checked
   */
  async userOf(authorization: string | null | undefined): Promise<string | undefined> {
    const credentials = basicCredentials(authorization);
    if (!credentials) return undefined;
    const { name, password } = credentials;
    const key = keyedHash(this.#salt, JSON.stringify([name, password]));
    const isRight = this.#known.has(key) || await (this.#checks.get(key) ?? this.#check(key, credentials));
    return isRight ? name : undefined;
  }

  #check(key: string, { name, password }: Credentials): Promise<boolean> {
    if (this.#checks.size >= MOST_CHECKS) {
      throw new TooManyChecksError("too many credentials are being checked");
    }
    const check = this.#isRight(name, password).finally(() => this.#checks.delete(key));
    this.#checks.set(key, check);
    return check.then((isRight) => {
      if (isRight) this.#remember(key);
      return isRight;
    });
  }

  async #isRight(name: string, password: string): Promise<boolean> {
    const [anyHash = ""] = this.#hashes.values(); // a name that is unknown takes as long, so that nobody learns who there is
    const hash = this.#hashes.get(name) ?? anyHash;
    if (!this.#thread || this.#thread.hasEnded) this.#thread = startThread();
    const { isRight } = await this.#thread.run({ password, hash });
    return isRight && this.#hashes.has(name);
  }

  /** Ends the thread. */
  [Symbol.dispose](): void {
    this.#thread?.[Symbol.dispose]();
    this.#thread = undefined;
  }

  #remember(key: string): void {
    const [oldest] = this.#known;
    if (oldest !== undefined && this.#known.size >= REMEMBERED) this.#known.delete(oldest);
    this.#known.add(key);
  }
}

const MAKE_ONE = "make the file with: htpasswd -cB FILE NAME";

function entryOf(line: string, number: number): [name: string, hash: string] {
  const [, name, hash = ""] = /^([^:]+):(\S+)$/.exec(line) ?? [];
  if (name === undefined) throw new InvalidInputError(`line ${number} is not NAME:HASH`, { hint: MAKE_ONE });
  const [, rounds] = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(hash) ?? [];
  if (rounds === undefined) {
    throw new InvalidInputError(`line ${number} has a hash that is not of bcrypt`, { hint: MAKE_ONE });
  }
  if (Number(rounds) <= MOST_ROUNDS) return [name, hash];
  throw new InvalidInputError(
    `line ${number} has a bcrypt hash of cost ${rounds}: at most ${MOST_ROUNDS} is taken`,
  );
}

function startThread(): AnsweringThread<PasswordOrder, PasswordAnswer> {
  const worker = new Worker(new URL("./password_worker.ts", import.meta.url), { type: "module" });
  const file = new URL("password_worker.ts", import.meta.url);
  return new AnsweringThread(worker, { work: "password", file });
}

/** The name and the password in a header `Authorization`; `undefined` if it has none. */
export function basicCredentials(authorization: string | null | undefined): Credentials | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/=]+)$/i.exec(authorization ?? "") ?? [];
  if (encoded === undefined) return undefined;
  try {
    const text = new TextDecoder().decode(Uint8Array.from(atob(encoded), (each) => each.charCodeAt(0)));
    const [, name, password] = /^([^:]*):(.*)$/s.exec(text) ?? [];
    return name === undefined || password === undefined ? undefined : { name, password };
  } catch {
    return undefined; // it is not base64
  }
}

/** A hash that nobody can compute, and so compare guesses with, without the secret. */
function keyedHash(secret: string, text: string): string {
  return globalThis.process.getBuiltinModule("node:crypto").createHmac("sha256", secret).update(text).digest(
    "hex",
  );
}
