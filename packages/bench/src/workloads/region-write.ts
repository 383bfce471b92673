import { Registers } from '@vfio-user/drivers';
import type { CaseRunner, WorkDone } from '../engine/contender.js';
import { echoWork } from '../floors/floor-work.js';
import { regionWriteSizes } from '../floors/message-sizes.js';
import { loopCases, looped, onlyCase } from './loop-cases.js';
import { Scratch } from './scratch.js';
import type { Workload } from './workload.js';

/** The round trip of a register write. */
export const regionWrite: Workload = {
  name: 'region-write',
  what: 'a write of 4 bytes to a register, until it is answered',
  device: 'bench',
  cases: () => loopCases('region-write'),
  async open(server, settings) {
    const client = await server.connect();
    const scratch = new Scratch(new Registers(client));
    return {
      runner: (workloadCase) => ({
        prepare: () => scratch.prepare(),
        measure: looped(workloadCase, settings, () => scratch.write()),
        verify: () => scratch.verify(),
      }),
      floor: ({ loop }) => echoWork(regionWriteSizes(server.encoding), { loop }),
      close: () => client.close(),
    };
  },
};

/** Writes between two looks at the clock. */
const BATCH = 64;

/** Register writes that nobody answers, as fast as they go. */
export const postedWrite: Workload = {
  name: 'posted-write',
  what: 'a write of 4 bytes to a register without an answer; a read at the end waits for all of them',
  device: 'bench',
  cases: () => onlyCase('posted-write', 'rate'),
  async open(server) {
    const client = await server.connect();
    const registers = new Registers(client);
    const scratch = new Scratch(registers);
    const runner: CaseRunner = {
      prepare: () => scratch.prepare(),
      measure: (milliseconds) => postFor(milliseconds, scratch, registers),
      verify: () => scratch.verify(),
    };
    return {
      runner: () => runner,
      floor: () =>
        echoWork(regionWriteSizes(server.encoding), { requestsPerReply: BATCH, depth: 2 }),
      close: () => client.close(),
    };
  },
};

async function postFor(
  milliseconds: number,
  scratch: Scratch,
  registers: Registers,
): Promise<WorkDone> {
  const startedAt = performance.now();
  const end = startedAt + milliseconds;
  let operations = 0;
  do {
    for (let index = 0; index < BATCH; index++) {
      if (!scratch.post()) await registers.drained();
    }
    operations += BATCH;
  } while (performance.now() < end);
  await scratch.flush();
  return { operations, milliseconds: performance.now() - startedAt };
}
