/** Writes the answers to PROPFIND: an element for each resource, with its properties (RFC 4918, section 13). @module */
import { Html, html } from "../page/html.ts";
import type { PropertyName, WantedProperties } from "./propfind.ts";

/** A file, or a directory. */
export interface Resource {
  /** Its path in URLs, encoded. That of a directory ends with a slash. */
  path: string;
  name: string;
  modified?: Date | undefined;
  /** What only a file has. */
  file?: { size: number; type: string; tag?: string | undefined } | undefined;
}

/** The properties that a resource has, by name. */
function propertiesOf({ name, modified, file }: Resource): Map<string, Html> {
  const properties = new Map<string, Html>([
    ["displayname", html`${name}`],
    [
      "resourcetype",
      file ? html`` : html`
        <D:collection />
      `,
    ],
  ]);
  if (modified) properties.set("getlastmodified", html`${modified.toUTCString()}`);
  if (!file) return properties;
  properties.set("getcontentlength", html`${file.size}`).set("getcontenttype", html`${file.type}`);
  if (file.tag !== undefined) properties.set("getetag", html`"${file.tag}"`);
  return properties;
}

function propstat(resource: Resource, wanted: WantedProperties): Html {
  const all = propertiesOf(resource);
  if (wanted === "all") return found([...all].map(([name, value]) => element(name, value)));
  if (wanted === "names") return found([...all.keys()].map((name) => element(name, html``)));
  const isKnown = ({ namespace, name }: PropertyName) => namespace === "DAV:" && all.has(name);
  const known = wanted.filter(isKnown).map(({ name }) => element(name, all.get(name)!));
  const unknown = wanted.filter((each) => !isKnown(each));
  return html`${known.length > 0 || unknown.length === 0 ? found(known) : undefined}${
    unknown.length > 0 ? withStatus(unknown.map(emptyElement), "404 Not Found") : undefined
  }`;
}

function found(properties: readonly Html[]): Html {
  return withStatus(properties, "200 OK");
}

function withStatus(properties: readonly Html[], status: string): Html {
  return html`
    <D:propstat>
      <D:prop>${properties}</D:prop>
      <D:status>HTTP/1.1 ${status}</D:status>
    </D:propstat>
  `;
}

/** An element of a name that is known here. */
function element(name: string, value: Html): Html {
  return new Html(`<D:${name}>${value.text}</D:${name}>`);
}

/** An element that a client has named. The parser has checked its name. Without a namespace it has no prefix either. */
function emptyElement({ namespace, name }: PropertyName): Html {
  return namespace === ""
    ? html`
      <${name} xmlns="" />
    `
    : html`
      <x:${name} xmlns:x="${namespace}" />
    `;
}

function xmlResponse(status: number, content: BodyInit): Response {
  const headers = { "content-type": "application/xml; charset=utf-8", "cache-control": "no-cache" };
  return new Response(content, { status, headers });
}

const HEAD = '<?xml version="1.0" encoding="utf-8"?>\n';

/** How many resources are written at once: a directory may have a hundred thousand, and others have to get answers meanwhile. */
const AT_ONCE = 200;

/** The text of an answer, in pieces. */
function* documentText(
  own: Resource,
  below: Iterable<Resource>,
  wanted: WantedProperties,
): Generator<string> {
  const elementOf = (each: Resource) =>
    html`<D:response><D:href>${each.path}</D:href>${propstat(each, wanted)}</D:response>\n`.text;
  let [piece, count] = [`${HEAD}<D:multistatus xmlns:D="DAV:">\n${elementOf(own)}`, 1];
  for (const each of below) {
    piece += elementOf(each);
    if (++count % AT_ONCE > 0) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}</D:multistatus>\n`;
}

/** The answers to PROPFIND. */
export const multistatus = {
  /** The properties of a resource, and of what is in it. They are written as fast as the client takes them. */
  response(own: Resource, below: Iterable<Resource>, wanted: WantedProperties): Response {
    const pieces = ReadableStream.from(documentText(own, below, wanted));
    return xmlResponse(207, pieces.pipeThrough(new TextEncoderStream()));
  },
  /** The refusal to list everything that is below a directory. */
  tooDeep(): Response {
    const error = html`
      <D:error xmlns:D="DAV:">
        <D:propfind-finite-depth />
      </D:error>
    `;
    return xmlResponse(403, HEAD + error.text.trim());
  },
};
