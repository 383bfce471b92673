import { type MemoryTransportOptions, memoryTransport } from '@vfio-user/transport-memory';
import t from 'tap';
import { transportCompliance } from '../src/index.js';

const KEPT_VIEWS = 'an ArrayBuffer cannot be taken from one of two owners in the same process';

function run(name: string, options: MemoryTransportOptions = {}, query = ''): void {
  const { sharedMemory = true, orderedNotifications = true } = options;
  const fdPassing = query === '' && options.fdPassing !== false;
  const transport = memoryTransport(options);
  let addresses = 0;
  transportCompliance(t, {
    name,
    transport,
    address: () => `memory:test-${addresses++}${query}`,
    unusedAddress: () => `memory:nobody${query}`,
    expected: {
      fdPassing,
      sharedMemory: fdPassing && sharedMemory,
      oneSidedMemory: false,
      orderedNotifications,
      maxFrameBytes: 2 ** 24,
      maxDescriptors: fdPassing ? 16 : 0,
    },
    exclusions: { 'a view is harmless after its mapping': KEPT_VIEWS },
    openHandles: () => transport.openHandles,
  });
}

run('memory');
run('memory with notifications that overtake', { orderedNotifications: false });
run('memory without shared memory', { sharedMemory: false });
run('memory without descriptors', { fdPassing: false });
run('memory in the portable encoding', {}, '?encoding=portable');
