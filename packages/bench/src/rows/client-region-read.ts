import { join } from 'node:path';
import type { Entrant } from '../engine/measured.js';
import { connect } from './guest.js';
import { clientInC, ownClient } from './region-contenders.js';
import type { Row } from './row.js';
import type { Setting } from './setting.js';

/**
 * A 4-byte region read by the client that `vfio-user bench` measures with, against a blocking C
 * client of the same server: what the benchmark itself adds to its figures.
 */
export async function clientRegionRead(setting: Setting): Promise<Row> {
  const { programs, folder, launcher, cleanup } = setting;
  const socket = join(folder, 'client.sock');
  const server = cleanup.add(await launcher.device('bench', `unix://${socket}`));
  const floor = clientInC(programs, 'C client, serve bench', socket);
  const subject = newClient('our client, serve bench', server.address);
  return {
    name: 'client-region-read',
    what: 'round trip of a 4-byte region read over AF_UNIX, by two clients of one server.',
    contenders: [floor, subject],
    comparisons: [{ subject, floor, quantity: 'time', target: 1.2 }],
  };
}

/** Connects for each measurement: the server has one client at a time. */
function newClient(name: string, uri: string): Entrant {
  return {
    name,
    role: 'transport',
    pid: undefined,
    async measure(milliseconds, latencies) {
      const client = await connect(uri);
      try {
        return await ownClient(name, client).measure(milliseconds, latencies);
      } finally {
        await client.close();
      }
    },
  };
}
