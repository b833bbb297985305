/** Shortens the commands that built images to what their authors wrote. @module */

/**
 * The instruction that made a layer, on one line: without the shell that runs it, the arguments of the build, and the
 * remarks of the builder, which all are the same from step to step.
 */
export function shortBuildCommand(createdBy: string): string {
  const text = collapsed(createdBy).replace(/ # buildkit$/, "");
  return text
    .replace(/^(?:RUN )?(?:\|\d+ (?:[^\s=]+=.*? )?)?\/bin\/sh -c #\(nop\) /, "")
    .replace(/^(?:RUN )?(?:\|\d+ (?:[^\s=]+=.*? )?)?\/bin\/sh -c /, "RUN ")
    .trim();
}

/** The text on one line. */
export function collapsed(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}
