/** The key of an encrypted stash, and how the file is sliced for it. @module */
import type { Bytes } from "../content/bytes.ts";
import { type AgeHeader, NONCE_SIZE } from "../encryption/age_header.ts";
import { crypto } from "../encryption/chacha.ts";
import { type AgeBeginning, encryptedSize } from "../encryption/encrypted_source.ts";
import { RECORD, SEALED_RECORD } from "../encryption/records.ts";
import { InvalidInputError } from "../errors.ts";

/** The two halves of a nonce, in bytes: the first is a mark, the second the place. */
const HALF = NONCE_SIZE / 2;

/**
 * The key of one stash. All chunks have one header, so that whoever reads them opens it once, and each has a nonce of its own:
 * a mark, which follows from the file key, and the chunk's number. So a chunk opens neither in the place of another nor in
 * another stash, also where a registry gives the records of one chunk when those of another are asked for; and it is known as
 * one where a registry denies that it is.
 */
export class StashKey {
  /** The header of all chunks. */
  readonly header: AgeHeader;

  /** @param header with the file key in it */
  constructor(header: AgeHeader) {
    this.header = header;
  }

  /** What a chunk begins with: by its number, or by a place that {@link newPlace} has made. */
  ofChunk(number: number, place: Bytes = numbered(number)): AgeBeginning {
    return this.#beginning(place);
  }

  /** What the encrypted details begin with. Their nonce follows from them, so that other details have another one. */
  ofDetails(details: Bytes): AgeBeginning {
    return this.#beginning(this.#derive("layerstash details", details));
  }

  /** Whether a nonce is that of a chunk, or of details, of this stash. */
  hasMade(nonce: Bytes): boolean {
    return this.#mark().every((byte, index) => byte === nonce[index]);
  }

  /**
   * A mark of a public key, by which whoever has this key can tell whether it is wrapped for that one: the header does not say
   * it. To others the mark says nothing.
   */
  markOf(publicKey: string): string {
    return this.#derive("layerstash recipient", new TextEncoder().encode(publicKey)).toBase64();
  }

  #beginning(place: Bytes): AgeBeginning {
    return { header: this.header, nonce: new Uint8Array([...this.#mark(), ...place]) };
  }

  #mark(): Bytes {
    return this.#derive("layerstash nonce");
  }

  /** Derives half a nonce from the file key, by the function with which age derives its keys, and with another label. */
  #derive(label: string, salt: Bytes = new Uint8Array()): Bytes {
    return new Uint8Array(crypto().hkdfSync("sha256", this.header.exportFileKey(), salt, label, HALF));
  }
}

function numbered(number: number): Bytes {
  const place = new Uint8Array(HALF);
  new DataView(place.buffer).setBigUint64(0, BigInt(number));
  return place;
}

/** The second half of a nonce that no chunk has had: of a chunk that was begun before, and may have other bytes now. */
export function newPlace(): Bytes {
  return globalThis.crypto.getRandomValues(new Uint8Array(HALF));
}

/** The size of a place, in bytes. */
export const PLACE_SIZE: number = HALF;

/** How a file is sliced so that no encrypted chunk is too large. Sizes are in bytes. */
export interface EncryptedSlicing {
  /** The size of every stored chunk but the last. */
  chunkSize: number;
  /** How much of the file such a chunk holds. */
  plainSize: number;
}

/**
 * Slices a file. A chunk holds whole records, unless it has no room for one.
 *
 * @param most the most that a stored chunk may have, in bytes
 * @throws {InvalidInputError} if there is room for nothing but the header
 */
export function encryptedSlicing(most: number, header: Pick<AgeHeader, "bytes">): EncryptedSlicing {
  const room = most - header.bytes.length - NONCE_SIZE;
  const overhead = SEALED_RECORD - RECORD;
  const plainSize = room < SEALED_RECORD ? room - overhead : Math.floor(room / SEALED_RECORD) * RECORD;
  if (plainSize > 0) return { chunkSize: encryptedSize(header, plainSize), plainSize };
  throw new InvalidInputError(`chunks of ${most} bytes have no room for encrypted bytes`, {
    hint: `the header alone has ${most - room + overhead} bytes: use a larger --chunk-size`,
  });
}
