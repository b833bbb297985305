/** How a command on an image runs. Most commands are not on images, and do not load what reads them. @module */
import type { OnEvent } from "../events.ts";
import { decryptedImages, openImage, parseImage } from "../exports/images.ts";
import type { OpenedImage } from "../open/open_image.ts";
import { action, inProgress, type MovingOptions, type Session, showEvents } from "./action.ts";
import { type ConnectionFlags, findCredentials, transportOf } from "./connection.ts";
import { type DecryptionFlags, identitiesOf } from "./encryption_options.ts";
import type { ParsedCommand } from "./place.ts";
import { stashInstead } from "./stash_instead.ts";
import type { TransferTotals } from "./terminal/transfer_totals.ts";

/** What a command on an image works with. */
export interface ImageSession extends Session, OpenedImage {
  /** Shows events as progress and log lines. */
  onEvent: OnEvent;
  /** What the transfer came to until now. */
  totals: () => TransferTotals;
}

/** The options of every command on an image. */
export interface ImageFlags extends ConnectionFlags, DecryptionFlags {
  platform?: string | undefined;
  json?: boolean | string | undefined;
}

/** Wraps the work of a command on an image. `doing` completes the sentence `cannot ...`. */
export function imageAction<F extends ImageFlags & { image: string }>(
  doing: (flags: F) => string,
  work: (session: ImageSession, flags: F) => Promise<void>,
  { moving, kept, jsonEvents = false }: MovingOptions<F> & {
    /** Whether `--json` prints the events, too. */
    jsonEvents?: boolean;
  } = {},
): (flags: F, parsed: ParsedCommand) => Promise<void> {
  return action(doing, async (session, flags) => {
    const reference = parseImage(flags.image);
    const identities = await identitiesOf(flags, session);
    using display = showEvents(session, moving?.(flags) ?? inProgress(doing(flags)), {
      json: jsonEvents && flags.json,
      kept: (progress) => kept?.(flags, progress),
    });
    const { onEvent, totals } = display;
    using opened = openImage(reference, {
      credentials: findCredentials(flags),
      authHost: flags.authHost,
      onEvent,
      ...await transportOf(flags),
    });
    const store = decryptedImages(opened.store, { identities });
    await work({ ...opened, ...session, store, onEvent, totals }, flags).catch(async (failure) => {
      throw await stashInstead(failure, { ...opened, ...session });
    });
  }, { images: ({ image }) => [image] });
}
