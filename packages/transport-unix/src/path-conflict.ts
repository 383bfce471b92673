import { lstatSync, type Stats, statSync } from 'node:fs';

/** What prevents binding a socket to a path. */
export type PathConflict = 'a folder' | 'no socket' | 'a dangling link';

/** What is at `path`; `undefined` for a socket, nothing, or a path that cannot be examined. */
export function pathConflictAt(path: string): PathConflict | undefined {
  if (path.startsWith('@')) return undefined;
  const found = look(lstatSync, path);
  const behind = found?.isSymbolicLink() === true ? look(statSync, path) : found;
  if (behind === undefined) return found === undefined ? undefined : 'a dangling link';
  if (behind.isSocket()) return undefined;
  return behind.isDirectory() ? 'a folder' : 'no socket';
}

function look(stat: (path: string) => Stats, path: string): Stats | undefined {
  try {
    return stat(path);
  } catch {
    return undefined;
  }
}
