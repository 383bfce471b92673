import { echoWork } from '../floors/floor-work.js';
import { regionReadSizes } from '../floors/message-sizes.js';
import { recordMilliseconds } from '../statistics.js';
import { onlyCase } from './loop-cases.js';
import type { Workload } from './workload.js';

/** Opening a connection. */
export const connectWorkload: Workload = {
  name: 'connect',
  what: 'a new connection, until the device has said what it is',
  device: 'any',
  cases: () => onlyCase('connect', 'latency'),
  open: async (server) => ({
    runner: () => ({
      async measure(milliseconds, latencies) {
        const end = performance.now() + milliseconds;
        let operations = 0;
        let total = 0;
        while (operations === 0 || performance.now() < end) {
          const before = performance.now();
          const client = await server.connect();
          const elapsed = performance.now() - before;
          recordMilliseconds(latencies, elapsed);
          total += elapsed;
          operations++;
          await client.close();
        }
        return { operations, milliseconds: total };
      },
    }),
    floor: () => echoWork(regionReadSizes(server.encoding), { reconnects: true }),
    async close() {},
  }),
};
