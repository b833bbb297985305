/** Checks whether paths are valid on this system. @module */

/** Names of devices, which are reserved in every directory and with any extension. */
const DEVICE = /^(?:con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³]|conin\$|conout\$)(?: *\.|$)/i;

/**
 * Whether a path is valid on Windows (Win32, "Naming Files, Paths, and Namespaces"). An invalid name could reach
 * another file: a backslash separates directories, a colon opens a stream, and blanks and dots at the end are
 * dropped.
 */
export function isWindowsPath(path: string): boolean {
  return path.split("/").every((name) =>
    // deno-lint-ignore no-control-regex -- control characters are not allowed
    !/[<>:"\\|?*\x00-\x1f]/.test(name) && !/[. ]$/.test(name) && !DEVICE.test(name)
  );
}

/** Whether a path is valid on this system: Windows does not allow every name. */
export function isUsable(path: string): boolean {
  return Deno.build.os !== "windows" || isWindowsPath(path);
}
