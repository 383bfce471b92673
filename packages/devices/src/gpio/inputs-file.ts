import { readFile, unwatchFile, watchFile } from 'node:fs';
import type { Logger } from '@vfio-user/core';
import { levels } from './options.js';

// Polling also sees files replaced by an editor and files on network mounts.
const POLL_MS = 100;

/**
 * Poll a file for input levels, for example from `echo 0xA5F0 > inputs.txt`. Content that cannot be read or parsed is
 * logged and ignored.
 * @returns a function that stops polling.
 */
export function followInputsFile(
  path: string,
  logger: Logger,
  onLevels: (levels: number) => void,
): () => void {
  const load = (): void =>
    readFile(path, 'utf8', (error, text) => {
      if (stopped) return;
      if (error !== null) {
        logger.warn({ path, err: error }, 'cannot read the input levels; kept as they are');
        return;
      }
      // A writer truncates first: an empty file is about to be filled.
      if (text.trim() === '') return;
      const parsed = levels.safeParse(text.trim());
      if (parsed.success) onLevels(parsed.data);
      else logger.warn({ path, text }, 'expected input levels such as 0xA5F0; kept as they are');
    });
  let stopped = false;
  watchFile(path, { interval: POLL_MS }, load);
  load();
  return () => {
    stopped = true;
    unwatchFile(path, load);
  };
}
