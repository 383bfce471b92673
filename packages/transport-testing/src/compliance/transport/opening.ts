import { type Connection, type Listener, type TransportUri, VfioUserError } from '@vfio-user/core';
import type { Suite } from '../suite.js';
import { isTestFrame, TestFraming, testFrame } from '../test-frames.js';
import { largestFrame, openHost, openPair } from './connected-pair.js';
import { RecordingEnd } from './recording-end.js';

/** Opening connections, and their properties. */
export function openingTests(suite: Suite, unusedAddress: () => string): void {
  suite.test('a connection states the expected capabilities', async (t) => {
    const { client, server } = await openPair(t, suite);
    const { expected } = suite.fixture;
    for (const { connection } of [client, server]) {
      t.same(connection.capabilities, expected);
      t.equal(connection.resources !== undefined, expected.fdPassing);
      t.not(connection.peer, '');
    }
  });

  suite.test('connecting to nobody fails and names the address', async (t) => {
    const address = unusedAddress();
    const { transport, uri } = suite.registry.resolve(address);
    const accepted: RecordingEnd[] = [];
    const accept = (connection: Connection): RecordingEnd => {
      accepted.push(new RecordingEnd(connection));
      return accepted.at(-1) as RecordingEnd;
    };
    const framing = new TestFraming(largestFrame(suite));
    const error = await transport.connect(uri, accept, { framing }).catch((cause) => cause);
    t.ok(VfioUserError.is(error), `a VfioUserError: ${error}`);
    t.match(String(error), nameIn(uri));
    t.same(accepted, [], 'there was no connection');
  });

  suite.test('an aborted signal stops connecting and listening with its reason', async (t) => {
    const host = await openHost(t, suite);
    const reason = new Error('not any more');
    const signal = AbortSignal.abort(reason);
    const framing = new TestFraming(largestFrame(suite));
    t.equal(await failure(host.connect(signal)), reason);
    const { transport, uri } = suite.registry.resolve(suite.fixture.address());
    const listening = transport.listen(uri, (connection) => new RecordingEnd(connection), {
      framing,
      signal,
    });
    t.equal(await failure(listening), reason);
  });

  suite.test('an abort while connecting rejects with the reason of the signal', async (t) => {
    const host = await openHost(t, suite);
    const reason = new Error('not any more');
    for (const steps of [0, 1, 2, 4, 8]) {
      const abort = new AbortController();
      const connecting = host.connect(abort.signal);
      for (let step = 0; step < steps; step++) await undefined;
      abort.abort(reason);
      const error = await failure(connecting);
      // A connection may have been there already.
      if (error !== undefined) t.equal(error, reason, `after ${steps} steps`);
    }
    const client = await host.connect();
    client.connection.abort(new Error('test over'));
  });

  suite.test('an address that is listened on already is refused', async (t) => {
    const host = await openHost(t, suite);
    const { transport, uri } = suite.registry.resolve(host.listener.uri);
    const framing = new TestFraming(largestFrame(suite));
    await t.rejects(
      transport.listen(uri, (connection) => new RecordingEnd(connection), { framing }),
      VfioUserError,
    );
    host.onAccept = (connection) => connection.send(testFrame(0, 20));
    const client = await host.connect();
    await client.arrived(1);
    client.connection.abort(new Error('test over'));
  });

  suite.test('two clients at once have nothing to do with each other', async (t) => {
    const host = await openHost(t, suite);
    const clients = [await host.connect(), await host.connect()];
    const servers = [await host.end(0), await host.end(1)];
    for (const [i, { connection }] of clients.entries()) connection.send(testFrame(i, 100));
    for (const [i, server] of servers.entries()) {
      await server.arrived(1);
      t.ok(isTestFrame(server.frames[0]!.bytes, i, 100));
    }
    clients[0]!.connection.abort(new Error('one leaves'));
    await servers[0]!.ended();
    clients[1]!.connection.send(testFrame(7, 100));
    await servers[1]!.arrived(2);
    t.same(servers[1]!.closes, []);
    clients[1]!.connection.abort(new Error('test over'));
  });

  suite.test('a listener that closes keeps its connections', async (t) => {
    const { client, server, host } = await openPair(t, suite);
    await host.listener.close();
    await host.listener.close();
    await t.rejects(host.connect());
    client.connection.send(testFrame(0, 100));
    await server.arrived(1);
    server.connection.send(testFrame(1, 100));
    await client.arrived(1);
  });

  suite.test('a connection that is turned away on arrival ends for its client', async (t) => {
    const host = await openHost(t, suite);
    host.onAccept = (connection) => connection.abort(new Error('go away'));
    // Where a set-up takes several messages, its end may be known before the connection is.
    const client = await host.connect().catch((error) => error);
    if (client instanceof RecordingEnd) await client.ended();
    else t.match(client, { code: 'VFU_PEER_CLOSED' });
    const server = await host.end(0);
    await server.ended();
    t.match(server.closes, [{ message: 'go away' }]);
  });

  suite.test('a server may speak first', async (t) => {
    const host = await openHost(t, suite);
    host.onAccept = (connection) => connection.send(testFrame(5, 5000));
    const client = await host.connect();
    await client.arrived(1);
    t.ok(isTestFrame(client.frames[0]!.bytes, 5, 5000));
    client.connection.abort(new Error('test over'));
  });
}

/** The error that a connection or a listener was refused with; one that is there is ended. */
async function failure(opening: Promise<RecordingEnd | Listener>): Promise<unknown> {
  try {
    const opened = await opening;
    if (opened instanceof RecordingEnd) opened.connection.abort(new Error('test over'));
    else await opened.close();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** What an error text must contain to name the address: the path or the authority. */
function nameIn(uri: TransportUri): string {
  return uri.host === '' ? uri.pathname : uri.host;
}
