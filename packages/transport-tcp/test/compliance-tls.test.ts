import { Authority, noOpenssl } from '@vfio-user/support';
import t from 'tap';
import { networkCompliance } from './networks.js';

const skip = noOpenssl();
if (skip === false) {
  const authority = new Authority(t.testdir(), 'authority');
  const { cert, key } = authority.issue('both');
  const query = `?ca=${authority.cert}&cert=${cert}&key=${key}`;
  networkCompliance({ name: 'tls', scheme: 'tls', suffix: query });
  networkCompliance({
    name: 'tls by Node',
    scheme: 'tls',
    suffix: query,
    options: { systemCalls: false },
  });
  networkCompliance({ name: 'wss', scheme: 'wss', suffix: `/device${query}` });
} else {
  void t.test('tls and wss', { skip }, async () => {});
}
