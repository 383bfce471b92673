import { join } from 'node:path';
import { regionReadSizes } from '../floors/message-sizes.js';
import { clientInC, pingPong } from './region-contenders.js';
import type { Comparison, Row } from './row.js';
import type { Setting } from './setting.js';

/** A 4-byte region read by a blocking C client, against a ping-pong in C. */
export async function unixRegionRead(setting: Setting): Promise<Row> {
  const { programs, folder, launcher, otherServer, cleanup } = setting;
  const socket = join(folder, 'bench.sock');
  cleanup.add(await launcher.device('bench', `unix://${socket}`));

  const floor = await pingPong(setting, 'ping-pong in C', {
    address: join(folder, 'echo.sock'),
    sizes: regionReadSizes('native'),
  });
  const subject = clientInC(programs, 'serve bench', socket);
  const contenders = [floor, subject];
  const comparisons: Comparison[] = [{ subject, floor, quantity: 'time', target: 1 }];
  if (otherServer !== undefined) {
    const other = clientInC(programs, `server at ${otherServer}`, otherServer);
    contenders.push(other);
    comparisons.push({ subject, floor: other, quantity: 'time', target: 1 });
  }
  return {
    name: 'unix-region-read',
    what: 'round trip of a 4-byte region read over AF_UNIX, blocking C client.',
    contenders,
    comparisons,
  };
}
