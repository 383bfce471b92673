import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type ConnectOptions,
  connectDevice,
  type DeviceServer,
  Region,
  type ServerLimits,
  serve,
  TransportRegistry,
} from '@vfio-user/core';
import { bench, benchRegisters as register } from '@vfio-user/devices';
import { TestDeviceDriver } from '@vfio-user/drivers';
import { ByteRelay } from '@vfio-user/transport-testing';
import t, { type Test } from 'tap';
import { tcpTransport } from '../src/index.js';

const registry = new TransportRegistry([tcpTransport()]);
const MEMORY = 2 ** 20;
/** A link without a sign of life for so long is lost, ms. */
const SILENCE_MS = 600;
const PIECE = 2 ** 19;
/** Takes three times {@link SILENCE_MS} at {@link BYTES_PER_MS}. */
const PIECES = 32;
const BYTES_PER_MS = 2 ** 13;
const TICK_MS = 5;

async function serveBench(
  t: Test,
  listen: string,
  limits: Partial<ServerLimits> = {},
): Promise<DeviceServer> {
  const options = { memory: MEMORY, vectors: 1 };
  const server = await serve({ definition: bench, options, registry, listen, limits });
  t.teardown(() => server.close());
  return server;
}

async function drive(t: Test, uri: string, options: Partial<ConnectOptions> = {}) {
  const client = await connectDevice(uri, { registry, ...options });
  t.teardown(() => client.connection.abort(new Error('the test is over')));
  return new TestDeviceDriver(client);
}

/** One direction of a line that carries {@link BYTES_PER_MS}. */
function carry(from: Socket, to: Socket): void {
  let budget = 0;
  const timer = setInterval(() => {
    budget = BYTES_PER_MS * TICK_MS;
    for (let room = true; room && budget > 0; ) {
      const chunk: Buffer | null = from.read(Math.min(budget, from.readableLength));
      if (chunk === null) return;
      budget -= chunk.length;
      room = to.write(chunk);
    }
  }, TICK_MS);
  from.on('end', () => to.end()).on('error', () => {});
  from.on('close', () => clearInterval(timer)).on('readable', () => {});
}

/** A slow line to `port`. @returns where it begins. */
async function slowLine(t: Test, port: number): Promise<number> {
  const sockets = new Set<Socket>();
  const line = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) sockets.add(socket);
    carry(near, far);
    carry(far, near);
  }).listen(0, '127.0.0.1');
  await once(line, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    line.close();
  });
  return (line.address() as AddressInfo).port;
}

const portOf = (uri: string): number => Number(new URL(uri).port);

t.test('a line that is busy with data for long is not one that is lost', async (t) => {
  const server = await serveBench(t, 'tcp://127.0.0.1:0', { silenceMs: SILENCE_MS });
  const port = await slowLine(t, portOf(server.uri));
  const driver = await drive(t, `tcp://127.0.0.1:${port}`, { silenceMs: SILENCE_MS });
  const { client } = driver;
  const data = new Uint8Array(PIECE).fill(7);
  const times = Array.from({ length: PIECES });
  await Promise.all(times.map(() => client.regionWrite(Region.BAR2, 0, data)));
  const read = await Promise.all(times.map(() => client.regionRead(Region.BAR2, 0, PIECE)));
  t.ok(read.every((bytes) => bytes.every((byte) => byte === 7)));
  t.equal(server.statistics().linkInterruptions, 0);
});

t.test('a line on which nothing arrives any more is replaced without an end of it', async (t) => {
  const server = await serveBench(t, 'tcp://127.0.0.1:0');
  const relay = await ByteRelay.listen({
    listen: { host: '127.0.0.1', port: 0 },
    connect: { host: '127.0.0.1', port: portOf(server.uri) },
  });
  t.teardown(() => relay.close());
  const { address } = relay;
  const uri = `tcp://127.0.0.1:${'port' in address ? address.port : 0}`;
  const driver = await drive(t, uri, { silenceMs: SILENCE_MS });
  for (let turn = 1; turn <= 3; turn++) {
    relay.stall();
    driver.post32(register.SCRATCH, turn);
    t.equal(await driver.read32(register.SCRATCH), turn);
    t.equal(server.statistics().resumes, turn);
  }
  t.equal(await driver.read32(register.SCRATCH_WRITES), 3);
});

const SCRIPT = fileURLToPath(new URL('session-process.ts', import.meta.url));

/** Runs the script in a process of its own, and reads its lines. */
function startClient(t: Test, uri: string): { child: ChildProcess; line(): Promise<string> } {
  const child = spawn(process.execPath, [...process.execArgv, SCRIPT, uri], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, line: async () => (await lines.next()).value };
}

async function relayTo(uri: string, port = 0): Promise<{ relay: ByteRelay; port: number }> {
  const relay = await ByteRelay.listen({
    listen: { host: '127.0.0.1', port },
    connect: { host: '127.0.0.1', port: portOf(uri) },
  });
  const { address } = relay;
  return { relay, port: 'port' in address ? address.port : 0 };
}

t.test('a process with a session lives through a gap, and ends with the session', async (t) => {
  const server = await serveBench(t, 'tcp://127.0.0.1:0');
  const { relay, port } = await relayTo(server.uri);
  const { child, line } = startClient(t, `tcp://127.0.0.1:${port}`);
  const exited = once(child, 'exit');
  t.equal(await line(), 'connected');
  await relay.close();
  while (server.statistics().heldSessions !== 1) await setImmediate();
  const again = await relayTo(server.uri, port);
  t.teardown(() => again.relay.close());
  while (server.statistics().resumes !== 1) await setImmediate();
  child.kill('SIGUSR2');
  t.equal(await line(), 'ended: in order');
  t.same(await exited, [0, null]);
  while (server.statistics().client !== 'none') await setImmediate();
});

t.test('a process that aborts its session in a gap ends', async (t) => {
  const server = await serveBench(t, 'tcp://127.0.0.1:0');
  const { relay, port } = await relayTo(server.uri);
  const { child, line } = startClient(t, `tcp://127.0.0.1:${port}`);
  const exited = once(child, 'exit');
  t.equal(await line(), 'connected');
  await relay.close();
  while (server.statistics().heldSessions !== 1) await setImmediate();
  child.kill('SIGUSR1');
  t.equal(await line(), 'ended: as the signal says');
  t.same(await exited, [0, null]);
});
