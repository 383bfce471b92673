/** `undefined` when it fails. */
export function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** The folder of a block device; `rdev` is its number as `stat` gives it. */
export function blockDeviceFolder(rdev: number, sysfs = '/sys'): string {
  return `${sysfs}/dev/block/${deviceId(rdev)}`;
}

/** `major:minor`, as the kernel writes it. */
export function deviceId(rdev: number): string {
  // The inverse of glibc's makedev(), whose numbers reach beyond 32 bits.
  const low = rdev % 2 ** 32;
  const high = Math.floor(rdev / 2 ** 32);
  const major = ((low >>> 8) & 0xfff) | (high & 0xffff_f000);
  const minor = (low & 0xff) | ((low >>> 12) & 0xf_ff00);
  return `${major}:${minor}`;
}
