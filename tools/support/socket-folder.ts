import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** An empty folder for sockets. Its path is short, as theirs must be; `t.testdir()` is not. */
export function socketFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'vfu-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
