import { ERANGE } from './constants.js';
import { libc } from './libc.js';
import { NativeMemory } from './native-memory.js';
import { SystemError } from './system-error.js';

// struct group: name 0, password 8, gid 16, members 24.
const GROUP_BYTES = 32;
const GROUP_GID = 16;
/** What the strings of a group may take: one with thousands of members needs much. */
const FIRST_STRING_BYTES = 4096;
const MAX_STRING_BYTES = 16 * 2 ** 20;

/** The number of a group that this machine knows by name, from wherever it keeps its groups. */
export function groupId(name: string): number | undefined {
  const group = new NativeMemory(GROUP_BYTES);
  const found = new NativeMemory(8);
  for (let length = FIRST_STRING_BYTES; length <= MAX_STRING_BYTES; length *= 4) {
    const strings = new NativeMemory(length);
    const { getgrnamR } = libc();
    const errno = getgrnamR(name, group.address, strings.address, length, found.address);
    if (errno === ERANGE) continue;
    if (errno !== 0) throw new SystemError(errno, 'getgrnam', name);
    const isKnown = found.view.getBigUint64(0, true) !== 0n;
    return isKnown ? group.view.getUint32(GROUP_GID, true) : undefined;
  }
  throw new SystemError(ERANGE, 'getgrnam', name);
}
