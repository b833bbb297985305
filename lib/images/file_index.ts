/** Finds files by their directories and names in some twenty bytes for each: a map of names would take a hundred. @module */

/** A directory in which files are found. */
export interface IndexedDirectory {
  /** Its number, from 1, by which the index knows it. */
  readonly number: number;
  /** The file that was added last, as {@link FileIndex} keeps it; 0 = none was added. */
  last: number;
}

/** The first size of the tables. */
const FEW = 1024;

/**
 * A hash table over all directories. Files are known by numbers from 0, and whoever asks has their names: so the table holds
 * numbers only. Those are kept plus one, because 0 means that there is none.
 */
export class FileIndex {
  /** Gives the name of a file that was added. */
  readonly nameOf: (file: number) => string;
  #directories = 0;
  /** Whoever makes an image does not know it, and so cannot choose names that all come to one slot. */
  readonly #seed = crypto.getRandomValues(new Int32Array(1))[0]!;
  #slots = new Int32Array(FEW);
  #used = 0;
  /** By file: the number of its directory, 0 = it was removed; the file before it there; and the hash of both. */
  #parents = new Int32Array(FEW);
  #before = new Int32Array(FEW);
  #hashes = new Int32Array(FEW);

  /** @param nameOf gives the name of a file that was added */
  constructor(nameOf: (file: number) => string) {
    this.nameOf = nameOf;
  }

  /** The number of a new directory. */
  addDirectory(): number {
    return ++this.#directories;
  }

  /** The file of a name in a directory; `undefined` if there is none. */
  find({ number }: IndexedDirectory, name: string): number | undefined {
    const hash = this.#hashOf(number, name);
    for (let slot = this.#slotOf(hash), kept; (kept = this.#slots[slot]!) !== 0; slot = this.#after(slot)) {
      const file = kept - 1;
      const isLikely = this.#hashes[file] === hash && this.#parents[file] === number;
      if (isLikely && this.nameOf(file) === name) return file;
    }
    return undefined;
  }

  /** Adds a file to a directory that has no other one of its name. */
  add(directory: IndexedDirectory, name: string, file: number): void {
    if (4 * this.#used >= 3 * this.#slots.length) this.#grow();
    if (file >= this.#parents.length) this.#extend(file);
    this.#hashes[file] = this.#hashOf(directory.number, name);
    this.#parents[file] = directory.number;
    this.#before[file] = directory.last;
    directory.last = file + 1;
    this.#place(file);
  }

  /** Removes a file. Its number is not added again. */
  remove(file: number): void {
    this.#parents[file] = 0;
  }

  /** The files of a directory, the last one first. Those that were removed are left out from then on. */
  *filesIn(directory: IndexedDirectory): Generator<number> {
    let next = 0;
    for (let kept = directory.last; kept !== 0; kept = this.#before[kept - 1]!) {
      if (this.#parents[kept - 1] === directory.number) yield (next = kept) - 1;
      else if (next !== 0) this.#before[next - 1] = this.#before[kept - 1]!;
      else if (directory.last === kept) directory.last = this.#before[kept - 1]!;
    }
  }

  /** Puts a file into the first slot that is free, or whose file was removed: a name that comes again and again takes one. */
  #place(file: number): void {
    let slot = this.#slotOf(this.#hashes[file]!);
    for (let kept; (kept = this.#slots[slot]!) !== 0 && this.#parents[kept - 1] !== 0;) {
      slot = this.#after(slot);
    }
    if (this.#slots[slot] === 0) this.#used++;
    this.#slots[slot] = file + 1;
  }

  #slotOf(hash: number): number {
    return (hash ^ hash >>> 15) & this.#slots.length - 1;
  }

  #after(slot: number): number {
    return slot + 1 & this.#slots.length - 1;
  }

  #hashOf(directory: number, name: string): number {
    let hash = Math.imul(this.#seed ^ directory, 0x9e3779b1);
    for (let at = 0; at < name.length; at++) {
      hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
      hash ^= hash >>> 13;
    }
    return hash;
  }

  /** Makes the table larger, and leaves those out that were removed. */
  #grow(): void {
    const kept = this.#slots;
    this.#slots = new Int32Array(2 * kept.length);
    this.#used = 0;
    for (const each of kept) if (each !== 0 && this.#parents[each - 1] !== 0) this.#place(each - 1);
  }

  #extend(file: number): void {
    const length = Math.max(2 * this.#parents.length, file + 1);
    this.#parents = lengthened(this.#parents, length);
    this.#before = lengthened(this.#before, length);
    this.#hashes = lengthened(this.#hashes, length);
  }
}

/** A longer array of the same numbers; what it was is empty then. */
function lengthened(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  return new Int32Array(array.buffer.transfer(length * Int32Array.BYTES_PER_ELEMENT));
}
