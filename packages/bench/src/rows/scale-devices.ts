import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type DeviceClient, Region } from '@vfio-user/core';
import { benchRegisters } from '@vfio-user/devices';
import { ListeningProcess } from '@vfio-user/support';
import { type Contender, sampled } from '../engine/contender.js';
import { ownMebibytes, processorMilliseconds } from './process-size.js';
import { type Comparison, connect, type Row, type RowContext } from './row.js';

const MANY_DEVICES = fileURLToPath(new URL('many-devices.js', import.meta.url));
const MOST = 64;
const READS = 2000;
/** Reads of each device while all of them work. */
const READS_EACH = 100;
/** How long the processor time of idle servers is watched, ms. */
const IDLE_MS = 2000;
const FLAT = 1.1;

/** A register read of one device beside 63 others in its process, or in processes of their own, idle and at work. */
export async function scaleDevices(context: RowContext): Promise<Row> {
  const notes: string[] = [];
  const alone = await devices(context, 'a process', [1], notes);
  const together = await devices(context, 'a process', [MOST], notes);
  const apart = await devices(
    context,
    'processes',
    Array.from({ length: MOST }, () => 1),
    notes,
  );
  const floor = reads('1 device', alone);
  const working = atWork('1 device', alone);
  const contenders: Contender[] = [floor, working];
  const comparisons: Comparison[] = [];
  for (const [name, clients] of [
    [`1 of ${MOST} in a process`, together],
    [`1 of ${MOST} processes`, apart],
  ] as const) {
    const idle = reads(name, clients);
    const busy = atWork(name.replace('1 of ', ''), clients);
    contenders.push(idle, busy);
    comparisons.push({ subject: idle, floor, quantity: 'time', target: FLAT });
    comparisons.push({ subject: busy, floor: working, quantity: 'rate', target: 1 / FLAT });
  }
  return {
    name: 'scale-devices',
    what: 'a 4-byte region read over a UNIX socket, by one client that has a connection to each device.',
    contenders,
    comparisons,
    notes,
  };
}

/** Start processes with so many devices each, watch them idle, and connect to all devices. */
async function devices(
  { cleanup, folder, launcher }: RowContext,
  what: string,
  counts: readonly number[],
  notes: string[],
): Promise<readonly DeviceClient[]> {
  const clients: DeviceClient[] = [];
  const servers: ListeningProcess[] = [];
  for (const count of counts) {
    const base = join(folder, `devices-${notes.length}-${servers.length}`);
    const command = [process.execPath, MANY_DEVICES, base, String(count)];
    servers.push(cleanup.add(await ListeningProcess.start(command, { prefix: launcher.prefix })));
    for (let i = 0; i < count; i++) {
      clients.push(cleanup.add(await connect(`unix://${base}-${i}.sock`)));
    }
  }
  await setTimeout(IDLE_MS / 2);
  const sum = (of: (pid: number | undefined) => number): number =>
    servers.reduce((total, { pid }) => total + of(pid), 0);
  const before = sum(processorMilliseconds);
  await setTimeout(IDLE_MS);
  const used = (sum(processorMilliseconds) - before) / clients.length;
  const memory = sum(ownMebibytes);
  notes.push(
    `${clients.length} in ${what}, idle: ${memory.toFixed(0)} MiB of their own, ` +
      `${used.toFixed(1)} ms of processor time a device in ${IDLE_MS / 1000} s`,
  );
  return clients;
}

/** The first device is read, the others are idle. */
function reads(name: string, clients: readonly DeviceClient[]): Contender {
  return sampled(name, () => timesOf(clients[0] as DeviceClient, READS));
}

/** All devices are read at once, one read under way at each. */
function atWork(name: string, clients: readonly DeviceClient[]): Contender {
  return sampled(
    `${name}, all at work`,
    async () => {
      const each = await Promise.all(clients.map((client) => timesOf(client, READS_EACH)));
      return each.flatMap((times) => [...times]);
    },
    clients.length,
  );
}

async function timesOf(client: DeviceClient, count: number): Promise<Float64Array> {
  const nanoseconds = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    await client.regionRead(Region.BAR0, benchRegisters.ID, 4);
    nanoseconds[i] = (performance.now() - startedAt) * 1e6;
  }
  return nanoseconds;
}
