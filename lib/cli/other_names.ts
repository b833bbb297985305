/** What options and commands are called in other programs, to suggest what they are called here. @module */

/** Names that people try, each with those that may be meant. Those that are close to a right one need no entry. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  "--output": ["--outfile"],
  "--out": ["--outfile"],
  "--input": ["--infile"],
  "--file": ["--infile"],
  "--tag": ["--base-tag"],
  "--name": ["--base-tag"],
  "--user": ["--username"],
  "--password": ["--password-stdin", "--token"],
  "--force": ["--overwrite"],
  "--replace": ["--overwrite"],
  "--insecure": ["--insecure-skip-tls-verify"],
  "-k": ["--insecure-skip-tls-verify"],
  "--plain-http": ["--insecure-skip-tls-verify"],
  "--tls-verify": ["--insecure-skip-tls-verify"],
  "--cacert": ["--ca-file"],
  "--parallel": ["--jobs"],
  "--concurrency": ["--jobs"],
  "-j": ["--jobs"],
  "--silent": ["--quiet"],
  "--debug": ["--verbose"],
  "store": ["upload"],
  "send": ["upload"],
  "add": ["upload"],
  "fetch": ["pull", "get", "download"],
  "get": ["pull"],
  "download": ["pull"],
  "restore": ["download"],
  "put": ["push", "set"],
  "upload": ["push"],
  "remove": ["set"], // of recipients: those who stay are named
  "rm": ["remove", "set"],
  "delete": ["remove", "set"],
  "del": ["remove", "set"],
  "ls": ["list"],
  "show": ["get", "info"],
  "stat": ["size", "info"],
  "check": ["verify"],
  "cp": ["mount", "copy"],
  "compare": ["diff"],
  "cmp": ["diff"],
  "signin": ["login"],
  "search": ["repos"],
  "tag": ["alias"],
  "tags": ["list"],
  "catalog": ["repos"],
};

/**
 * The name that is meant by another one. A beginning of one long option is enough, as the Python layerstash takes it.
 *
 * @param known the names that there are
 */
export function otherName(word: string, known: readonly string[]): string | undefined {
  const [name = word] = word.split("=", 1);
  const begun = name.length > 3 && name.startsWith("--")
    ? known.filter((each) => each?.startsWith(name))
    : [];
  if (begun.length === 1) return begun[0];
  const meant = Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name]! : [];
  return meant.find((each) => known.includes(each));
}
