import { join } from 'node:path';
import type { Entrant } from '../engine/measured.js';
import { clientInC } from './region-contenders.js';
import type { Row } from './row.js';
import type { Setting } from './setting.js';

const METRICS = ['--metrics', '127.0.0.1:0'];

/** What it costs when somebody listens to a server's diagnostics, and when nobody does. */
export async function diagnostics(setting: Setting): Promise<Row> {
  const unheard = await contender(setting, 'nobody listens');
  const again = await contender(setting, 'nobody listens, again');
  const heard = await contender(setting, 'counted for --metrics', METRICS);
  return {
    name: 'diagnostics',
    what: 'round trip of a 4-byte region read over AF_UNIX, blocking C client.',
    contenders: [unheard, again, heard],
    comparisons: [
      { subject: again, floor: unheard, quantity: 'time' },
      { subject: heard, floor: unheard, quantity: 'time' },
    ],
  };
}

async function contender(
  { programs, folder, launcher, cleanup }: Setting,
  name: string,
  options: readonly string[] = [],
): Promise<Entrant> {
  const socket = join(folder, `${name.replace(/\W/g, '')}.sock`);
  cleanup.add(await launcher.device('bench', `unix://${socket}`, [], options));
  return clientInC(programs, name, socket);
}
