/** The packages of npm that this checkout has fetched, for programs whose cache of modules is another. @module */
import { existsSync } from "node:fs";
import { cp } from "node:fs/promises";
import { basename, join } from "node:path";
import { denoDirectory } from "./system.ts";

const REGISTRY = "registry.npmjs.org";

const lock: { npm: Record<string, { integrity: string }> } = JSON.parse(
  Deno.readTextFileSync(new URL("../../deno.lock", import.meta.url)),
);

/** The packages that are there, with their versions and the digests of their archives. */
const packages = Object.entries(lock.npm).map(([key, { integrity }]) => {
  const [, name = "", version = ""] = /^(@?[^@]+)@([^_]+)/.exec(key) ?? [];
  return { name, version, integrity, directory: join(denoDirectory(), "npm", REGISTRY, name, version) };
}).filter(({ directory }) => existsSync(directory));

/** Copies them into another cache, without their lists of versions: those may not be those of npm. */
export async function sharePackages(cache: string): Promise<void> {
  for (const { name, version, directory } of packages) {
    await cp(directory, join(cache, "npm", REGISTRY, name, version), { recursive: true });
  }
}

/** Answers as npm's registry does to a request for the versions of a package; there is one, which is in the cache. */
export function serveNpm(path: string): Response {
  const found = packages.find(({ name }) => `/${name}` === decodeURIComponent(path));
  if (!found) return new Response("not found", { status: 404 });
  const { name, version, integrity, directory } = found;
  const described = JSON.parse(Deno.readTextFileSync(join(directory, "package.json")));
  const tarball = `https://${REGISTRY}/${name}/-/${basename(name)}-${version}.tgz`;
  return Response.json({
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...described, dist: { tarball, integrity } } },
  });
}
