// What the command says of a session whose link is cut.

import { connectDevice, Region, TransportRegistry } from '@vfio-user/core';
import type { Program } from '@vfio-user/support';
import { ByteRelay, type SocketAddress } from '@vfio-user/transport-testing';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';
import { runCli } from './cli-process.js';
import { runCaught } from './fake-io.js';

const registry = new TransportRegistry([unixTransport()]);
const METRICS = ['--metrics', '127.0.0.1:0'];
const ANYWHERE = { host: '127.0.0.1', port: 0 };
const LOST = /the link is lost, the session is kept/;
const BACK = /the link is back, the session goes on/;
const UNTIL = /until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;
/** Of the counter: its value, and what is added to it. */
const VALUE = 0;
const STEP = 4;

const jsonLine = async (program: Program, pattern: RegExp) =>
  JSON.parse(await program.line('stderr', pattern));

async function metricsOf(program: Program): Promise<() => Promise<string>> {
  const { url } = await jsonLine(program, /"msg":"metrics"/);
  return async () => (await fetch(url)).text();
}

interface Served {
  readonly server: Program;
  readonly uri: string;
  readonly address: { readonly host: string; readonly port: number };
}

async function serveCounter(t: Test, ...options: string[]): Promise<Served> {
  const listen = ['--listen', 'tcp://127.0.0.1:0'];
  const server = runCli(t, ['serve', 'counter', ...listen, ...options]);
  const [, uri = '', port] = /^listening (\S+:(\d+))/.exec(
    await server.line('stdout', /^listening /),
  ) as string[];
  return { server, uri, address: { host: '127.0.0.1', port: Number(port) } };
}

t.test('a link that is cut costs its time, and everybody says so', async (t) => {
  const { server, uri, address } = await serveCounter(t, ...METRICS);
  const serverMetrics = await metricsOf(server);
  const relayTo = (listen: SocketAddress) => ByteRelay.listen({ listen, connect: address });
  const relay = await relayTo(ANYWHERE);
  const { port } = relay.address as { port: number };
  const device = `tcp://127.0.0.1:${port}`;
  const near = `unix://${socketFolder(t)}/near.sock`;
  // Longer than the outage: nothing reads as an empty slot.
  const ends = ['--listen', near, '--connect', device, '--answer-timeout', '60s'];
  const bridge = runCli(t, ['bridge', ...ends, ...METRICS]);
  const bridgeMetrics = await metricsOf(bridge);
  await bridge.line('stdout', /^listening /);
  const client = await connectDevice(near, { registry, timeoutMs: 60_000 });
  t.teardown(() => client.close());
  await client.regionWrite(Region.BAR0, STEP, Uint8Array.of(5, 0, 0, 0));

  await relay.close();
  const loss = { reason: String, holdSeconds: 60 };
  t.match(await jsonLine(server, LOST), { ...loss, peer: /^127\.0\.0\.1:\d+$/ });
  t.match(await jsonLine(bridge, LOST), { ...loss, device, peer: /^process/ });
  client.regionWritePosted(Region.BAR0, STEP, Uint8Array.of(2, 0, 0, 0));
  const read = client.regionRead(Region.BAR0, VALUE, 4);
  const held = await runCaught(['info', uri]);
  t.equal(held.code, 1);
  t.match(held.stderr, /the device is held for 127\.0\.0\.1:\d+, whose link is lost, until/);
  t.match(held.stderr, UNTIL);
  for (const metrics of [serverMetrics, bridgeMetrics]) {
    t.match(await metrics(), /^vfio_user_sessions_held 1$/m);
  }

  const again = await relayTo({ ...ANYWHERE, port });
  t.teardown(() => again.close());
  t.same(await read, Uint8Array.of(7, 0, 0, 0));
  for (const [program, metrics] of [
    [server, serverMetrics],
    [bridge, bridgeMetrics],
  ] as const) {
    t.match(await jsonLine(program, BACK), { seconds: Number, framesSentAgain: Number });
    const text = await metrics();
    t.match(text, /^vfio_user_sessions_held 0$/m);
    t.match(text, /^vfio_user_link_interruptions_total 1$/m);
    t.match(text, /^vfio_user_link_resumes_total 1$/m);
    t.match(text, /^vfio_user_link_frames_sent_again_total \d+$/m);
    t.match(text, /^vfio_user_link_longest_gap_seconds 0*[.1-9]/m);
    t.match(text, /^vfio_user_link_losses_total 0$/m);
    program.signal('SIGUSR2');
    t.match(await jsonLine(program, /"statistics"/), {
      ...{ heldSessions: 0, linkInterruptions: 1, resumes: 1 },
      ...{ framesSentAgain: Number, longestGapMs: Number },
    });
  }
});

t.test('info says whether sessions survive their link, and for how long', async (t) => {
  const { uri } = await serveCounter(t, '--hold', '2m');
  const { stdout } = await runCaught(['info', uri]);
  t.match(stdout, /Session: survives its connection, the server holds it for 120 s/);
  const json = JSON.parse((await runCaught(['info', uri, '--json'])).stdout);
  t.strictSame(json.session, { resumes: true, holdMs: 120_000 });
  // A bridge holds the sessions of its own clients.
  const ends = ['--listen', 'tcp://127.0.0.1:0', '--connect', uri];
  const bridge = runCli(t, ['bridge', ...ends, '--hold', '1.5m']);
  const [, near = ''] = (await bridge.line('stdout', /^listening /)).split(' ');
  const bridged = JSON.parse((await runCaught(['info', near, '--json'])).stdout);
  t.strictSame(bridged.session, { resumes: true, holdMs: 90_000 });
  const off = await serveCounter(t, '--hold', '0');
  const native = `unix://${socketFolder(t)}/native.sock`;
  await runCli(t, ['serve', 'counter', '--listen', native]).line('stdout', /^listening /);
  for (const plainUri of [off.uri, native]) {
    t.match((await runCaught(['info', plainUri])).stdout, /Session: ends with its connection/);
    const plain = JSON.parse((await runCaught(['info', plainUri, '--json'])).stdout);
    t.strictSame(plain.session, { resumes: false, holdMs: 0 });
  }
});
