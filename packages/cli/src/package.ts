import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// This file is in src, dist or bundle, all of them siblings of bin and package.json.

/** The script of the command. */
export const COMMAND = fileURLToPath(new URL('../bin/vfio-user.js', import.meta.url));

/** The version of this package. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
