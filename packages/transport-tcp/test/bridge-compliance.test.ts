import { type SessionFixture, sessionCompliance } from '@vfio-user/transport-testing';
import { unixTransport } from '@vfio-user/transport-unix';
import t from 'tap';
import { tcpTransport } from '../src/index.js';

const directory = t.testdir();
let sockets = 0;

const unix = {
  address: () => `unix://${directory}/${sockets++}.sock`,
  expected: {
    fdPassing: true,
    sharedMemory: true,
    oneSidedMemory: false,
    orderedNotifications: false,
    maxFrameBytes: 32 * 2 ** 20,
    maxDescriptors: 253,
  },
};
const tcp = {
  address: () => 'tcp://127.0.0.1:0',
  expected: {
    ...unix.expected,
    fdPassing: false,
    sharedMemory: false,
    oneSidedMemory: false,
    orderedNotifications: true,
    maxDescriptors: 0,
  },
};

type Side = Pick<SessionFixture, 'address' | 'expected'>;

function run(name: string, near: Side, far: Side): void {
  sessionCompliance(t, {
    name,
    transports: [unixTransport(), tcpTransport()],
    address: far.address,
    through: { address: near.address },
    expected: near.expected,
  });
}

run('a bridge from unix to tcp', unix, tcp);
run('a bridge from tcp to unix', tcp, unix);
