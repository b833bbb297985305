/** Names that Linux gives to files, and Windows does not. @module */

/** They mean a device, in every directory and whatever comes behind a dot. */
const DEVICE = /^(?:con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³]|conin\$|conout\$)(?: *\.|$)/i;

/**
 * Whether a path can be one on Windows (Win32, "Naming Files, Paths, and Namespaces"). A name that cannot would be
 * another file's: a backslash leads elsewhere, a colon into a stream, and blanks and dots at the end are taken off.
 */
export function isWindowsPath(path: string): boolean {
  return path.split("/").every((name) =>
    // deno-lint-ignore no-control-regex -- these are what is not allowed
    !/[<>:"\\|?*\x00-\x1f]/.test(name) && !/[. ]$/.test(name) && !DEVICE.test(name)
  );
}
