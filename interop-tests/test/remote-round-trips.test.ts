// How many round trips of the network one NVMe read of 4 KiB costs at depth 1, over a line so slow that nothing else counts.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDevice, TransportRegistry } from '@vfio-user/core';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { startDelayRelay } from '../src/delay-relay/process.js';
import { serveDevice } from '../src/device-server.js';
import { ListeningProcess } from '../src/listening-process.js';
import { NvmeClient } from '../src/nvme-client.js';

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

/** What reads one after the other took, in round trips, fastest first. */
async function roundTripsOfReads(t: Test, uri: string): Promise<number[]> {
  const registry = new TransportRegistry([unixTransport(), tcpTransport()]);
  const client = await connectDevice(uri, { registry });
  t.teardown(() => client.close());
  const nvme = await NvmeClient.attach(client);
  await nvme.start();
  const block = new Uint8Array(4096).fill(0xa5);
  await nvme.write(0, block);
  const trips: number[] = [];
  for (let i = 0; i < READS; i++) {
    const begin = performance.now();
    const data = await nvme.read(0);
    trips.push((performance.now() - begin) / ROUND_TRIP_MS);
    if (data[0] !== 0xa5 || data.at(-1) !== 0xa5) throw new Error('wrong data');
  }
  return trips.sort((a, b) => a - b);
}

function check(t: Test, trips: readonly number[]): void {
  const [fastest = 0, quarter = 0, median = 0] = [0, READS / 4, READS / 2].map(
    (at) => trips[Math.floor(at)],
  );
  const figures = [fastest, quarter, median].map((each) => each.toFixed(2)).join(', ');
  t.comment(
    `NVMe 4 KiB read, depth 1, in round trips of ${ROUND_TRIP_MS} ms (fastest, quartile, median): ${figures}`,
  );
  t.ok(fastest >= 1, `${fastest.toFixed(2)}: no answer is there before its time`);
  // Not the median: on a busy machine every wait for a processor counts as if the network took it.
  t.ok(quarter < 1.5, `${quarter.toFixed(2)}: the command travels along with its doorbell`);
}

t.test('a read costs a client one round trip', async (t) => {
  check(t, await roundTripsOfReads(t, await farDisk(t)));
});

t.test('a read through a bridge costs one round trip, too', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'vfu-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const listen = `unix://${join(folder, 'disk.sock')}`;
  const connect = await farDisk(t);
  const bridge = await ListeningProcess.vfioUser([
    'bridge',
    '--listen',
    listen,
    '--connect',
    connect,
  ]);
  t.teardown(() => bridge.stop());
  check(t, await roundTripsOfReads(t, listen));
});
