/** `WWW-Authenticate`, as registries really send it. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Challenge, parseChallenges } from "../lib/sign_in/challenge.ts";

const REAL: Record<string, [header: string, expected: Challenge[]]> = {
  "Docker Hub": [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push"',
    [{
      scheme: "bearer",
      parameters: {
        realm: "https://auth.docker.io/token",
        service: "registry.docker.io",
        scope: "repository:library/nginx:pull,push",
      },
    }],
  ],
  "GHCR": [
    'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull"',
    [{
      scheme: "bearer",
      parameters: { realm: "https://ghcr.io/token", service: "ghcr.io", scope: "repository:user/image:pull" },
    }],
  ],
  "ECR": [
    'Basic realm="https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"',
    [{
      scheme: "basic",
      parameters: {
        realm: "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/",
        service: "ecr.amazonaws.com",
      },
    }],
  ],
  "ACR": [
    'Bearer realm="https://box.azurecr.io/oauth2/token",service="box.azurecr.io",scope="repository:a:pull",error="invalid_token"',
    [{
      scheme: "bearer",
      parameters: {
        realm: "https://box.azurecr.io/oauth2/token",
        service: "box.azurecr.io",
        scope: "repository:a:pull",
        error: "invalid_token",
      },
    }],
  ],
  "Harbor": [
    'Bearer realm="https://harbor.example.com/service/token",service="harbor-registry"',
    [{
      scheme: "bearer",
      parameters: { realm: "https://harbor.example.com/service/token", service: "harbor-registry" },
    }],
  ],
  "GitLab, with a space behind the comma": [
    'Bearer realm="https://gitlab.com/jwt/auth", service="container_registry"',
    [{
      scheme: "bearer",
      parameters: { realm: "https://gitlab.com/jwt/auth", service: "container_registry" },
    }],
  ],
  "Nexus": [
    'BASIC realm="Sonatype Nexus Repository Manager"',
    [{ scheme: "basic", parameters: { realm: "Sonatype Nexus Repository Manager" } }],
  ],
};

for (const [name, [header, expected]] of Object.entries(REAL)) {
  Deno.test(`the challenge of ${name} is read`, () => assert.deepEqual(parseChallenges(header), expected));
}

Deno.test("several challenges of one header are told apart", () => {
  const header = 'Negotiate, Basic realm="a, b", Bearer realm="https://r/t",scope="x:y:pull,push",Digest';
  assert.deepEqual(parseChallenges(header), [
    { scheme: "negotiate", parameters: {} },
    { scheme: "basic", parameters: { realm: "a, b" } },
    { scheme: "bearer", parameters: { realm: "https://r/t", scope: "x:y:pull,push" } },
    { scheme: "digest", parameters: {} },
  ]);
});

Deno.test("odd spacing, case, quotes and unquoted values are taken", () => {
  const expected = [{ scheme: "bearer", parameters: { realm: "https://r/t", service: 'a "b" \\' } }];
  for (
    const header of [
      'Bearer realm="https://r/t",service="a \\"b\\" \\\\"',
      ' ,, bearer   REALM = "https://r/t" , , Service\t=\t"a \\"b\\" \\\\" ,',
    ]
  ) assert.deepEqual(parseChallenges(header), expected, header);
  assert.deepEqual(parseChallenges("Bearer realm=https://r/t,service=s"), [
    { scheme: "bearer", parameters: { realm: "https://r/t", service: "s" } },
  ]);
});

Deno.test("nothing, and nonsense, is no challenge", () => {
  for (const header of ["", "  ", ",", '"', '="x"', "=", "@@@"]) {
    assert.deepEqual(parseChallenges(header), [], header);
  }
});

const token = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
const value = fc.string({ minLength: 0, maxLength: 12, unit: fc.constantFrom(...'ab ,="\\:/') });
const challenge = fc.record({
  scheme: token,
  parameters: fc.dictionary(token, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
}, { noNullPrototype: true });

Deno.test("every list of challenges that is written is read again", () => {
  fc.assert(
    fc.property(fc.array(challenge, { maxLength: 4 }), fc.constantFrom(",", ", ", " , "), (list, comma) => {
      const quote = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;
      const written = list.map(({ scheme, parameters }) =>
        `${scheme} ${Object.entries(parameters).map(([name, text]) => `${name}=${quote(text)}`).join(comma)}`
      );
      assert.deepEqual(parseChallenges(written.join(comma)), list);
    }),
  );
});

Deno.test("no header makes the reader fail or run on", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (header) => {
    for (const { scheme } of parseChallenges(header)) assert.equal(scheme, scheme.toLowerCase());
  }));
});
