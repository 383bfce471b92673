import { tcpTransport } from '@vfio-user/transport-tcp';
import { sessionCompliance } from '@vfio-user/transport-testing';
import { unixTransport } from '@vfio-user/transport-unix';
import t from 'tap';
import { rdmaTransport } from '../src/index.js';
import { FakeFabric } from './fake-fabric.js';

const directory = t.testdir();
let sockets = 0;
const bootstrap = tcpTransport();
const rdma = rdmaTransport({
  bootstrap,
  verbs: new FakeFabric(),
  receiveSlots: 64,
  stagingBytes: 2 ** 19,
  chunkBytes: 2 ** 16,
});

sessionCompliance(t, {
  name: 'a bridge from unix to rdma',
  transports: [unixTransport(), bootstrap, rdma],
  address: () => 'rdma://127.0.0.1:0?fallback=never',
  through: { address: () => `unix://${directory}/${sockets++}.sock` },
  expected: {
    fdPassing: true,
    sharedMemory: true,
    oneSidedMemory: false,
    orderedNotifications: false,
    maxFrameBytes: 32 * 2 ** 20,
    maxDescriptors: 253,
  },
});
