/** How a command on an image runs. @module */
import type { OnEvent } from "../events.ts";
import { type OpenedImage, openImage } from "../open/open_image.ts";
import { parseImage } from "../oci/image_reference.ts";
import { action, type Parsed, type Session, showEvents } from "./action.ts";
import { type ConnectionFlags, credentialsOf, transportOf } from "./connection.ts";

/** The options of every command on an image. */
export interface ImageFlags extends ConnectionFlags {
  platform?: string | undefined;
  json?: boolean | string | undefined;
}

/** What a command on an image works with. */
export interface ImageSession extends Session, OpenedImage {
  /** Shows events: as progress, and as log lines. */
  onEvent: OnEvent;
}

/** Wraps the work of a command on an image. `doing` completes the sentence `cannot ...`. */
export function imageAction<F extends ImageFlags & { image: string }>(
  doing: (flags: F) => string,
  work: (session: ImageSession, flags: F) => Promise<void>,
  { moving, told = false }: {
    moving?: (flags: F) => string;
    /** Whether `--json` tells the events, too. */
    told?: boolean;
  } = {},
): (flags: F, parsed: Parsed) => Promise<void> {
  return action(doing, async (session, flags) => {
    const reference = parseImage(flags.image);
    using display = showEvents(session, moving?.(flags) ?? "", { json: told && flags.json });
    const { onEvent } = display;
    using opened = openImage(reference, {
      credentials: credentialsOf(flags),
      authHost: flags.authHost,
      onEvent,
      ...await transportOf(flags),
    });
    await work({ ...opened, ...session, onEvent }, flags);
  });
}
