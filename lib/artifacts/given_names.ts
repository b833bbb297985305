/** Names for files to which the artifact gives none. @module */

/** Makes names distinct: of equal ones, the second gets `-2` before its ending, and so on. */
export function distinctNames(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  return names.map((name) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count === 1 ? name : name.replace(/(\.[^./]*)?$/, `-${count}$1`);
  });
}

/** The name of one of several pieces of a model, as programs for models expect it: `model-00001-of-00003.gguf`. */
export function shardName({ stem, ending }: ModelName, index: number, count: number): string {
  if (count === 1) return stem + ending;
  const [piece, of] = [index + 1, count].map((number) => String(number).padStart(5, "0"));
  return `${stem}-${piece}-of-${of}${ending}`;
}

/** The name of a model's file in two parts, such as `model` and `.gguf`. */
export interface ModelName {
  stem: string;
  ending: string;
}

/** `NAME` for one blob, `NAME-1`, `NAME-2` and so on for several. */
export function countedName(name: string, index: number, count: number): string {
  return count === 1 ? name : `${name}-${index + 1}`;
}
