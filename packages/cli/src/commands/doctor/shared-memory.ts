import { randomBytes } from 'node:crypto';
import {
  cannotShrink,
  createMemoryFile,
  type FileDescriptor,
  Mapping,
  MessageSocket,
  NativeMemory,
  socketPair,
  unavailableReason,
} from '@vfio-user/posix-ffi';
import { type Finding, found, missing } from './finding.js';

const NAME = 'fd passing';
const BYTES = 16;

/** Pass the descriptor of a memory over a socket pair, map it at the other end, and compare. */
export function checkDescriptorPassing(): Finding[] {
  const reason = unavailableReason();
  if (reason !== undefined) {
    return [missing(NAME, reason, 'the UNIX socket transport needs it', true)];
  }
  const opened: FileDescriptor[] = [];
  try {
    const text = `a descriptor passed, mapped and compared`;
    if (passesMemory(opened)) return [found(NAME, text, true)];
    return [missing(NAME, 'the memory that arrived is another one', 'please report this', true)];
  } catch (error) {
    const advice = 'does a sandbox or container forbid SCM_RIGHTS, memfd_create or mmap?';
    return [missing(NAME, (error as Error).message, advice, true)];
  } finally {
    for (const descriptor of opened) descriptor.close();
  }
}

/** Everything opened goes to `opened`, also when this throws. */
function passesMemory(opened: FileDescriptor[]): boolean {
  const [near, far] = socketPair();
  opened.push(near, far);
  const memory = createMemoryFile('vfio-user-doctor', BYTES);
  opened.push(memory);
  const secret = randomBytes(BYTES);
  const written = Mapping.create(memory, { length: BYTES, writable: true });
  written.write(0, secret);
  written.revoke();

  const letter = new NativeMemory(1);
  new MessageSocket(near).send(letter.address, 1, 0, 0, [memory]);
  const receiver = new MessageSocket(far);
  receiver.receive(letter.address, 1);
  const [received] = receiver.takeDescriptors();
  if (received === undefined) return false;
  opened.push(received);
  const mapped = Mapping.create(received, { length: BYTES, writable: false });
  const arrived = new Uint8Array(BYTES);
  mapped.read(0, arrived);
  mapped.revoke();
  return secret.equals(arrived);
}

/** Memory whose size nobody can change: what makes it safe to map what a peer sends. */
export function checkMemorySealing(): Finding[] {
  const reason = unavailableReason();
  if (reason !== undefined)
    return [missing('memfd sealing', reason, 'it is a feature of Linux', true)];
  try {
    const memory = createMemoryFile('vfio-user-doctor', 4096);
    const isSealed = cannotShrink(memory);
    memory.close();
    if (isSealed) return [found('memfd sealing', 'memory files can be sealed', true)];
    return [
      missing('memfd sealing', 'seals are accepted but not kept', 'please report this', true),
    ];
  } catch (error) {
    return [
      missing('memfd sealing', (error as Error).message, 'Linux 3.17 or newer is needed', true),
    ];
  }
}
