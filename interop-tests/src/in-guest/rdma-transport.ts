// The compliance suite over RDMA, from this machine to itself.

import { transportCompliance } from '@vfio-user/transport-testing';
import { runChecks } from './checks.js';
import { CountedRdma } from './counted-rdma.js';

const transport = new CountedRdma();

await runChecks((t) => {
  transportCompliance(t, {
    name: 'rdma',
    transport,
    address: () => 'rdma://10.0.0.1:0?fallback=never',
    unusedAddress: () => 'rdma://10.0.0.1:1?fallback=never',
    expected: {
      fdPassing: false,
      sharedMemory: false,
      oneSidedMemory: true,
      orderedNotifications: true,
      maxFrameBytes: 32 * 2 ** 20,
      maxDescriptors: 0,
    },
  });
});
process.stdout.write(`RESULT connections=${transport.connections}\n`);
