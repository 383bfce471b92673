import { readdirSync, readFileSync } from 'node:fs';

// What is in /proc and /sys belongs to others and may be gone, or not be for this user: then it is empty.

/** The text of a file of the kernel, without white space around it. */
export function systemText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** The names in a folder of the kernel, in order. */
export function systemNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
