/** A file of passwords, as `htpasswd -B` writes it, and whether somebody knows one of them. @module */
import { compare } from "bcryptjs";
import { KeyedMutex } from "../async/keyed_mutex.ts";
import { InvalidInputError } from "../errors.ts";
import { sha256 } from "../oci/digest.ts";

/** The costliest hash that is taken: each step above makes a check take twice as long. */
const MOST_ROUNDS = 14;
/** How many credentials that were right are remembered. A check takes a tenth of a second. */
const REMEMBERED = 1000;

/** The users of a server, and the hashes of their passwords. */
export class Passwords {
  readonly #hashes: ReadonlyMap<string, string>;
  /** Hashes of credentials that were right. */
  readonly #known: Set<string> = new Set();
  /** A secret of this process, without which the hashes of known credentials tell nothing. */
  readonly #salt: string = crypto.randomUUID();
  readonly #turns: KeyedMutex = new KeyedMutex();

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

  /** The user whom the header `Authorization` names, if the password is right. */
  async userOf(authorization: string | null | undefined): Promise<string | undefined> {
    const credentials = basicCredentials(authorization);
    if (!credentials) return undefined;
    const { name, password } = credentials;
    const key = sha256().update(JSON.stringify([this.#salt, name, password])).digest("hex");
    if (this.#known.has(key)) return name;
    using _turn = await this.#turns.lock("compare"); // one guess at a time, however many ask
    const [anyHash = ""] = this.#hashes.values(); // a name that is unknown takes as long, so that nobody learns who there is
    const isRight = await compare(password, this.#hashes.get(name) ?? anyHash);
    if (!isRight || !this.#hashes.has(name)) return undefined;
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.add(key);
    return name;
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

/** The name and the password in a header `Authorization`; `undefined` if it has none. */
export function basicCredentials(
  authorization: string | null | undefined,
): { name: string; password: string } | undefined {
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
