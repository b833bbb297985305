/** Makes certificates with openssl: for servers on this machine, and for signing tokens. @module */
import { isIP } from "node:net";
import { join } from "node:path";

/** A certificate for `localhost`, `registry.test`, `127.0.0.1` and `::1`, and the authority that vouches for it. */
export interface ServerCertificate {
  /** The authority's certificate: what a client must trust. */
  caPem: string;
  /** The file of `caPem`. */
  caPath: string;
  /** The server's certificate. */
  certificatePem: string;
  /** The file of `certificatePem`. */
  certificatePath: string;
  /** The server's private key. */
  keyPem: string;
  /** The file of `keyPem`. */
  keyPath: string;
}

/** A self-made RSA certificate that vouches for tokens. */
export interface SigningCertificate {
  /** The certificate. */
  certificatePem: string;
  /** The file of `certificatePem`: the registry's `rootcertbundle`. */
  certificatePath: string;
  /** The private key. */
  keyPem: string;
}

const SERVER_EXTENSIONS = [
  "basicConstraints=critical,CA:FALSE",
  "keyUsage=critical,digitalSignature,keyEncipherment",
  "extendedKeyUsage=serverAuth",
  "subjectAltName=DNS:localhost,DNS:registry.test,IP:127.0.0.1,IP:::1",
].join("\n");

/** Makes an authority and a server's certificate in a directory; the certificate is for these hosts too, by name or address. */
export async function makeServerCertificate(
  directory: string,
  hosts: readonly string[] = [],
): Promise<ServerCertificate> {
  const file = (name: string) => join(directory, name);
  await selfSign(directory, { name: "ca", key: "ec", subject: "layerstash test authority" });
  const names = hosts.map((host) => `,${isIP(host) ? "IP" : "DNS"}:${host}`).join("");
  await Deno.writeTextFile(file("server.ext"), SERVER_EXTENSIONS + names);
  await openssl(directory, [
    ..."req -new -out server.csr".split(" "),
    ...newKey("server", "ec"),
    ...subject("localhost"),
  ]);
  await openssl(
    directory,
    "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -set_serial 2 -days 30 -extfile server.ext -out server.pem"
      .split(" "),
  );
  const paths = { caPath: file("ca.pem"), certificatePath: file("server.pem"), keyPath: file("server.key") };
  return {
    ...paths,
    caPem: await Deno.readTextFile(paths.caPath),
    certificatePem: await Deno.readTextFile(paths.certificatePath),
    keyPem: await Deno.readTextFile(paths.keyPath),
  };
}

/** Makes a certificate that is its own authority in a directory, as `openssl req -x509` does where one asks for no more. */
export async function makeOwnCertificate(
  directory: string,
  hosts = "DNS:localhost,IP:127.0.0.1",
): Promise<ServerCertificate> {
  const own = { name: "own", key: "rsa", subject: "localhost" } as const;
  await selfSign(directory, own, ["-addext", `subjectAltName=${hosts}`]);
  const certificatePath = join(directory, "own.pem");
  const keyPath = join(directory, "own.key");
  const certificatePem = await Deno.readTextFile(certificatePath);
  return {
    ...{ caPath: certificatePath, caPem: certificatePem, certificatePath, certificatePem, keyPath },
    keyPem: await Deno.readTextFile(keyPath),
  };
}

/** Makes a certificate for signing tokens in a directory. */
export async function makeSigningCertificate(directory: string): Promise<SigningCertificate> {
  await selfSign(directory, { name: "signing", key: "rsa", subject: "layerstash test tokens" });
  const certificatePath = join(directory, "signing.pem");
  return {
    certificatePath,
    certificatePem: await Deno.readTextFile(certificatePath),
    keyPem: await Deno.readTextFile(join(directory, "signing.key")),
  };
}

type KeyKind = "ec" | "rsa";

function selfSign(
  directory: string,
  made: { name: string; key: KeyKind; subject: string },
  more: string[] = [],
): Promise<void> {
  const { name, key } = made;
  const fixed = `req -x509 -sha256 -days 30 -out ${name}.pem`.split(" ");
  return openssl(directory, [...fixed, ...newKey(name, key), ...subject(made.subject), ...more]);
}

function newKey(name: string, kind: KeyKind): string[] {
  const algorithm = kind === "ec" ? "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1" : "-newkey rsa:2048";
  return `${algorithm} -nodes -keyout ${name}.key`.split(" ");
}

function subject(commonName: string): string[] {
  return ["-subj", `/CN=${commonName}`];
}

async function openssl(directory: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args, cwd: directory }).output();
  if (!success) throw new Error(`openssl ${args[0]} failed: ${new TextDecoder().decode(stderr)}`);
}
