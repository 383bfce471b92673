import { lstatSync, type Stats, statSync } from 'node:fs';

/** What is in the way of a socket at a path. */
export type PathConflict = 'a folder' | 'no socket' | 'a dangling link';

/** What stands at `path`, unless it is a socket or nothing, or cannot be looked at. */
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
