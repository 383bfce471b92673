import { join } from 'node:path';
import { Program } from '@vfio-user/support';
import { type Contender, sampled } from '../engine/contender.js';
import type { Row, RowContext } from './row.js';

/** Processes started in a round. */
const COUNT = 5;
const DISK = ['size=64M'];

/** From the start of a process until it listens, against a Node.js that has nothing to do. */
export async function start({ launcher, folder }: RowContext): Promise<Row> {
  const floor = started('node -e 0', async () => {
    const program = new Program([...launcher.prefix, process.execPath, '-e', '0']);
    await program.ended();
    return program;
  });
  const unix = `unix://${join(folder, 'start.sock')}`;
  const subjects = [
    started('serve counter, unix', () => launcher.device('counter', unix)),
    started('serve nvme, unix', () => launcher.device('nvme', unix, DISK)),
    started('serve nvme, tcp', () => launcher.device('nvme', 'tcp://127.0.0.1:0', DISK)),
  ];
  return {
    name: 'start',
    what: 'from the start of a process to `listening`; wanted: 150 ms more than Node.js alone.',
    contenders: [floor, ...subjects],
    comparisons: subjects.map((subject) => ({ subject, floor, quantity: 'time' })),
  };
}

/** One process after the other. @param ready resolves when one has got as far as it is to get. */
function started(name: string, ready: () => Promise<Program>): Contender {
  return sampled(name, async () => {
    const nanoseconds = new Float64Array(COUNT);
    for (let i = 0; i < COUNT; i++) {
      const startedAt = performance.now();
      const program = await ready();
      nanoseconds[i] = (performance.now() - startedAt) * 1e6;
      await program.stop();
    }
    return nanoseconds;
  });
}
