/** Figures in words. @module */

/** Such as `256 MiB`. */
export function describeSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const unit = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${Number((bytes / 1024 ** unit).toFixed(1))} ${units[unit]}`;
}

/** Such as `1.23`, or `0.019` where that says more. */
export function describeSeconds(seconds: number): string {
  return seconds.toFixed(seconds < 1 ? 3 : 2);
}
