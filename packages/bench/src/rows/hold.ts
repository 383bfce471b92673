import type { Contender } from '../engine/contender.js';
import { messageDma } from './network-dma.js';
import { DEPTHS, openDisk, serveDisk } from './nvme-read.js';
import { ownClient } from './region-contenders.js';
import { connect, type Row, type RowContext } from './row.js';

const TARGET = 1.05;
const URI = 'tcp://127.0.0.1:0';

/** What it costs over TCP that a session survives its link, against sessions that do not. */
export async function hold(context: RowContext): Promise<Row> {
  const floors = await contendersOf(context, 'not held', ['--hold', '0']);
  const subjects = await contendersOf(context, 'held', ['--hold', '60s']);
  return {
    name: 'hold',
    what: 'the same over TCP for sessions that survive their link (`--hold 60s`) and that do not (`--hold 0`).',
    contenders: floors.flatMap((floor, i) => [floor, subjects[i] as Contender]),
    comparisons: floors.map((floor, i) => ({
      subject: subjects[i] as Contender,
      floor,
      quantity: 'time',
      target: TARGET,
    })),
  };
}

/** A read of a register, DMA of 1 MiB, and NVMe reads; `options` are those of `serve`. */
async function contendersOf(
  context: RowContext,
  name: string,
  options: readonly string[],
): Promise<readonly Contender[]> {
  const { cleanup, launcher } = context;
  const { address } = cleanup.add(await launcher.device('bench', URI, [], options));
  const registers = ownClient(`${name}: region read`, cleanup.add(await connect(address)));
  const transfers = await messageDma(context, name, URI, options);
  const disk = await openDisk(
    context,
    await serveDisk(context, 'tcp', options),
    'trapped',
    `NVMe read, ${name}`,
  );
  return [registers, ...transfers, ...DEPTHS.map(disk)];
}
