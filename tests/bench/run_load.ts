/** Runs a load for as much work as is wanted, and gives its result. @module */
import { type Content, makeImageContent } from "./content.ts";
import type { Bench, Load } from "./load.ts";
import type { Options } from "./options.ts";
import { race } from "./race.ts";
import type { LoadResult } from "./results.ts";
import type { Packing } from "./work.ts";

/** The bench for these options. */
export function benchOf(options: Options, place: Pick<Bench, "directory" | "programs">): Bench {
  const { entries, chunks, runs, size } = options;
  const images = new Map<Packing, Promise<Content>>();
  const image = (packing: Packing) => {
    const made = images.get(packing) ?? makeImageContent(place.directory, entries, packing);
    images.set(packing, made);
    return made;
  };
  return { ...place, large: size * 1024 ** 2, entries, chunks, runs, image };
}

/** Sets a load up and runs it. */
export async function runLoad(load: Load, bench: Bench, signal: AbortSignal): Promise<LoadResult> {
  const { name, proves, floor } = load;
  const { large, entries, runs } = bench;
  await using ready = await load.prepare(bench);
  const found = await race(ready, { ...ready, signal });
  return {
    name,
    title: load.title(bench),
    proves,
    date: new Date().toISOString(),
    command: `deno task bench --size ${large / 1024 ** 2} --entries ${entries} --runs ${runs} ${name}`,
    bytes: ready.bytes,
    ...(ready.lacks !== undefined && { lacks: ready.lacks }),
    ...(floor !== undefined && { floor }),
    ...found,
  };
}
