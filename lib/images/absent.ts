/** Says that a path means nothing, and what might have been meant. @module */
import { NotFoundError } from "../errors.ts";
import type { ImageFiles } from "./image_files.ts";
import type { PathPattern } from "./path_pattern.ts";
import { whiteoutOf } from "./whiteouts.ts";

/** The error for a path that means nothing in what was read. */
export function absent(pattern: PathPattern, { name }: ImageFiles): NotFoundError {
  return new NotFoundError(`there is no ${pattern.text} in ${name}`, { hint: hintFor(pattern) });
}

function hintFor({ text, path }: PathPattern): string | undefined {
  if (path === undefined) {
    const isName = !text.replace(/^\//, "").includes("/");
    return isName
      ? `it was looked for in / only: **/${text.replace(/^\//, "")} is in any directory`
      : undefined;
  }
  if (!whiteoutOf(path)) return undefined;
  return "whiteouts mark what a layer removes, and are not extracted; layerstash peek --layer lists them";
}
