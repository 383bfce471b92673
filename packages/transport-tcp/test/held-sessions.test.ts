import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import {
  type Accept,
  type Connection,
  connectDevice,
  type DeviceClient,
  type DeviceServer,
  errno,
  type Logger,
  type OpenContext,
  type ServerLimits,
  serve,
  silentLogger,
  TransportRegistry,
  type TransportUri,
} from '@vfio-user/core';
import { encodePreface } from '@vfio-user/core/internal';
import { bench, benchRegisters as register } from '@vfio-user/devices';
import { TestDeviceDriver } from '@vfio-user/drivers';
import { Authority, type Certificate, noOpenssl } from '@vfio-user/support';
import { BreakableTransport } from '@vfio-user/transport-testing';
import t, { type Test } from 'tap';
import { tcpTransport } from '../src/index.js';
import { IDLE_LIMITS } from './support.js';

const PLAIN = new TransportRegistry([tcpTransport()]);

/** Links of a client that may go on with another URI than they began with. */
class ChangingTransport extends BreakableTransport {
  /** Where the next links go to. */
  uri: TransportUri | undefined;

  override connect(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Connection> {
    return super.connect(this.uri ?? uri, accept, context);
  }
}

async function serveBench(
  t: Test,
  listen: string,
  limits: Partial<ServerLimits> = {},
  logger: Logger = silentLogger,
): Promise<DeviceServer> {
  const options = { memory: 2 ** 20, vectors: 1 };
  const server = await serve({
    definition: bench,
    options,
    registry: PLAIN,
    listen,
    limits,
    logger,
  });
  t.teardown(() => server.close());
  return server;
}

async function join(t: Test, uri: string, links = new ChangingTransport(tcpTransport())) {
  const registry = new TransportRegistry([links]);
  const client = await connectDevice(uri, { registry });
  t.teardown(() => {
    client.connection.abort(new Error('the test is over'));
    links.plug();
  });
  return { client, driver: new TestDeviceDriver(client), links };
}

/** The session of a client, as one who has found out all about it knows it. */
function secretsOf({ connection }: DeviceClient): { id: Uint8Array; handled: number } {
  return connection as unknown as { id: Uint8Array; handled: number };
}

function prefaceFor(client: DeviceClient): Uint8Array {
  const { id, handled } = secretsOf(client);
  const capabilities = ['acknowledge', 'resume'];
  const preface = { major: 1, minor: 1, session: id, handled, capabilities };
  return encodePreface({ ...preface, limits: IDLE_LIMITS });
}

/** Opens a connection, says so much and nothing more. */
async function say(t: Test, uri: string, bytes: Uint8Array): Promise<Socket> {
  const { port } = new URL(uri);
  const socket = connect(Number(port), '127.0.0.1').on('error', () => {});
  t.teardown(() => socket.destroy());
  await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
  return socket;
}

t.test('connections that know a session and stop amid the preface do not hold it up', async (t) => {
  const server = await serveBench(t, 'tcp://127.0.0.1:0');
  const { client, driver, links } = await join(t, server.uri);
  await driver.write32(register.SCRATCH, 5);
  const preface = prefaceFor(client);
  for (let at = 1; at < preface.length; at += 7) await say(t, server.uri, preface.subarray(0, at));
  t.equal(await driver.read32(register.SCRATCH), 5);
  links.break();
  t.equal(await driver.read32(register.SCRATCH), 5);
});

t.test('one who takes a session over and says nothing makes room for its client', async (t) => {
  const server = await serveBench(t, 'tcp://127.0.0.1:0');
  const { client, driver } = await join(t, server.uri);
  for (let turn = 1; turn <= 5; turn++) {
    await driver.write32(register.SCRATCH, turn);
    const before = Number(server.statistics().resumes);
    await say(t, server.uri, prefaceFor(client));
    while (Number(server.statistics().resumes) < before + 2) await setImmediate();
    t.equal(await driver.read32(register.SCRATCH), turn);
  }
  t.equal(await driver.read32(register.SCRATCH_WRITES), 5);
});

t.test('a flood of connections that take a session over is survived and not logged', async (t) => {
  let lines = 0;
  const count = () => void lines++;
  const logger = { ...silentLogger, info: count, warn: count, error: count };
  const server = await serveBench(t, 'tcp://127.0.0.1:0', {}, logger);
  const { client, driver } = await join(t, server.uri);
  await driver.write32(register.SCRATCH, 7);
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  for (let round = 0; round < 50; round++) {
    const preface = prefaceFor(client);
    const flood = Array.from({ length: 20 }, () => say(t, server.uri, preface));
    for (const socket of await Promise.all(flood)) socket.destroy();
  }
  t.equal(await driver.read32(register.SCRATCH), 7);
  t.equal(await driver.read32(register.SCRATCH_WRITES), 1);
  while (descriptors() > before + 8) await setImmediate();
  t.ok(lines < 100, `${lines} lines`);
});

t.test('forged names of sessions disturb nobody', async (t) => {
  const server = await serveBench(t, 'tcp://127.0.0.1:0');
  const { client, driver } = await join(t, server.uri);
  await driver.write32(register.SCRATCH, 7);
  // The server is told of those that were handled.
  for (let i = 0; i < 300; i++) await driver.read32(register.SCRATCH);
  const { handled } = secretsOf(client);
  const forged = { id: new Uint8Array(16).fill(1), handled: 0 };
  const wrong = [
    forged,
    { id: secretsOf(client).id, handled: handled + 1000 },
    { id: secretsOf(client).id, handled: 0 },
  ];
  for (const { id, handled } of wrong) {
    const capabilities = ['acknowledge', 'resume'];
    const preface = { major: 1, minor: 1, session: id, handled, capabilities };
    const socket = await say(t, server.uri, encodePreface({ ...preface, limits: IDLE_LIMITS }));
    const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    t.notOk(answer.includes(Buffer.from(secretsOf(client).id)), 'a new session');
  }
  t.equal(await driver.read32(register.SCRATCH), 7);
  t.equal(server.statistics().resumes, 0);
});

t.test('a server for one client ends when the session of that client is given up', async (t) => {
  const server = await serve({
    definition: bench,
    options: { memory: 2 ** 20, vectors: 1 },
    registry: PLAIN,
    listen: 'tcp://127.0.0.1:0',
    limits: { holdMs: 200 },
    once: true,
  });
  t.teardown(() => server.close());
  const { driver, links } = await join(t, server.uri);
  await driver.write32(register.SCRATCH, 5);
  links.break();
  t.equal(await driver.read32(register.SCRATCH), 5, 'not before');
  links.unplug();
  await server.closed;
  t.equal(server.statistics().heldSessions, 0);
});

const skip = noOpenssl();
const folder = t.testdir();

void t.test('certificates', { skip }, async (t) => {
  const authority = new Authority(folder, 'authority');
  const host = authority.issue('server');
  const mine = authority.issue('mine');
  const other = authority.issue('other');
  for (const [scheme, path] of [
    ['tls', ''],
    ['wss', '/device'],
  ]) {
    const query = ({ cert, key }: Certificate) => `?ca=${authority.cert}&cert=${cert}&key=${key}`;
    const listen = `${scheme}://127.0.0.1:0${path}${query(host)}`;
    const as = (uri: string, who: Certificate | undefined): string => {
      const { port } = new URL(uri);
      const shown = who === undefined ? `?ca=${authority.cert}` : query(who);
      return `${scheme}://127.0.0.1:${port}${path}${shown}`;
    };

    await t.test(`${scheme}: a session is not taken up with another certificate`, async (t) => {
      const server = await serveBench(t, listen, { busyTimeoutMs: 1 });
      const { client, driver, links } = await join(t, as(server.uri, mine));
      await driver.write32(register.SCRATCH, 5);
      links.uri = new URL(as(server.uri, other));
      links.break();
      t.match(await client.closed, { message: /the session is lost/ });
      const busy = { errno: errno.EBUSY, message: /held for .*, whose link is lost, until \d{4}-/ };
      await t.rejects(join(t, as(server.uri, other)), busy, 'and its place is kept');
      const again = await join(t, as(server.uri, mine));
      t.equal(await again.driver.read32(register.SCRATCH), 0, 'for the next session of its own');
    });

    await t.test(`${scheme}: a session goes on with a certificate that was renewed`, async (t) => {
      const server = await serveBench(t, listen);
      const renewed = authority.issue(`renewed-${scheme}`);
      const { driver, links } = await join(t, as(server.uri, renewed));
      await driver.write32(register.SCRATCH, 5);
      authority.issue(`renewed-${scheme}`);
      links.break();
      t.equal(await driver.read32(register.SCRATCH), 5);
      t.match(server.statistics(), { resumes: 1 });
    });

    await t.test(`${scheme}: nor without one`, async (t) => {
      const server = await serveBench(t, listen);
      const { driver, links } = await join(t, as(server.uri, mine));
      await driver.write32(register.SCRATCH, 5);
      links.uri = new URL(as(server.uri, undefined));
      links.break();
      await t.rejects(join(t, as(server.uri, undefined)), 'it gets nowhere');
      links.uri = undefined;
      t.equal(await driver.read32(register.SCRATCH), 5, 'the session goes on with its own');
    });

    await t.test(`${scheme}: another client gets in once the time is over`, async (t) => {
      const server = await serveBench(t, listen, { holdMs: 200, busyTimeoutMs: 60_000 });
      const { client, driver, links } = await join(t, as(server.uri, mine));
      await driver.write32(register.SCRATCH, 5);
      links.unplug();
      const next = await join(t, as(server.uri, other));
      t.equal(await next.driver.read32(register.SCRATCH), 0);
      t.match(await client.closed, { message: /the link was not back within 0.2 s/ });
    });

    await t.test(
      `${scheme}: a client that comes back is not held up by one that waits`,
      async (t) => {
        const server = await serveBench(t, listen, { busyTimeoutMs: 60_000 });
        const { driver, links } = await join(t, as(server.uri, mine));
        await driver.write32(register.SCRATCH, 5);
        const waiting = join(t, as(server.uri, mine));
        while (server.statistics().clientsWaiting !== 1) await setImmediate();
        t.teardown(links.strand());
        links.plug();
        t.equal(await driver.read32(register.SCRATCH), 5, 'although both are the same peer');
        await driver.client.close();
        t.equal(await (await waiting).driver.read32(register.SCRATCH), 0);
      },
    );
  }
});
