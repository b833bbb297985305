/** The OCI registry at `/v2/` (OCI distribution spec 1.1). @module */
import { type Part, textResponse } from "../part.ts";

/** Answers requests of the distribution spec. */
export const registryPart: Part = (_request, url) => {
  if (/^\/v2\/?$/.test(url.pathname)) {
    return Promise.resolve(
      Response.json({}, { headers: { "docker-distribution-api-version": "registry/2.0" } }),
    );
  }
  return Promise.resolve(textResponse(404, "404 page not found"));
};
