import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A small file's text without the line end, or `undefined` when it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** The names in a folder, none when it is not there. */
export function listFolder(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch {
    return [];
  }
}

/** What a program prints, or `undefined` when it cannot be run, fails or hangs. */
export async function outputOf(program: string, ...args: string[]): Promise<string | undefined> {
  // System tools such as ldconfig are not in everybody's PATH.
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
  try {
    return (await run(program, args, { env, timeout: 10_000 })).stdout;
  } catch {
    return undefined;
  }
}
