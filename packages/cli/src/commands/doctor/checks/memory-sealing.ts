import { cannotShrink, createMemoryFile, unavailableReason } from '@vfio-user/posix-ffi';
import { type Finding, found, missing } from '../finding.js';

const NAME = 'memfd sealing';

/** Memory whose size nobody can change: what makes it safe to map what a peer sends. */
export function checkMemorySealing(): Finding[] {
  const reason = unavailableReason();
  if (reason !== undefined) return [missing(NAME, reason, 'it is a feature of Linux', true)];
  try {
    const memory = createMemoryFile('vfio-user-doctor', 4096);
    const isSealed = cannotShrink(memory);
    memory.close();
    if (isSealed) return [found(NAME, 'memory files can be sealed', true)];
    return [missing(NAME, 'seals are accepted but not kept', 'please report this', true)];
  } catch (error) {
    return [missing(NAME, (error as Error).message, 'Linux 3.17 or newer is needed', true)];
  }
}
