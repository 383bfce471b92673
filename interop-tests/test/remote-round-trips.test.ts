// How many round trips of the network one NVMe read of 4 KiB costs at depth 1, over a line so slow that nothing else counts.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spreadOf } from '@vfio-user/bench';
import { connectDevice, TransportRegistry } from '@vfio-user/core';
import { NvmeDriver } from '@vfio-user/drivers';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { startDelayRelay } from '../src/delay-relay/relay.js';
import { serveDevice, vfioUser } from '../src/device-server.js';

const ROUND_TRIP_MS = 20;
const READS = 30;

/** A disk behind the slow line. */
async function farDisk(t: Test): Promise<string> {
  const server = await serveDevice('nvme', 'tcp://127.0.0.1:0', { size: '1M' });
  t.teardown(() => server.stop());
  const connect = { host: '127.0.0.1', port: Number(new URL(server.address).port) };
  const line = { delayMs: ROUND_TRIP_MS / 2 };
  const relay = await startDelayRelay({ connect, toServer: line, toClient: line });
  t.teardown(() => relay.stop());
  return `tcp://${relay.address}`;
}

interface Latencies {
  /** Of an NVMe read of 4 KiB, the median, ms. */
  readonly block: number;
  /** Of a register read, which costs one round trip whatever the device does. */
  readonly register: number;
}

/** Of reads one after the other, block and register in turn. */
async function measure(t: Test, uri: string): Promise<Latencies> {
  const registry = new TransportRegistry([unixTransport(), tcpTransport()]);
  const client = await connectDevice(uri, { registry });
  t.teardown(() => client.close());
  const nvme = await NvmeDriver.attach(client);
  await nvme.start();
  await nvme.write(0, new Uint8Array(NvmeDriver.BLOCK_BYTES).fill(0xa5));
  const block: number[] = [];
  const register: number[] = [];
  for (let i = 0; i < READS; i++) {
    const begin = performance.now();
    const data = await nvme.read(0);
    const between = performance.now();
    await nvme.version();
    block.push(between - begin);
    register.push(performance.now() - between);
    if (data[0] !== 0xa5 || data.at(-1) !== 0xa5) throw new Error('wrong data');
  }
  return { block: spreadOf(block).median, register: spreadOf(register).median };
}

function check(t: Test, { block, register }: Latencies): void {
  const trips = (block / ROUND_TRIP_MS).toFixed(2);
  t.comment(`NVMe 4 KiB read, depth 1: ${block.toFixed(1)} ms, ${trips} round trips of the line`);
  t.ok(block >= ROUND_TRIP_MS, 'no answer is there before its time');
  // Against a register read, as both wait the same for the processors of this machine.
  const ratio = block / register;
  t.ok(ratio < 1.5, `${ratio.toFixed(2)} register reads: the command travels with its doorbell`);
}

t.test('a read costs a client one round trip', async (t) => {
  check(t, await measure(t, await farDisk(t)));
});

t.test('a read through a bridge costs one round trip, too', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'vfu-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const listen = `unix://${join(folder, 'disk.sock')}`;
  const connect = await farDisk(t);
  const bridge = await vfioUser(['bridge', '--listen', listen, '--connect', connect]);
  t.teardown(() => bridge.stop());
  check(t, await measure(t, listen));
});
