import type { TransportRegistry } from '@vfio-user/core';
import { tcpTransport } from '@vfio-user/transport-tcp';
import {
  type Intermediary,
  type SessionFixture,
  sessionCompliance,
} from '@vfio-user/transport-testing';
import { unixTransport } from '@vfio-user/transport-unix';
import t from 'tap';
import { startRelay } from '../../src/index.js';

const directory = t.testdir();
let sockets = 0;
const unixAddress = (): string => `unix://${directory}/${sockets++}.sock`;

const unix = {
  fdPassing: true,
  sharedMemory: true,
  oneSidedMemory: false,
  orderedNotifications: false,
  maxFrameBytes: 32 * 2 ** 20,
  maxDescriptors: 253,
};
const tcp = {
  ...unix,
  fdPassing: false,
  sharedMemory: false,
  orderedNotifications: true,
  maxDescriptors: 0,
};

async function start(
  registry: TransportRegistry,
  listen: string,
  connect: string,
): Promise<Intermediary> {
  const relay = await startRelay({
    registry,
    listen,
    connect,
    observe: () => ({ onFrame() {}, onEnd() {} }),
  });
  return {
    uri: relay.uri,
    get idle() {
      return relay.statistics().open === 0;
    },
    close: () => relay.close(),
  };
}

function run(
  name: string,
  near: () => string,
  far: () => string,
  expected: SessionFixture['expected'],
): void {
  sessionCompliance(t, {
    name,
    transports: [unixTransport(), tcpTransport()],
    address: far,
    through: { address: near, start },
    expected,
  });
}

run('a relay from unix to unix', unixAddress, unixAddress, unix);
run(
  'a relay from tcp to unix',
  () => 'tcp://127.0.0.1:0',
  () => `${unixAddress()}?encoding=portable`,
  tcp,
);
