import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freePort } from '@vfio-user/support';
import * as z from 'zod';
import { type Contender, sampled } from '../engine/contender.js';
import { BLOCK_BYTES } from './copy-contenders.js';
import type { RowContext } from './row.js';

const run = promisify(execFile);
const SECONDS = 1;

/** What its report says in the end. */
const report = z.object({
  end: z.object({ sum_received: z.object({ bits_per_second: z.number().positive() }) }),
});

/** One stream of iperf3 over the loopback interface. */
export async function iperf3({ cleanup, launcher }: RowContext, name: string): Promise<Contender> {
  const port = String(await freePort());
  const where = ['--bind', '127.0.0.1', '--port', port];
  try {
    await run('iperf3', ['--version']);
  } catch (error) {
    throw new Error('there is no iperf3 here: apt-get install iperf3', { cause: error });
  }
  const server = ['iperf3', '--server', '--forceflush', ...where];
  cleanup.add(await launcher.program(server, /^Server listening/));
  const args = ['--client', '127.0.0.1', '--port', port, '--time', String(SECONDS), '--json'];
  return sampled(name, async () => {
    const { stdout } = await run('iperf3', args);
    const { bits_per_second } = report.parse(JSON.parse(stdout)).end.sum_received;
    return [(BLOCK_BYTES * 8 * 1e9) / bits_per_second];
  });
}
