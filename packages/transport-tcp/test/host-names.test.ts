import { once } from 'node:events';
import { connect } from 'node:net';
import {
  AF_INET,
  bind,
  internetSocketAddress,
  listen as listenOn,
  streamSocket,
} from '@vfio-user/posix-ffi';
import t, { type Test } from 'tap';
import { type TcpTransportOptions, tcpTransport } from '../src/index.js';
import { framing, HelloHandshake, listen, message, Recorder } from './support.js';

/** A transport in whose world every name stands for these addresses. */
function transportWhere(addresses: readonly string[], options: TcpTransportOptions) {
  const lookup = async () => addresses.map((address) => ({ address }));
  return tcpTransport({ ...options, lookup });
}

/** An address of this machine where whoever comes waits for ever: nobody takes them in. */
async function silentAddress(t: Test, host: string, port: number): Promise<void> {
  const socket = streamSocket(AF_INET);
  t.teardown(() => socket.close());
  bind(socket, internetSocketAddress({ host, port }));
  listenOn(socket, 0);
  const first = connect(port, host);
  t.teardown(() => first.destroy());
  await once(first, 'connect');
}

const context = { framing, handshake: () => new HelloHandshake() };

t.test('a name is reached by the address that answers', async (t) => {
  for (const systemCalls of [true, false]) {
    const server = await listen(t, 'tcp://127.0.0.1:0');
    const port = Number(server.uri.port);
    await silentAddress(t, '127.0.0.2', port);
    const transport = transportWhere(['127.0.0.2', '127.0.0.1'], { systemCalls });
    // The second one is as after a lost link.
    for (let i = 0; i < 2; i++) {
      const uri = new URL(`tcp://device.example:${port}`);
      const connection = await transport.connect(uri, () => new Recorder(), context);
      connection.send(message(4));
      await server.accepted(i);
      await connection.close();
    }
  }
});

t.test('when no address answers, the reason of each is told', async (t) => {
  const server = await listen(t, 'tcp://127.0.0.1:0');
  const port = Number(server.uri.port);
  await silentAddress(t, '127.0.0.2', port);
  const transport = transportWhere(['127.0.0.2', '127.0.0.3', '::1'], {
    connectTimeoutMs: 1000,
  });
  const joining = transport.connect(
    new URL(`tcp://device.example:${port}`),
    () => new Recorder(),
    context,
  );
  const error = await joining.then(
    () => new Error('connected'),
    (error: Error) => error,
  );
  t.match(error, { code: 'VFU_SYSTEM_ERROR', cause: AggregateError });
  t.match(error.message, `cannot connect to tcp://device.example:${port}: `);
  t.match(error.message, /: 127\.0\.0\.2: no answer within \d+ ms.*; ::1: \w+/);
  t.match(error.message, /; 127\.0\.0\.3: ECONNREFUSED: nobody listens there/);
});

t.test('a name server that does not answer is not awaited for ever', async (t) => {
  // A real look-up keeps the process alive.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  const lookup = () => new Promise<never>(() => {});
  const uri = new URL('tcp://device.example:7000');
  const quick = tcpTransport({ lookup, connectTimeoutMs: 20 });
  await t.rejects(
    quick.connect(uri, () => new Recorder(), context),
    {
      code: 'VFU_TIMEOUT',
      message: /no name server said within 20 ms what the address of device\.example is/,
    },
  );
  const reason = new Error('the user went away');
  const giveUp = new AbortController();
  const joining = tcpTransport({ lookup }).connect(uri, () => new Recorder(), {
    ...context,
    signal: giveUp.signal,
  });
  giveUp.abort(reason);
  await t.rejects(joining, reason);
});
