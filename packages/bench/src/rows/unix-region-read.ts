import { join } from 'node:path';
import type { Contender } from '../engine/contender.js';
import { regionReadSizes } from '../floors/message-sizes.js';
import { clientInC, ownClient, pingPong } from './region-contenders.js';
import { type Comparison, connect, type Row, type RowContext } from './row.js';

/** A 4-byte region read by a blocking C client, against a ping-pong in C. */
export async function unixRegionRead(context: RowContext): Promise<Row> {
  const { programs, folder, launcher, otherServer, cleanup } = context;
  const socket = join(folder, 'bench.sock');
  cleanup.add(await launcher.device('bench', `unix://${socket}`));

  const floor = await pingPong(context, 'ping-pong in C', {
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

/**
 * A 4-byte region read by the client that `vfio-user bench` measures with, against a blocking C
 * client of the same server: what the benchmark itself adds to its figures.
 */
export async function clientRegionRead(context: RowContext): Promise<Row> {
  const { programs, folder, launcher, cleanup } = context;
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
function newClient(name: string, uri: string): Contender {
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

const METRICS = ['--metrics', '127.0.0.1:0'];

/** What it costs when somebody listens to a server's diagnostics, and when nobody does. */
export async function diagnostics(context: RowContext): Promise<Row> {
  const unheard = await contender(context, 'nobody listens');
  const again = await contender(context, 'nobody listens, again');
  const heard = await contender(context, 'counted for --metrics', METRICS);
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
  { programs, folder, launcher, cleanup }: RowContext,
  name: string,
  options: readonly string[] = [],
): Promise<Contender> {
  const socket = join(folder, `${name.replace(/\W/g, '')}.sock`);
  cleanup.add(await launcher.device('bench', `unix://${socket}`, [], options));
  return clientInC(programs, name, socket);
}
