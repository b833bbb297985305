/** Layouts as other tools write them: `docker save`, oras, buildah. Nothing of the product is used. @module */
import { createHash } from "node:crypto";
import { join } from "node:path";

const OCI = "application/vnd.oci.image.";

/** A blob as manifests name it. */
export interface NamedBlob {
  digest: string;
  size: number;
}

/** An image of a foreign layout: what was listed, and where its files are. */
export interface ForeignImage extends NamedBlob {
  config: NamedBlob;
  layers: NamedBlob[];
}

/** What an image, or its entry, may have beside its layers. */
export interface ForeignOptions {
  config?: Record<string, unknown>;
  /** Fields of the manifest; `undefined` leaves one out. */
  manifest?: Record<string, unknown>;
  /** Annotations of the entry, beside its name. */
  annotations?: Record<string, unknown>;
  /** Fields of the entry. */
  entry?: Record<string, unknown>;
}

/** A layout under construction. */
export class ForeignLayout {
  /** What `index.json` lists. */
  readonly entries: Record<string, unknown>[] = [];
  readonly directory: string;
  readonly #algorithm: string;

  /**
   * @param directory is created
   * @param algorithm that of the digests of all blobs, where nothing else is said
   */
  constructor(directory: string, algorithm: "sha256" | "sha512" = "sha256") {
    this.directory = directory;
    this.#algorithm = algorithm;
    Deno.mkdirSync(join(directory, "blobs", algorithm), { recursive: true });
    Deno.writeTextFileSync(join(directory, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}`);
    this.write();
  }

  /** Stores bytes, or a value as JSON. */
  blob(content: unknown, algorithm: string = this.#algorithm): NamedBlob {
    const bytes = content instanceof Uint8Array
      ? content
      : new TextEncoder().encode(typeof content === "string" ? content : JSON.stringify(content));
    const hex = createHash(algorithm).update(bytes).digest("hex");
    Deno.mkdirSync(join(this.directory, "blobs", algorithm), { recursive: true });
    Deno.writeFileSync(join(this.directory, "blobs", algorithm, hex), bytes);
    return { digest: `${algorithm}:${hex}`, size: bytes.length };
  }

  /** Stores a layer. */
  layer(content: unknown, fields: Record<string, unknown> = {}): NamedBlob {
    return { ...{ mediaType: `${OCI}layer.v1.tar` }, ...this.blob(content), ...fields };
  }

  /** Stores and lists an image. */
  image(name: string | undefined, layers: NamedBlob[], options: ForeignOptions = {}): ForeignImage {
    const config = this.blob({
      architecture: "amd64",
      os: "linux",
      rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
      ...options.config,
    });
    const manifest = {
      schemaVersion: 2,
      mediaType: `${OCI}manifest.v1+json`,
      config: { mediaType: `${OCI}config.v1+json`, ...config },
      layers,
      ...options.manifest,
    };
    return { ...this.list(name, manifest, options), config, layers };
  }

  /** Stores a manifest of any kind, and lists it. */
  list(
    name: string | undefined,
    manifest: Record<string, unknown>,
    { annotations, entry }: ForeignOptions = {},
  ): NamedBlob {
    const blob = this.blob(manifest);
    const named = name === undefined ? {} : { "org.opencontainers.image.ref.name": name };
    const mediaType = manifest["mediaType"];
    this.entries.push({ mediaType, ...blob, annotations: { ...named, ...annotations }, ...entry });
    this.write();
    return blob;
  }

  /** Writes `index.json`. */
  write(): void {
    const index = { schemaVersion: 2, manifests: this.entries };
    Deno.writeTextFileSync(join(this.directory, "index.json"), JSON.stringify(index));
  }

  /** What `index.json` lists now. */
  listed(): Record<string, unknown>[] {
    return JSON.parse(Deno.readTextFileSync(join(this.directory, "index.json"))).manifests;
  }

  /** Whether a blob is there. */
  has({ digest }: NamedBlob): boolean {
    try {
      return Deno.statSync(join(this.directory, "blobs", ...digest.split(":"))).isFile;
    } catch {
      return false;
    }
  }

  /** Of these blobs, those that are gone. */
  missing(...blobs: NamedBlob[]): string[] {
    return blobs.filter((blob) => !this.has(blob)).map(({ digest }) => digest);
  }
}

/** Stores what `docker save example.org/alpha example.org/beta` does: two images with the bare tag `latest`. */
export function saveTwo(
  directory: string,
): { layout: ForeignLayout; alpha: ForeignImage; beta: ForeignImage } {
  const layout = new ForeignLayout(directory);
  const [alpha, beta] = ["alpha", "beta"].map((name) =>
    layout.image("latest", [layout.layer(`the layer of ${name}`)], {
      annotations: { "io.containerd.image.name": `example.org/${name}:latest` },
    })
  );
  return { layout, alpha: alpha!, beta: beta! };
}
