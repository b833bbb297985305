/** The C library of Linux: the functions of it that Deno has no calls for, and the errors that they give. @module */
import type { Bytes } from "../content/bytes.ts";
import { codeOfNumber, knownWords } from "../content/system_words.ts";
import { encodeName } from "../layers/tar_field.ts";

const SYMBOLS = {
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  symlink: { parameters: ["buffer", "buffer"], result: "i32" },
  link: { parameters: ["buffer", "buffer"], result: "i32" },
  rename: { parameters: ["buffer", "buffer"], result: "i32" },
  remove: { parameters: ["buffer"], result: "i32" },
  chmod: { parameters: ["buffer", "u32"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
  lchown: { parameters: ["buffer", "u32", "u32"], result: "i32" },
  llistxattr: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  lgetxattr: { parameters: ["buffer", "buffer", "buffer", "usize"], result: "isize" },
  flistxattr: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  fgetxattr: { parameters: ["i32", "buffer", "buffer", "usize"], result: "isize" },
  lsetxattr: { parameters: ["buffer", "buffer", "buffer", "usize", "i32"], result: "i32" },
  syncfs: { parameters: ["i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** The library, until it is closed. */
export type Library = Deno.DynamicLibrary<typeof SYMBOLS>;
/** Its functions. */
export type LibraryCalls = Library["symbols"];

/** The function that sets how memory is allocated, which glibc alone has. */
const ALLOCATION = { mallopt: { parameters: ["i32", "i32"], result: "i32" } } as const;
/** What it sets: the most heaps, and the size from which memory that is freed goes back to the system at once. */
const [M_ARENA_MAX, M_MMAP_THRESHOLD] = [-8, -3];
/** Such a size, in bytes. */
const LARGE = 256 * 1024;

/** Opens the library; `undefined` on other systems, or without the permission to call it. */
export function openLibrary(): Library | undefined {
  if (!isAllowed()) return undefined;
  for (const name of ["libc.so.6", `ld-musl-${Deno.build.arch}.so.1`]) {
    try {
      return Deno.dlopen(name, SYMBOLS);
    } catch {
      continue; // another C library, or one from before these calls
    }
  }
  return undefined;
}

function isAllowed(): boolean {
  return Deno.build.os === "linux" && Deno.permissions.querySync({ name: "ffi" }).state === "granted";
}

/**
 * Has threads that are started later share a heap of the C library, where that is glibc. It would give each thread a heap of its
 * own, and keep what is freed there: a sixth of all memory. This holds for the whole process, so a program decides on it, and
 * not a library.
 */
export function shareHeap(): void {
  if (!isAllowed()) return;
  try {
    const library = Deno.dlopen("libc.so.6", ALLOCATION);
    library.symbols.mallopt(M_ARENA_MAX, 1);
    library.symbols.mallopt(M_MMAP_THRESHOLD, LARGE);
    library.close();
  } catch {
    return; // another C library
  }
}

/** A path as C takes it: bytes up to a zero. */
export function pathBytes(path: string): Bytes {
  return encodeName(`${path}\0`);
}

/** What a call has returned, which is negative if it has failed. */
export function demand(library: LibraryCalls, result: number | bigint, what: string, path: string): number {
  if (Number(result) < 0) throw systemError(errnoOf(library), `${what} ${path}`);
  return Number(result);
}

/** The number of the last error. */
export function errnoOf(library: LibraryCalls): number {
  const pointer = library.__errno_location();
  return pointer ? new Deno.UnsafePointerView(pointer).getInt32() : 0;
}

/** The error for the number that the system gives, of the class and with the code that Deno has for it. */
export function systemError(number: number, what: string): Error {
  const code = codeOfNumber(number);
  const Kind = KINDS[code ?? ""] ?? Error;
  const words = knownWords({ code }) ?? `error ${number} of the system`;
  return Object.assign(new Kind(`${what}: ${words}`), { code });
}

/** The classes that Deno has for errors of the system. */
const KINDS: Readonly<Record<string, new (message: string) => Error>> = {
  EPERM: Deno.errors.PermissionDenied,
  EACCES: Deno.errors.PermissionDenied,
  EEXIST: Deno.errors.AlreadyExists,
  ENOENT: Deno.errors.NotFound,
  ENOTDIR: Deno.errors.NotADirectory,
};
