/** What the errors of the system mean, in plain words. @module */

/** The name of each error that a file can cause, its number on Linux, and what it means. */
const ERRORS: readonly (readonly [code: string, number: number, words: string])[] = [
  ["EPERM", 1, "that is not permitted"],
  ["ENOENT", 2, "there is no such file or directory"],
  ["EIO", 5, "the disk has failed"],
  ["ENXIO", 6, "there is no such device"],
  ["E2BIG", 7, "it is too large for the file system"],
  ["ENOMEM", 12, "the system has no memory left"],
  ["EACCES", 13, "permission denied"],
  ["EBUSY", 16, "the system is using it"],
  ["EEXIST", 17, "it exists already"],
  ["EXDEV", 18, "it is on another file system"],
  ["ENODEV", 19, "the device does not support that"],
  ["ENOTDIR", 20, "a part of this path is a file, not a directory"],
  ["EISDIR", 21, "it is a directory"],
  ["EINVAL", 22, "the file system does not take that"],
  ["ENFILE", 23, "the system has too many files open"],
  ["EMFILE", 24, "this process has too many files open"],
  ["ETXTBSY", 26, "it is a program that is running"],
  ["EFBIG", 27, "it is larger than a file may be there"],
  ["ENOSPC", 28, "no space is left on the disk"],
  ["EROFS", 30, "it is on a read-only file system"],
  ["EMLINK", 31, "it has as many names as the file system allows"],
  ["ERANGE", 34, "it is too large for the file system"],
  ["ENAMETOOLONG", 36, "the name or the path is too long for the system"],
  ["ENOSYS", 38, "the system does not support that"],
  ["ENOTEMPTY", 39, "the directory is not empty"],
  ["ELOOP", 40, "a symbolic link is in the way, or links lead in a circle"],
  ["ENODATA", 61, "there is no such attribute"],
  ["EOVERFLOW", 75, "a number is too large for the system"],
  ["EILSEQ", 84, "the file system takes no such name"],
  ["ENOTSUP", 95, "the file system does not support that"],
  ["ESTALE", 116, "the server of the file system no longer has it"],
  ["EUCLEAN", 117, "the file system is damaged"],
  ["EDQUOT", 122, "the quota of this user is used up"],
];

/** The name that programmers have for the error with a number of Linux; `undefined` = it is none of those of files. */
export function codeOfNumber(wanted: number): string | undefined {
  return ERRORS.find(([, number]) => number === wanted)?.[0];
}

/** What the system says of an error, in plain words, without its number and without the call that has failed. */
export function systemWords(error: Error): string {
  return knownWords(error) ?? error.message.replace(/ \(os error \d+\).*$/s, "");
}

/** What an error says. One that comes from the system unchanged says it in plain words, after what it is about. */
export function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [whole, about] = / \(os error \d+\)(?:: \w+ (.+))?$/s.exec(error.message) ?? [];
  if (whole === undefined) return error.message;
  return about === undefined ? systemWords(error) : `${about}: ${systemWords(error)}`;
}

/** What the system says of an error, in plain words; `undefined` = it is no error of the system, or none of those of files. */
export function knownWords(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return ERRORS.find(([name]) => name === code)?.[2];
}
