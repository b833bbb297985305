/** JSON web tokens as the distribution registry takes them: RS256, with the certificate in the header. @module */
import { sign } from "node:crypto";
import type { SigningCertificate } from "./certificates.ts";

/** Makes the function that signs a token's claims. */
export function jwtSigner(certificate: SigningCertificate): (claims: Record<string, unknown>) => string {
  const der = certificate.certificatePem.replaceAll(/-----[^-]+-----|\s/g, "");
  const header = base64url(JSON.stringify({ typ: "JWT", alg: "RS256", x5c: [der] }));
  return (claims) => {
    const signed = `${header}.${base64url(JSON.stringify(claims))}`;
    return `${signed}.${
      sign("sha256", new TextEncoder().encode(signed), certificate.keyPem).toString("base64url")
    }`;
  };
}

function base64url(text: string): string {
  return new TextEncoder().encode(text).toBase64({ alphabet: "base64url", omitPadding: true });
}
