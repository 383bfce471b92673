import { connect, createServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import {
  type Bridge,
  Command,
  connectDevice,
  type DeviceServer,
  type ServerLimits,
  serve,
  startBridge,
  TransportRegistry,
} from '@vfio-user/core';
import { encodePreface, OWN_CAPABILITIES, offer, PortableEncoding } from '@vfio-user/core/internal';
import { bench, benchRegisters as register } from '@vfio-user/devices';
import { TestDeviceDriver } from '@vfio-user/drivers';
import t, { type Test } from 'tap';
import { tcpTransport } from '../src/index.js';
import { IDLE_LIMITS } from './support.js';

const registry = new TransportRegistry([tcpTransport()]);
/** So that the peer tells what it has handled. */
const FRAMES = 1_000;
const SESSIONS = 2_000;
/** Another host than that of the client. */
const ELSEWHERE = '127.0.0.2';

async function serveBench(t: Test, limits: Partial<ServerLimits> = {}): Promise<DeviceServer> {
  const options = { memory: 2 ** 20, vectors: 1 };
  const listen = 'tcp://127.0.0.1:0';
  const server = await serve({ definition: bench, options, registry, listen, limits });
  t.teardown(() => server.close());
  return server;
}

async function join(t: Test, uri: string): Promise<TestDeviceDriver> {
  const client = await connectDevice(uri, { registry });
  t.teardown(() => client.close());
  return new TestDeviceDriver(client);
}

/** Takes down what clients say to the server behind it, connection by connection. */
class Eavesdropper {
  readonly heard: Buffer[] = [];
  readonly uri: string;
  readonly #sockets: readonly Socket[];

  private constructor(uri: string, heard: Buffer[], sockets: readonly Socket[]) {
    this.uri = uri;
    this.heard = heard;
    this.#sockets = sockets;
  }

  static async listen(t: Test, port: number): Promise<Eavesdropper> {
    const heard: Buffer[] = [];
    const sockets: Socket[] = [];
    const server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      const number = heard.push(Buffer.alloc(0)) - 1;
      near.on('data', (bytes) => {
        heard[number] = Buffer.concat([heard[number] as Buffer, bytes]);
        far.write(bytes);
      });
      far.on('data', (bytes) => near.write(bytes));
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        one.on('error', () => {}).on('close', () => other.destroy());
      }
      sockets.push(near);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port: own } = server.address() as { port: number };
    return new Eavesdropper(`tcp://127.0.0.1:${own}`, heard, sockets);
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}

/** Opens a connection and says something; resolves with the first that is said to it, or at its end. */
async function say(port: number, bytes: Uint8Array, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {});
  socket.write(bytes);
  await new Promise<void>((resolve) => {
    socket.once('data', () => resolve()).once('close', () => resolve());
  });
  return socket;
}

t.test('connections that are replayed disturb nobody', async (t) => {
  const server = await serveBench(t, { busyTimeoutMs: 1 });
  const port = Number(new URL(server.uri).port);
  const line = await Eavesdropper.listen(t, port);
  const driver = await join(t, line.uri);
  let writes = 0;
  const work = async (): Promise<void> => {
    for (let i = 0; i < FRAMES; i++) {
      driver.post32(register.SCRATCH, ++writes);
      if (i % 100 === 0) await driver.read32(register.SCRATCH);
    }
    t.equal(await driver.read32(register.SCRATCH), writes);
  };
  await work();
  line.cut();
  await work();
  t.equal(line.heard.length, 2, 'the second one goes on with the session');
  const { resumes } = server.statistics();
  for (const bytes of line.heard) {
    for (let i = 0; i < 5; i++) (await say(port, bytes)).destroy();
  }
  t.equal(await driver.read32(register.SCRATCH), writes);
  t.equal(await driver.read32(register.SCRATCH_WRITES), writes, 'nothing is carried out again');
  t.equal(server.statistics().resumes, resumes, 'nobody else had the session');
});

/** The begin of a session that could be held. */
function beginning(): Uint8Array {
  const session = new Uint8Array(16);
  const preface = { major: 1, minor: 1, session, capabilities: ['resume'] };
  const version = new PortableEncoding({ maxDataXferSize: 4096 }).encodeRequest(
    Command.VERSION,
    1,
    offer(OWN_CAPABILITIES),
  );
  return Buffer.concat([encodePreface({ ...preface, limits: IDLE_LIMITS }), version.head]);
}

const places: Readonly<Record<string, (t: Test, server: DeviceServer) => Promise<Bridge>>> = {
  server: async (_t, server) => server,
  async bridge(t, server) {
    const listen = 'tcp://127.0.0.1:0';
    const bridge = await startBridge({ registry, listen, connect: server.uri });
    t.teardown(() => bridge.close());
    return bridge;
  },
};

for (const [what, start] of Object.entries(places)) {
  t.test(`thousands of sessions that are left without a link: a ${what} goes on`, async (t) => {
    const server = await serveBench(t, { busyTimeoutMs: 1 });
    const host = await start(t, server);
    const driver = await join(t, host.uri);
    const port = Number(new URL(host.uri).port);
    const resources = (): number => process.getActiveResourcesInfo().length;
    const before = resources();
    const bytes = beginning();
    for (let i = 1; i <= SESSIONS; i++) {
      (await say(port, bytes, ELSEWHERE)).resetAndDestroy();
      if (i % 100 === 0) {
        await driver.write32(register.SCRATCH, i);
        t.equal(await driver.read32(register.SCRATCH), i);
      }
    }
    t.equal(host.statistics().linkInterruptions, 0, 'none of them was admitted');
    while (resources() > before + 64) await setImmediate();
    t.equal(await driver.read32(register.SCRATCH_WRITES), SESSIONS / 100);
  });
}

t.test('of thousands of sessions that are left one after the other the last is held', async (t) => {
  const server = await serveBench(t);
  const port = Number(new URL(server.uri).port);
  const resources = (): number => process.getActiveResourcesInfo().length;
  const before = resources();
  let most = 0;
  for (let i = 0; i < SESSIONS; i++) {
    const socket = await say(port, beginning());
    while (server.statistics().clientsServed !== i + 1) await setImmediate();
    socket.resetAndDestroy();
    most = Math.max(most, Number(server.statistics().heldSessions));
  }
  t.ok(most <= 1, 'at a time');
  while (resources() > before + 64) await setImmediate();
  const driver = await join(t, server.uri);
  await driver.write32(register.SCRATCH, 5);
  t.equal(await driver.read32(register.SCRATCH), 5, 'a client of the same host takes its place');
  t.match(server.statistics(), { linkInterruptions: SESSIONS, heldSessions: 0 });
});
