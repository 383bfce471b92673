import { memoryTransport } from '@vfio-user/transport-memory';
import t from 'tap';
import { sessionCompliance } from '../../src/index.js';

const PORTABLE = '?encoding=portable';

function run(name: string, near: string, far: string): void {
  const transport = memoryTransport({ orderedNotifications: false });
  const passing = near === '';
  let addresses = 0;
  sessionCompliance(t, {
    name,
    transports: [transport],
    address: () => `memory:device-${addresses++}${far}`,
    through: { address: () => `memory:bridge-${addresses++}${near}` },
    expected: {
      fdPassing: passing,
      sharedMemory: passing,
      oneSidedMemory: false,
      orderedNotifications: false,
      maxFrameBytes: 2 ** 24,
      maxDescriptors: passing ? 16 : 0,
    },
    openHandles: () => transport.openHandles,
  });
}

run('a bridge from descriptors to messages', '', PORTABLE);
run('a bridge from messages to descriptors', PORTABLE, '');
run('a bridge from descriptors to descriptors', '', '');
run('a bridge from messages to messages', PORTABLE, PORTABLE);
