import { join } from 'node:path';
import { Region } from '@vfio-user/core';
import { benchRegisters } from '@vfio-user/devices';
import type { Comparison, Contender, Row } from '../measure/row.js';
import type { CPrograms } from '../programs/c-programs.js';
import { startDeviceServer, startServer } from '../programs/server-process.js';
import type { Setting } from './setting.js';

const WARMUP = 5000;
const COUNT = 20_000;

/** A 4-byte region read by a blocking C client, against that client on an echo server in C. */
export async function unixRegionRead(setting: Setting): Promise<Row> {
  const { programs, folder, otherServer, cleanup } = setting;
  const deviceSocket = join(folder, 'bench.sock');
  const echoSocket = join(folder, 'echo.sock');
  cleanup.add(await startServer(await programs.path('echo-server'), [echoSocket]));
  cleanup.add(await startDeviceServer('bench', deviceSocket, [], setting.nodeArgs));

  const floor = client(programs, 'echo server in C', echoSocket, 'raw');
  const subject = client(programs, 'serve bench', deviceSocket, 'vfio-user');
  const contenders = [floor, subject];
  const comparisons: Comparison[] = [{ subject, floor, quantity: 'time', target: 1 }];
  if (otherServer !== undefined) {
    const other = client(programs, `server at ${otherServer}`, otherServer, 'vfio-user');
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

function client(
  programs: CPrograms,
  name: string,
  socket: string,
  dialect: 'raw' | 'vfio-user',
): Contender {
  const place = [Region.BAR0, benchRegisters.ID];
  return {
    name,
    measure: async () => ({
      nanoseconds: await programs.samples(
        'region-client',
        socket,
        dialect,
        ...place,
        WARMUP,
        COUNT,
      ),
      depth: 1,
    }),
  };
}
