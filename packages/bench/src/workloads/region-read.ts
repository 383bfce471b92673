import { type DeviceClient, Region } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import { WrongDataError } from '../errors.js';
import { echoWork } from '../floors/floor-work.js';
import { regionReadSizes } from '../floors/message-sizes.js';
import { loopCases, looped } from './loop-cases.js';
import type { Workload } from './workload.js';

const WORD_BYTES = 4;
/** Read from a device that is not ours: vendor and device id, which every PCI device has. */
const IDS = { region: Region.CONFIG, offset: 0 } as const;
const BENCH_ID = { region: Region.BAR0, offset: register.ID } as const;

/** The round trip of a register read. */
export const regionRead: Workload = {
  name: 'region-read',
  what: 'a read of 4 bytes of a register, until its value is there',
  device: 'any',
  cases: () => loopCases('region-read'),
  async open(server, settings) {
    const client = await server.connect();
    const read = reader(client, server.kind === 'bench' ? BENCH_ID : IDS);
    const expected = server.kind === 'bench' ? register.ID_VALUE : await read();
    const operation = async (): Promise<void> => {
      const value = await read();
      if (value === expected) return;
      throw new WrongDataError(`a register reads 0x${value.toString(16)}, not as before`);
    };
    return {
      runner: (workloadCase) => ({ measure: looped(workloadCase, settings, operation) }),
      floor: ({ loop }) => echoWork(regionReadSizes(server.encoding), { loop }),
      close: () => client.close(),
    };
  },
};

function reader(
  client: DeviceClient,
  { region, offset }: { readonly region: number; readonly offset: number },
): () => Promise<number> {
  return async () => {
    const { buffer, byteOffset } = await client.regionRead(region, offset, WORD_BYTES);
    return new DataView(buffer, byteOffset).getUint32(0, true);
  };
}
