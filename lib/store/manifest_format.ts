/** The format of the manifests that layerstash makes itself: docker's schema 2, or the OCI image spec's. @module */
import { InvalidInputError, RegistryError } from "../errors.ts";
import { BLOB_UNKNOWN, MANIFEST_BLOB_UNKNOWN } from "../oci/error_codes.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Family } from "../oci/media_types.ts";
import type { CallOptions, Store } from "./store.ts";

/**
 * The format of new manifests: docker's, OCI's, or `auto`: that of what is stored under the name already, else the one that
 * suits the registry, and OCI's where docker's is refused.
 *
 * @category Stores
 */
export type ManifestFormat = Family | "auto";

/** The values of {@link ManifestFormat}. */
export const MANIFEST_FORMATS: readonly ManifestFormat[] = ["auto", "docker", "oci"];

/** Which family new manifests of a store have. What the user has chosen stays. */
export class FamilyChoice {
  #family: Family;
  readonly #fixed: boolean;

  /**
   * Begins with what the user has chosen, or else with what suits the store.
   *
   * @throws {InvalidInputError} if the format is unknown
   */
  constructor(usual: Family, format: ManifestFormat = "auto") {
    if (!MANIFEST_FORMATS.includes(format)) {
      throw new InvalidInputError(`the format of manifests is one of ${MANIFEST_FORMATS.join(", ")}`);
    }
    this.#fixed = format !== "auto";
    this.#family = format === "auto" ? usual : format;
  }

  get family(): Family {
    return this.#family;
  }

  /** The family for a name under which manifests of another may exist: theirs, unless the user has chosen one. */
  beside(existing: Family | undefined): Family {
    return this.#fixed ? this.#family : existing ?? this.#family;
  }

  /** Changes the family, unless the user has chosen it. Returns whether it is this one now. */
  change(family: Family): boolean {
    if (!this.#fixed) this.#family = family;
    return this.#family === family;
  }
}

/** A manifest in both families. Making it may store what only this family needs. */
export type MakeManifest = (family: Family) => Manifest | Promise<Manifest>;

/** How a manifest is stored. */
export interface PutInFamilyOptions extends CallOptions {
  /** The family to begin with; absent = that of the store. */
  family?: Family | undefined;
}

/**
 * Stores a manifest in a family. A registry that refuses docker's gets OCI's, now and from then on: the blobs
 * are the same, and only the manifest is sent again.
 *
 * @param tag the tag; `undefined` = it is stored under its digest alone
 * @returns the manifest that was stored
 */
export async function putInFamily(
  store: Store,
  tag: string | undefined,
  make: MakeManifest,
  { family = store.family, ...options }: PutInFamilyOptions,
): Promise<Manifest> {
  const put = async (family: Family) => {
    const manifest = await make(family);
    await store.putManifest(tag ?? manifest.digest, manifest, options);
    return manifest;
  };
  try {
    return await put(family);
  } catch (error) {
    if (family !== "docker" || !refusesFormat(error)) throw error;
    const isFirst = store.family === family; // others may be refused at the same time
    if (!store.changeFamily("oci")) throw error.with({ hint: error.hint ?? FORMAT_HINT });
    const manifest = await put("oci");
    const message = `${store.name} refuses manifests in docker's format: they are stored in OCI's`;
    if (isFirst) (options.onEvent ?? store.onEvent)?.({ type: "notice", message });
    return manifest;
  }
}

const FORMAT_HINT =
  "the registry may take manifests in OCI's format: leave --manifest-format out, or say oci";

/** Statuses of manifests that are refused for what they are: Quay says 400, zot 415. */
const REFUSALS = [400, 406, 415, 422];

/** Whether a registry has refused a manifest that it may take in another format. */
function refusesFormat(error: unknown): error is RegistryError {
  return error instanceof RegistryError && REFUSALS.includes(error.status) &&
    !error.codes.some((code) => NOT_OF_FORMAT.includes(code));
}

/** Codes of refusals that have nothing to do with the format. */
const NOT_OF_FORMAT = [MANIFEST_BLOB_UNKNOWN, BLOB_UNKNOWN, "NAME_INVALID", "NAME_UNKNOWN", "TAG_INVALID"];
