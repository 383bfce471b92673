// A line that is busy with data: a register access finds its way between the data, whatever the line's speed.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { connectDevice, Region, TransportRegistry } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import { GUEST_BASE, Guest, Registers, TestDeviceDriver } from '@vfio-user/drivers';
import type { ListeningProcess } from '@vfio-user/support';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { startDelayRelay } from '../src/delay-relay/relay.js';
import { serveDevice, vfioUser } from '../src/device-server.js';

const TRANSFER = 2 ** 20;
/** Under way at once. */
const TRANSFERS = 64;
const ALL = TRANSFERS * TRANSFER;
/** So that a measurement does not outlast its transfers. */
const PASSES = 100;
const READS = 15;
const PAUSE_MS = 30;
const POSTED_BLOCKS = 80;
const POSTED_BLOCK = 64 * 1024;

interface Line {
  readonly megabits: number;
  readonly encoding: 'portable' | 'native';
  /** With a bridge behind it, and shared memory. */
  readonly bridged: boolean;
}

interface Rig {
  readonly guest: Guest;
  readonly bridge: ListeningProcess | undefined;
}

/** A bench device behind a line, and a driver whose memory it can reach. */
async function open(t: Test, { megabits, encoding, bridged }: Line): Promise<Rig> {
  const query = `?encoding=${encoding}`;
  const server = await serveDevice('bench', `tcp://127.0.0.1:0${query}`, { memory: String(ALL) });
  t.teardown(() => server.stop());
  const { hostname: host, port } = new URL(server.address);
  const direction = { delayMs: 0.1, bytesPerSecond: (megabits * 1e6) / 8 };
  const connect = { host, port: Number(port) };
  const relay = await startDelayRelay({ connect, toServer: direction, toClient: direction });
  t.teardown(() => relay.stop());
  let uri = `tcp://${relay.address}${query}`;
  let bridge: ListeningProcess | undefined;
  if (bridged) {
    const folder = await mkdtemp(join(tmpdir(), 'vfu-busy-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const listen = `unix://${join(folder, 'bench.sock')}`;
    const args = ['bridge', '--listen', listen, '--connect', uri];
    const started = await vfioUser(args);
    t.teardown(() => started.stop());
    bridge = started;
    uri = listen;
  }
  const registry = new TransportRegistry([tcpTransport(), unixTransport()]);
  const client = await connectDevice(uri, { registry, timeoutMs: 60_000 });
  t.teardown(() => client.close());
  return { guest: await Guest.plugIn(client, ALL), bridge };
}

/** The time of a register read while the transfers are under way, ms: of the fastest, others waited for a processor. */
async function readsBeside(guest: Guest, command: number): Promise<number> {
  const driver = new TestDeviceDriver(guest.client);
  const loads = command === register.DMA_LOAD;
  await driver.startDma({
    command,
    source: loads ? GUEST_BASE : 0,
    destination: loads ? 0 : GUEST_BASE,
    length: ALL,
    repeat: PASSES,
    chunk: TRANSFER,
    depth: TRANSFERS,
  });
  // The first ones are sent before anybody knows how fast the line is.
  while ((await driver.read32(register.DMA_STATUS)) !== register.STATUS_BUSY) await setTimeout(1);
  await setTimeout(10 * PAUSE_MS);
  const times: number[] = [];
  for (let i = 0; i < READS; i++) {
    const begin = performance.now();
    const status = await driver.read32(register.DMA_STATUS);
    times.push(performance.now() - begin);
    if (status !== register.STATUS_BUSY) throw new Error(`the engine's status is ${status}`);
    await setTimeout(PAUSE_MS);
  }
  await guest.client.reset();
  return Math.min(...times);
}

/** A register read behind posted writes, which it must not pass. @returns what it gave. */
async function readBehindWrites({ client }: Guest): Promise<number> {
  const block = new Uint8Array(POSTED_BLOCK);
  for (let i = 0; i < POSTED_BLOCKS; i++) {
    if (!client.regionWritePosted(Region.BAR2, i * POSTED_BLOCK, block)) await client.drained();
  }
  return new Registers(client).read32(register.ID);
}

for (const megabits of [1000, 100, 50]) {
  for (const [encoding, bridged] of [
    ['portable', true],
    ['native', false],
  ] as const) {
    const how = `${encoding}${bridged ? ', with a bridge' : ''}`;
    t.test(`a line of ${megabits} Mbit/s full of data, ${how}`, async (t) => {
      const { guest, bridge } = await open(t, { megabits, encoding, bridged });
      for (const [what, command] of [
        ['reads', register.DMA_LOAD],
        ['writes', register.DMA_STORE],
      ] as const) {
        const ms = await readsBeside(guest, command);
        // 64 MiB take 0.5 s, 5 s, 11 s: a read that waits for a fraction of them takes longer.
        const most = megabits < 100 ? 200 : 100;
        t.ok(ms < most, `a register read beside DMA ${what} takes ${ms.toFixed(1)} ms`);
      }
      t.equal(await readBehindWrites(guest), register.ID_VALUE, 'and one behind 5 MB of writes');
      const lost = bridge?.log.filter((line) => line.includes('out of reach')) ?? [];
      t.same(lost, [], 'the device is not lost');
    });
  }
}
