import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** Only root may make loop devices. */
export const needsRoot =
  process.getuid?.() === 0 ? {} : { skip: 'block devices of its own need root' };

/** Where other users may look into, unlike into where the project may lie. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-user-image-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A block device over an empty file, until the test ends. `options` are losetup's. */
export function loopDevice(t: Test, bytes: number, ...options: readonly string[]): string {
  const file = join(temporaryFolder(t), 'backing');
  writeFileSync(file, '');
  truncateSync(file, bytes);
  const arguments_ = ['--find', '--show', ...options, file];
  const device = execFileSync('losetup', arguments_, { encoding: 'utf8' }).trim();
  t.teardown(() => execFileSync('losetup', ['--detach', device]));
  return device;
}
