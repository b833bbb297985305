/** Opens the two images of a copy. @module */
import { firstCredentials, savedCredentials } from "../../main.ts";
import type { OnEvent } from "../events.ts";
import { openImage } from "../exports/images.ts";
import type { Address } from "../oci/address.ts";
import type { OpenedImage } from "../open/open_image.ts";
import type { OpenOptions } from "../open/open_store.ts";
import type { FindCredentials } from "../sign_in/credentials.ts";
import type { ManifestFormat } from "../store/manifest_format.ts";
import { type ConnectionFlags, explicitCredentials, transportOf } from "./connection.ts";

/** The source and the target of a copy, both opened. */
export interface TwoImages extends Disposable {
  from: OpenedImage;
  to: OpenedImage;
}

/**
 * Opens the source and the target of a copy. The sign-in options are for the registry of the target; if the target is
 * a directory, for that of the source.
 */
export async function openBoth(
  flags: ConnectionFlags,
  { from, to, manifestFormat, onEvent, also = () => Promise.resolve(undefined) }: {
    from: Address;
    to: Address;
    /** The format of new manifests at the target. */
    manifestFormat?: ManifestFormat | undefined;
    onEvent: OnEvent;
    /** Looks for credentials before the saved ones are looked up. */
    also?: FindCredentials;
  },
): Promise<TwoImages> {
  const own = hostOf(to) ?? hostOf(from);
  const explicit = explicitCredentials(flags);
  const named: FindCredentials = (host) => Promise.resolve(host === own ? explicit : undefined);
  const credentials = firstCredentials(named, also, savedCredentials(Deno.env.toObject()));
  const transport = await transportOf(flags);
  const open = (image: Address, options: Pick<OpenOptions, "manifestFormat">) => {
    const authHost = hostOf(image) === own ? flags.authHost : undefined;
    return openImage(image, { credentials, onEvent, authHost, ...transport, ...options });
  };
  const [source, target] = [open(from, {}), open(to, { manifestFormat })];
  return {
    from: source,
    to: target,
    [Symbol.dispose]() {
      source[Symbol.dispose]();
      target[Symbol.dispose]();
    },
  };
}

function hostOf({ registry }: Address): string | undefined {
  return registry.kind === "remote" ? registry.host : undefined;
}
