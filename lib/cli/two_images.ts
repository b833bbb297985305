/** How a command runs that brings something from one image to another. @module */
import type { OnEvent } from "../events.ts";
import type { ImageReference } from "../oci/image_reference.ts";
import { type OpenedImage, openImage } from "../open/open_image.ts";
import { savedCredentials } from "../sign_in/saved_credentials.ts";
import { type FindCredentials, firstOf } from "../sign_in/credentials.ts";
import { type ConnectionFlags, explicitCredentials, transportOf } from "./connection.ts";

/** Where from, and where to. */
export interface TwoImages extends Disposable {
  from: OpenedImage;
  to: OpenedImage;
}

/** Opens both. What the options say of the sign-in is for the target; for the source where that is a directory. */
export async function openBoth(
  flags: ConnectionFlags,
  { from, to, onEvent, also = none }: {
    from: ImageReference;
    to: ImageReference;
    onEvent: OnEvent;
    /** Looks for credentials before those that are saved. */
    also?: FindCredentials;
  },
): Promise<TwoImages> {
  const own = hostOf(to) ?? hostOf(from);
  const explicit = explicitCredentials(flags);
  const named: FindCredentials = (host) => Promise.resolve(host === own ? explicit : undefined);
  const credentials = firstOf(named, also, savedCredentials(Deno.env.toObject()));
  const transport = await transportOf(flags);
  const open = (image: ImageReference) => {
    const authHost = hostOf(image) === own ? flags.authHost : undefined;
    return openImage(image, { credentials, onEvent, authHost, ...transport });
  };
  const [source, target] = [open(from), open(to)];
  return {
    from: source,
    to: target,
    [Symbol.dispose]() {
      source[Symbol.dispose]();
      target[Symbol.dispose]();
    },
  };
}

function hostOf({ address }: ImageReference): string | undefined {
  return address.kind === "remote" ? address.host : undefined;
}

const none: FindCredentials = () => Promise.resolve(undefined);
