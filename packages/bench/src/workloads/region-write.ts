import { Registers } from '@vfio-user/drivers';
import { echoWork } from '../floors/floor-work.js';
import { regionWriteSizes } from '../floors/message-sizes.js';
import { loopCases } from './loop-cases.js';
import { looped } from './looped.js';
import { Scratch } from './scratch.js';
import type { TestFamily } from './test-family.js';

/** The round trip of a register write. */
export const regionWrite: TestFamily = {
  name: 'region-write',
  what: 'a write of 4 bytes to a register, until it is answered',
  device: 'bench',
  cases: () => loopCases('region-write'),
  async open(server, settings) {
    const client = await server.connect();
    const scratch = new Scratch(new Registers(client));
    return {
      contender: (testCase) => ({
        prepare: () => scratch.prepare(),
        measure: looped(testCase, settings, () => scratch.write()),
        verify: () => scratch.verify(),
      }),
      floor: ({ loop }) => echoWork(regionWriteSizes(server.encoding), { loop }),
      close: () => client.close(),
    };
  },
};
