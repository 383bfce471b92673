import { streamCompliance, transportCompliance } from '@vfio-user/transport-testing';
import t from 'tap';
import { unixTransport } from '../src/index.js';

const directory = t.testdir();
let addresses = 0;
const address = (): string => `unix://${directory}/${addresses++}.sock`;

transportCompliance(t, {
  name: 'unix',
  transport: unixTransport(),
  address,
  unusedAddress: () => `unix://${directory}/nobody.sock`,
  expected: {
    fdPassing: true,
    sharedMemory: true,
    oneSidedMemory: false,
    orderedNotifications: false,
    maxFrameBytes: 32 * 2 ** 20,
    maxDescriptors: 253,
  },
});

streamCompliance(t, {
  name: 'unix',
  transport: unixTransport(),
  address,
  relaySocket: () => ({ path: `${directory}/${addresses++}.relay` }),
  socketOf: (uri) => ({ path: new URL(uri).pathname }),
  uriOf: (socket) => `unix://${'path' in socket ? socket.path : ''}`,
});

streamCompliance(t, {
  name: 'unix, portable encoding',
  transport: unixTransport(),
  address: () => `${address()}?encoding=portable`,
  relaySocket: () => ({ path: `${directory}/${addresses++}.relay` }),
  socketOf: (uri) => ({ path: new URL(uri).pathname }),
  uriOf: (socket) => `unix://${'path' in socket ? socket.path : ''}?encoding=portable`,
});
