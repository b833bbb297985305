/** Writes the header `Content-Disposition`, which names a file (RFC 6266). @module */
import { printable } from "../../messages.ts";

/**
 * Names a file that is shown in place, or saved under this name. Old clients get an ASCII name, all others the name in UTF-8
 * (RFC 8187). Separators of paths and control characters are replaced: they could lead a client elsewhere.
 */
export function contentDisposition(name: string, how: "inline" | "attachment" = "inline"): string {
  const safe = printable(name).replace(/[/\\]/g, "_").replace(/^\.+$/, "_") || "file";
  const ascii = safe.replace(/[^ -~]/gu, "_").replace(/["%]/g, "_");
  const plain = `${how}; filename="${ascii}"`;
  return ascii === safe ? plain : `${plain}; filename*=UTF-8''${extended(safe)}`;
}

function extended(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
