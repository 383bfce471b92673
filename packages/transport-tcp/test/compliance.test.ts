import { streamCompliance, transportCompliance } from '@vfio-user/transport-testing';
import t from 'tap';
import { tcpTransport } from '../src/index.js';
import { Authority, noOpenssl } from './certificates.js';

const expected = {
  fdPassing: false,
  sharedMemory: false,
  orderedNotifications: true,
  maxFrameBytes: 32 * 2 ** 20,
  maxDescriptors: 0,
};

function run(name: string, suffix = ''): void {
  transportCompliance(t, {
    name,
    transport: tcpTransport(),
    address: () => `${name}://127.0.0.1:0${suffix}`,
    unusedAddress: () => `${name}://127.0.0.1:1${suffix}`,
    expected,
  });
}

run('tcp');
run('ws', '/device');

streamCompliance(t, {
  name: 'tcp',
  transport: tcpTransport(),
  address: () => 'tcp://127.0.0.1:0',
  relaySocket: () => ({ port: 0, host: '127.0.0.1' }),
  socketOf: (uri) => ({ port: Number(new URL(uri).port), host: '127.0.0.1' }),
  uriOf: (socket) => `tcp://127.0.0.1:${'port' in socket ? socket.port : ''}`,
});

const skip = noOpenssl();
if (skip === false) {
  const authority = new Authority(t.testdir(), 'authority');
  const { cert, key } = authority.issue('both');
  const query = `?ca=${authority.cert}&cert=${cert}&key=${key}`;
  run('tls', query);
  run('wss', `/device${query}`);
} else {
  void t.test('tls and wss', { skip }, async () => {});
}
