/** Reads what a PROPFIND request asks for (RFC 4918, section 9.1). @module */
import { DOMParser, type Element } from "@xmldom/xmldom";

/** The name of a property. */
export interface PropertyName {
  namespace: string;
  name: string;
}

/** The properties that a request wants: these, all that there are, or only their names. */
export type WantedProperties = readonly PropertyName[] | "all" | "names";

/** The largest body that is read, in bytes, and the most properties. */
const [LARGEST, MOST] = [64 * 1024, 100];

/** Reads the body of a request. No body asks for all properties. */
export async function wantedProperties(request: Request): Promise<WantedProperties | "malformed"> {
  const text = await beginningOfBody(request);
  if (text === undefined || /<!DOCTYPE|<!ENTITY/i.test(text)) return "malformed"; // an entity may grow without end
  if (text.trim() === "") return "all";
  const root = parsed(text);
  if (root?.localName !== "propfind" || root.namespaceURI !== "DAV:") return "malformed";
  // What is not of WebDAV is an extension, and is passed over (RFC 4918, section 17).
  const asked = elementsIn(root).find(({ namespaceURI, localName }) =>
    namespaceURI === "DAV:" && ["prop", "propname", "allprop"].includes(localName ?? "")
  );
  if (!asked) return "malformed";
  if (asked.localName === "propname") return "names";
  if (asked.localName === "allprop") return "all";
  return elementsIn(asked).slice(0, MOST).map((each) => ({
    namespace: each.namespaceURI ?? "",
    name: each.localName ?? "",
  }));
}

function parsed(text: string): Element | null {
  try {
    const fail = (message: string) => {
      throw new SyntaxError(message);
    };
    return new DOMParser({ onError: (_level, message) => fail(message) }).parseFromString(text, "text/xml")
      .documentElement;
  } catch {
    return null;
  }
}

function elementsIn(parent: Element): Element[] {
  return Array.from(parent.childNodes).filter((each) => each.nodeType === 1) as Element[];
}

/** The body as text; `undefined` if it is too large. */
async function beginningOfBody({ body }: Request): Promise<string | undefined> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of body ?? []) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > LARGEST) return undefined;
  }
  return text + decoder.decode();
}
