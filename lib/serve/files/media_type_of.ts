/** The media types of files, by the ends of their names. @module */

/** Ends of names by media type. What is text is said to be UTF-8. */
const TYPES: Readonly<Record<string, string>> = {
  "text/plain":
    "txt text log md markdown rst ini cfg conf toml env csv.txt diff patch gitignore dockerfile makefile license readme",
  "text/x-source":
    "c h cc cpp hpp rs go py rb pl lua java kt swift ts tsx jsx sh bash zsh fish sql vue scala php",
  "text/html": "html htm",
  "text/css": "css",
  "text/csv": "csv",
  "text/tab-separated-values": "tsv",
  "text/javascript": "js mjs cjs",
  "text/vtt": "vtt",
  "application/json": "json map ipynb",
  "application/yaml": "yaml yml",
  "application/xml": "xml xsd xsl",
  "application/xhtml+xml": "xhtml",
  "application/pdf": "pdf",
  "application/zip": "zip jar apk whl",
  "application/gzip": "gz tgz",
  "application/zstd": "zst",
  "application/x-xz": "xz",
  "application/x-bzip2": "bz2",
  "application/x-tar": "tar",
  "application/x-7z-compressed": "7z",
  "application/x-iso9660-image": "iso",
  "application/x-qemu-disk": "qcow2 qcow",
  "application/vnd.apache.parquet": "parquet",
  "application/vnd.sqlite3": "sqlite sqlite3 db",
  "application/wasm": "wasm",
  "application/epub+zip": "epub",
  "application/vnd.debian.binary-package": "deb",
  "application/x-rpm": "rpm",
  "image/png": "png",
  "image/jpeg": "jpg jpeg",
  "image/gif": "gif",
  "image/webp": "webp",
  "image/avif": "avif",
  "image/svg+xml": "svg",
  "image/bmp": "bmp",
  "image/x-icon": "ico",
  "image/tiff": "tif tiff",
  "audio/mpeg": "mp3",
  "audio/ogg": "ogg oga opus",
  "audio/flac": "flac",
  "audio/wav": "wav",
  "audio/mp4": "m4a",
  "audio/aac": "aac",
  "video/mp4": "mp4 m4v",
  "video/webm": "webm",
  "video/ogg": "ogv",
  "video/x-matroska": "mkv",
  "video/quicktime": "mov",
  "video/x-msvideo": "avi",
  "font/woff2": "woff2",
  "font/woff": "woff",
  "font/ttf": "ttf",
};

const BY_END = new Map(
  Object.entries(TYPES).flatMap(([type, ends]) => ends.split(" ").map((end) => [end, type] as const)),
);

/** The media type of a file by its name; `application/octet-stream` where that does not tell. */
export function mediaTypeOf(name: string): string {
  const end = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  const type = BY_END.get(end)?.replace("x-source", "plain") ?? "application/octet-stream";
  return isTextType(type) ? `${type}; charset=utf-8` : type;
}

/** How a browser can show a file of a media type in its place; `undefined` = it cannot. */
export function previewOf(type: string): "text" | "picture" | "audio" | "video" | undefined {
  if (isTextType(type)) return "text";
  const [group] = type.split("/");
  if (group === "image") return "picture";
  return group === "audio" || group === "video" ? group : undefined;
}

function isTextType(type: string): boolean {
  return /^text\/|^application\/(json|yaml|xml|xhtml\+xml)/.test(type);
}
