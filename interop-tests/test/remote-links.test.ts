// The network between a guest and its far disk fails while the guest writes: that costs time, and nothing else.

import { execFileSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { connectDevice, TransportRegistry } from '@vfio-user/core';
import { NVME_IO_OPCODE } from '@vfio-user/devices';
import { NvmeDriver } from '@vfio-user/drivers';
import { tcpTransport } from '@vfio-user/transport-tcp';
import t, { type Test } from 'tap';
import { serveDevice } from '../src/device-server.js';
import { createRemoteTestRig, type RemoteOptions } from '../src/remote-devices.js';

/** From the end of an outage until I/O goes on. */
const BACK_MS = 2_000;
/** By how much the longest access is longer when the connection is reset. */
const RESET_MS = 1_000;
const RESETS = 10;
/** Under way at once. */
const COMMANDS = 32;

/** A guest that writes and reads its far disk, and its configuration space, until it is told to end. */
async function rig(t: Test, scheme: RemoteOptions['scheme'] & string) {
  const bench = await createRemoteTestRig(t, { scheme });
  const { hosts } = bench.remote;
  const served = await bench.serve('nvme', { size: '64M' });
  const device = { socketPath: served.socketPath, id: 'disk', rootPort: 'rp0' };
  const guest = await bench.boot({ devices: [device] });
  const writes = await guest.begin('nvme-writes');
  const { lines } = guest.console;
  /** The guest begins to write, unless the script fails. */
  const writing = (): Promise<string> => {
    const line = guest.waitFor('WRITING', { from: lines.length });
    return Promise.race([line, writes.finished.then(() => Promise.reject(new Error('it ended')))]);
  };
  /** The longest access from console line `from` on, once those of a whole pass are done. */
  const longest = async (from: number): Promise<number> => {
    await writing();
    await writing();
    const took = lines.slice(from).map((line) => Number(/^TOOK (\d+)/.exec(line)?.[1] ?? 0));
    return 10 * Math.max(...took);
  };
  return {
    ...served,
    bench,
    hosts,
    guest,

    /** Resets the connection while the guest writes. */
    async reset(): Promise<void> {
      const usual = await longest(lines.length);
      const from = lines.length;
      await hosts.resetConnections();
      const gap = await longest(from);
      t.comment(`longest access of at least 200 ms: ${usual} without a reset, ${gap} with it`);
      t.ok(gap < usual + RESET_MS, 'a reset takes less than a second');
    },

    /** Takes the cable out for so long while the guest writes. */
    async outage(seconds: number): Promise<void> {
      await writing();
      const begin = performance.now();
      await hosts.unplugCable();
      await setTimeout(seconds * 1000);
      await hosts.plugCable();
      const plugged = performance.now();
      const waited = guest.waitFor('TOOK', { from: lines.length });
      waited.catch(() => {});
      // An access that waited is told of at once. None did if the guest itself stood still in a register read.
      await Promise.race([waited, writing().then(writing)]);
      const lasted = (plugged - begin).toFixed();
      const later = performance.now() - plugged;
      t.comment(`without the network for ${lasted} ms, I/O goes on after ${later.toFixed()} ms`);
      t.ok(later < BACK_MS, `I/O goes on when the network does, after ${seconds} s`);
    },

    /** The guest has seen nothing else. */
    async end(): Promise<void> {
      guest.say('enough');
      const { results } = await writes.finished;
      t.equal(results.said, '', 'the guest logs no error, time-out or reset');
      t.match(results.config, /^[0-9a-f]{8} ffffffff $/, 'registers read as all ones meanwhile');
      t.notMatch(served.bridge.log.join('\n'), 'out of reach', 'the device is not lost');
    },
  };
}

t.test('a cable that is out for 2, 10 and 25 s, and resets, over TLS', async (t) => {
  const running = await rig(t, 'tls');
  for (let i = 0; i < 3; i++) await running.reset();
  for (const seconds of [2, 10, 25, 10, 2]) await running.outage(seconds);
  await running.end();
  t.equal(await running.guest.poweroff(), 0, 'QEMU ends normally');
});

t.test(
  'connections that are reset, a cable that is out, a bridge that is gone, over TCP',
  async (t) => {
    const running = await rig(t, 'tcp');
    const { bench, bridge, guest, hosts, port, server, socketPath } = running;
    for (let i = 0; i < RESETS; i++) await running.reset();
    for (const seconds of [25, 2, 10, 25]) await running.outage(seconds);
    await running.end();

    // The server does not learn that the bridge is gone.
    await hosts.unplugCable();
    await bridge.kill();
    await guest.end();
    await hosts.plugCable();
    await bench.remote.bridge(await bench.remote.reach(port), socketPath);
    const other = await bench.boot({ devices: [{ socketPath, id: 'disk', rootPort: 'rp0' }] });
    await other.run('nvme-writes', '2');
    t.match(server.log.join('\n'), 'its peer has begun a new session');
    t.equal(await other.poweroff(), 0, 'QEMU ends normally');
  },
);

t.test('a client that knows no time limits gets its commands done when it is reset', async (t) => {
  const server = await serveDevice('nvme', 'tcp://127.0.0.1:0', { size: '1M' });
  t.teardown(() => server.stop());
  const registry = new TransportRegistry([tcpTransport()]);
  const client = await connectDevice(server.address, { registry, timeoutMs: 0, silenceMs: 0 });
  t.teardown(() => client.close());
  const nvme = await NvmeDriver.open(client);
  const filter = ['dst', '127.0.0.1', 'dport', '=', `:${new URL(server.address).port}`];
  const commands = Array.from({ length: COMMANDS }, (_, id) => ({ id, fill: 0 }));
  const { blockBytes, id: namespaceId } = nvme.namespace;
  const logicalBlocks = NvmeDriver.BLOCK_BYTES / blockBytes;
  const execute = async (opcode: number): Promise<number[]> => {
    const ended = commands.map(({ id }) =>
      nvme.io.submit({
        opcode,
        namespaceId,
        prp1: nvme.bufferAddress(id),
        dword10: id * logicalBlocks,
        dword12: logicalBlocks - 1,
      }),
    );
    execFileSync('ss', ['-K', ...filter], { stdio: 'ignore' });
    return (await Promise.all(ended)).map(({ status }) => status);
  };
  for (let round = 1; round <= RESETS / 2; round++) {
    for (const command of commands) {
      command.fill = (round + command.id) % 256;
      nvme.buffer(command.id).fill(command.fill);
    }
    t.ok(
      (await execute(NVME_IO_OPCODE.WRITE)).every((status) => status === 0),
      'written',
    );
    for (const { id } of commands) nvme.buffer(id).fill(0);
    t.ok(
      (await execute(NVME_IO_OPCODE.READ)).every((status) => status === 0),
      'read',
    );
    const wrong = commands.filter(({ id, fill }) => nvme.buffer(id).some((each) => each !== fill));
    t.same(wrong, []);
  }
  const resumes = server.log.filter((line) => line.includes('the session goes on')).length;
  t.equal(resumes, RESETS);
});
