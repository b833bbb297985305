/** How registries are treated, by their names. @module */
import assert from "node:assert/strict";
import { profileOf, type RegistryProfile } from "../lib/registry/profiles.ts";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const PLAIN: RegistryProfile = {
  push: "parts",
  partSize: 60 * MiB,
  partsGrow: true,
  chunkSize: 5 * GiB,
  uploadRangeIsCount: false,
  family: "docker",
  removal: "registry",
  manifestReadsCount: false,
};

const PROFILES: readonly (readonly [host: string, differs: Partial<RegistryProfile>])[] = [
  ["localhost:5000", {}],
  ["registry.example.com", {}],
  ["docker.io", { removal: "docker-hub", manifestReadsCount: true }],
  ["ghcr.io", { push: "stream", chunkSize: 512 * MiB, removal: "github", anonymousBearer: "QQ==" }],
  ["123456789012.dkr.ecr.eu-west-1.amazonaws.com", { push: "put" }],
  ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", { push: "put" }],
  ["public.ecr.aws", { push: "put" }],
  ["gcr.io", { push: "stream" }],
  ["eu.gcr.io", { push: "stream" }],
  ["europe-docker.pkg.dev", { push: "stream" }],
  ["me.azurecr.io", { partSize: 16 * MiB, partsGrow: false }],
  ["quay.io", { uploadRangeIsCount: true, family: "oci" }],
  ["registry.gitlab.com", {}],
];

for (const [host, differs] of PROFILES) {
  Deno.test(`${host} is treated as it needs`, () => {
    assert.deepEqual(profileOf(host), { ...PLAIN, ...differs });
  });
}

Deno.test("a name that only contains a known one is not known", () => {
  for (
    const host of [
      "docker.io.test",
      "xghcr.io",
      "quay.io:5000",
      "notgcr.io",
      "public.ecr.aws.test",
      "ecr.test",
    ]
  ) {
    assert.deepEqual(profileOf(host), PLAIN, host);
  }
});
