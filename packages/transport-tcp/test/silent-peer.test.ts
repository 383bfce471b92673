import dns from 'node:dns/promises';
import { once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { mock } from 'node:test';
import { connectDevice, TransportRegistry } from '@vfio-user/core';
import t, { type Test } from 'tap';
import { type TcpTransportOptions, tcpTransport } from '../src/index.js';
import { framing, HelloHandshake, Recorder } from './support.js';

const LONG = { connectTimeoutMs: 60_000, handshakeTimeoutMs: 60_000 };

/** Accepts, and says nothing. */
async function silentPeer(t: Test): Promise<{ readonly port: number; accepted(): Promise<void> }> {
  const server = createServer((socket) => {
    t.teardown(() => socket.destroy());
    socket.on('error', () => {}).resume();
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, accepted: async () => void (await once(server, 'connection')) };
}

function connect(uri: string, options: TcpTransportOptions, signal?: AbortSignal) {
  return tcpTransport(options).connect(new URL(uri), () => new Recorder(), {
    framing,
    handshake: () => new HelloHandshake(),
    ...(signal && { signal }),
  });
}

for (const scheme of ['tcp', 'tls', 'ws', 'wss']) {
  for (const systemCalls of [true, false]) {
    t.test(`${scheme}: a peer that says nothing is given up (${systemCalls})`, async (t) => {
      const { port } = await silentPeer(t);
      const limits = { connectTimeoutMs: 30, handshakeTimeoutMs: 30, systemCalls };
      const uri = `${scheme}://127.0.0.1:${port}`;
      await t.rejects(connect(uri, limits), { code: 'VFU_TIMEOUT' });
    });

    t.test(`${scheme}: waiting for it ends with the signal (${systemCalls})`, async (t) => {
      const { port, accepted } = await silentPeer(t);
      const abort = new AbortController();
      const reason = new Error('not any more');
      const uri = `${scheme}://127.0.0.1:${port}`;
      const connecting = connect(uri, { ...LONG, systemCalls }, abort.signal);
      await accepted();
      abort.abort(reason);
      t.equal(await connecting.catch((error) => error), reason);
    });
  }
}

t.test('a device that never answers VERSION is given up with the signal', async (t) => {
  const { port, accepted } = await silentPeer(t);
  const abort = new AbortController();
  const reason = new Error('not any more');
  const registry = new TransportRegistry([tcpTransport()]);
  const uri = `tcp://127.0.0.1:${port}?encoding=native`;
  const connecting = connectDevice(uri, { registry, signal: abort.signal });
  await accepted();
  abort.abort(reason);
  t.equal(await connecting.catch((error) => error), reason);
});

t.test('name servers that do not answer are not waited for', async (t) => {
  mock.method(dns, 'lookup', () => new Promise(() => {}));
  syncBuiltinESMExports();
  // A real look-up keeps the process alive.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => {
    clearInterval(alive);
    mock.restoreAll();
    syncBuiltinESMExports();
  });
  const uri = 'tcp://device-host:7000';
  const silence = { code: 'VFU_TIMEOUT', message: /name server.*device-host/ };
  await t.rejects(connect(uri, { connectTimeoutMs: 20 }), silence);
  const accept = () => new Recorder();
  const bind = (options: TcpTransportOptions, signal?: AbortSignal) =>
    tcpTransport(options).listen(new URL(uri), accept, { framing, ...(signal && { signal }) });
  await t.rejects(bind({ connectTimeoutMs: 20 }), silence);
  for (const attempt of [connect.bind(undefined, uri), bind]) {
    const abort = new AbortController();
    const reason = new Error('not any more');
    const under = attempt(LONG, abort.signal);
    setImmediate(() => abort.abort(reason));
    t.equal(await under.catch((error) => error), reason);
  }
});
