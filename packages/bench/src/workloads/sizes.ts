const KIBI = 2 ** 10;
const MEBI = 2 ** 20;

/** A size as the command line takes it: `64`, `4 KiB`, `1 MiB`. */
export function sizeText(bytes: number): string {
  if (bytes >= MEBI && bytes % MEBI === 0) return `${bytes / MEBI} MiB`;
  if (bytes >= KIBI && bytes % KIBI === 0) return `${bytes / KIBI} KiB`;
  return `${bytes} B`;
}
