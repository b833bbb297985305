/** Looks up the credentials for one repository, once, and withholds a saved login where others could read it. @module */
import type { OnEvent } from "../events.ts";
import { isOverheard, typedName } from "../oci/registry_address.ts";
import type { Credentials, FindCredentials } from "./credentials.ts";
import { Secrets } from "./secrets.ts";

/** Whose credentials are looked up, and whether a saved login may be sent everywhere. */
export interface SentCredentialsOptions {
  /** Scheme, host and port of the registry. */
  origin: string;
  /** The registry's name, under which its credentials are saved. */
  host: string;
  /** The repository; credentials may differ between those of one host. */
  repository: string;
  findCredentials: FindCredentials;
  /** Whether saved credentials may be sent where others on the network can read them. */
  insecureSkipTlsVerify?: boolean | undefined;
}

/** The credentials of one repository, as far as they may be sent. */
export class SentCredentials {
  /** Everything secret that was found or given. */
  readonly secrets: Secrets = new Secrets();
  readonly #options: SentCredentialsOptions;
  #found: Promise<Credentials | undefined> | undefined;
  /** Whether there is a saved login that is not sent, as others on the network could read it. */
  #withheld = false;
  #isReported = false;

  /** @param options the repository, and where its credentials come from */
  constructor(options: SentCredentialsOptions) {
    this.#options = options;
  }

  /** The credentials to send to the registry, and to the token server that it names. */
  async lookUp(realm?: URL): Promise<Credentials | undefined> {
    const { findCredentials, host, repository, origin, insecureSkipTlsVerify } = this.#options;
    const credentials = await (this.#found ??= findCredentials(host, repository));
    if (credentials) this.secrets.add(credentials);
    const withheld = credentials?.saved === true && !insecureSkipTlsVerify &&
      (isOverheard(origin) || realm !== undefined && isOverheard(realm));
    this.#withheld ||= withheld;
    return withheld ? undefined : credentials;
  }

  /** What to do to sign in, for hints. */
  get howToSignIn(): string {
    const { host, origin } = this.#options;
    return this.#withheld
      ? "the saved login is not sent over http, where others could read it. Use https if the registry has it, or " +
        "add --insecure-skip-tls-verify"
      : `layerstash login ${typedName(host, origin)}`;
  }

  /** Reports, once, that a login is withheld which the registry asks for, or the token server that it names. */
  async reportWithheld(realm: URL | undefined, onEvent: OnEvent | undefined): Promise<void> {
    await this.lookUp(realm);
    if (!this.#withheld || this.#isReported) return;
    this.#isReported = true;
    const message =
      `${this.#options.host} is asked without the saved login, which others on the network could read: ` +
      "--insecure-skip-tls-verify sends it";
    onEvent?.({ type: "notice", message });
  }
}
