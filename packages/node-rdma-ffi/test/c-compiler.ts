import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Why C programs with the verbs headers cannot be made here, `false` when they can: for `skip`. */
export function noVerbsHeaders(): string | false {
  if (spawnSync('gcc', ['--version']).status !== 0) return 'no gcc: apt install gcc';
  const include = ['-E', '-x', 'c', '-include', 'infiniband/verbs.h', '/dev/null'];
  if (spawnSync('gcc', include).status === 0) return false;
  return 'no <infiniband/verbs.h>: apt install libibverbs-dev';
}

/** Compiles the body of `main` and returns what it prints. */
export function runC(folder: string, body: readonly string[]): string {
  const source = join(folder, 'program.c');
  const program = join(folder, 'program');
  const head = ['#include <infiniband/verbs.h>', '#include <stddef.h>', '#include <stdio.h>'];
  writeFileSync(source, [...head, 'int main(void) {', ...body, '}', ''].join('\n'));
  execFileSync('gcc', ['-o', program, source]);
  return execFileSync(program, { encoding: 'utf8' });
}
