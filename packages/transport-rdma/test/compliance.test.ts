import { tcpTransport } from '@vfio-user/transport-tcp';
import { transportCompliance } from '@vfio-user/transport-testing';
import t from 'tap';
import { rdmaTransport } from '../src/index.js';
import { FakeFabric } from './fake-fabric.js';

transportCompliance(t, {
  name: 'rdma',
  transport: rdmaTransport({
    bootstrap: tcpTransport(),
    verbs: new FakeFabric(),
    // Little, so that it is used up often and is made quickly.
    receiveSlots: 64,
    stagingBytes: 2 ** 19,
    chunkBytes: 2 ** 16,
  }),
  address: () => 'rdma://127.0.0.1:0',
  unusedAddress: () => 'rdma://127.0.0.1:1',
  expected: {
    fdPassing: false,
    sharedMemory: false,
    oneSidedMemory: true,
    orderedNotifications: true,
    maxFrameBytes: 32 * 2 ** 20,
    maxDescriptors: 0,
  },
});
