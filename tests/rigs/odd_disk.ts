/** A disk that says something else of what is on it than the system does. @module */
import type { Disk, DiskEntry } from "../../lib/folders/disk.ts";

/** The disk, of which `says` changes what is known of a path. */
export function oddDisk(disk: Disk, says: (entry: DiskEntry, path: string) => DiskEntry): Disk {
  return new Proxy(disk, {
    get(target, name) {
      if (name === "stat") return (path: string) => says(target.stat(path), path);
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
