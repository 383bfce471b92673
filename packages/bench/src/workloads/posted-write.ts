import { Registers } from '@vfio-user/drivers';
import { echoWork } from '../floors/floor-work.js';
import { regionWriteSizes } from '../floors/message-sizes.js';
import type { Contender, Work } from './contender.js';
import { Scratch } from './scratch.js';
import type { TestFamily } from './test-family.js';

/** Writes between two looks at the clock. */
const BATCH = 64;

/** Register writes that nobody answers, as fast as they go. */
export const postedWrite: TestFamily = {
  name: 'posted-write',
  what: 'a write of 4 bytes to a register without an answer; a read at the end waits for all of them',
  device: 'bench',
  cases: () => [
    {
      test: 'posted-write',
      id: 'posted-write',
      title: '',
      quantity: 'rate',
      loop: 'closed',
      depth: 1,
    },
  ],
  async open(server) {
    const client = await server.connect();
    const registers = new Registers(client);
    const scratch = new Scratch(registers);
    const contender: Contender = {
      prepare: () => scratch.prepare(),
      measure: (milliseconds) => postFor(milliseconds, scratch, registers),
      verify: () => scratch.verify(),
    };
    return {
      contender: () => contender,
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
): Promise<Work> {
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
