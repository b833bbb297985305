/** IP addresses and networks, as the variable `NO_PROXY` names them. @module */

/**
 * The bits of an IP address as text of `0` and `1`; `undefined` = it is not one. IPv6 addresses may be in brackets.
 */
export function addressBits(text: string): string | undefined {
  const bare = text.replace(/^\[(.*)\]$/, "$1");
  if (/^\d+(\.\d+){3}$/.test(bare)) {
    const bytes = bare.split(".").map(Number);
    return bytes.some((byte) => byte > 255) ? undefined : bytes.map((byte) => bitsOf(byte, 8)).join("");
  }
  // The URL parser writes all groups of an IPv6 address in one way.
  const canonical = bare.includes(":") ? URL.parse(`http://[${bare}]/`)?.hostname.slice(1, -1) : undefined;
  if (canonical === undefined) return undefined;
  const [head = [], tail = []] = canonical.split("::").map((half) => half === "" ? [] : half.split(":"));
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill("0"), ...tail];
  return groups.map((group) => bitsOf(parseInt(group, 16), 16)).join("");
}

function bitsOf(value: number, count: number): string {
  return value.toString(2).padStart(count, "0");
}

/** Whether a host is an address in a network (`10.0.0.0/8`), or that address itself (`fd12::5`). */
export function isInNetwork(host: string, network: string): boolean {
  const [base = "", length] = network.split("/");
  const [address, start] = [addressBits(host), addressBits(base)];
  if (address === undefined || start === undefined || address.length !== start.length) return false;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return false;
  const bits = length === undefined ? start.length : Number(length);
  return bits <= start.length && address.slice(0, bits) === start.slice(0, bits);
}
