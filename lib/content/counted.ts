/** Numbers with what they count, for messages. @module */

/** `1 chunk`, `3 chunks`, `2 directories`. */
export function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun.replace(/y$/, "ie")}s`}`;
}
