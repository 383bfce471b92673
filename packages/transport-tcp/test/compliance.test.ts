import { streamCompliance } from '@vfio-user/transport-testing';
import t from 'tap';
import { tcpTransport } from '../src/index.js';
import { networkCompliance } from './networks.js';

networkCompliance({ name: 'tcp', scheme: 'tcp' });
networkCompliance({ name: 'tcp by Node', scheme: 'tcp', options: { systemCalls: false } });
networkCompliance({ name: 'ws', scheme: 'ws', suffix: '/device' });
networkCompliance({
  name: 'ws by Node',
  scheme: 'ws',
  suffix: '/device',
  options: { systemCalls: false },
});

for (const encoding of ['portable', 'native']) {
  streamCompliance(t, {
    name: `tcp, ${encoding}`,
    transport: tcpTransport(),
    address: () => `tcp://127.0.0.1:0?encoding=${encoding}`,
    relaySocket: () => ({ port: 0, host: '127.0.0.1' }),
    socketOf: (uri) => ({ port: Number(new URL(uri).port), host: '127.0.0.1' }),
    uriOf: (socket) =>
      `tcp://127.0.0.1:${'port' in socket ? socket.port : ''}?encoding=${encoding}`,
  });
}
