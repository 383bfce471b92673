import { type DeviceClient, Region } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import { InterruptWait, Registers } from '@vfio-user/drivers';
import { WrongDataError } from '../errors.js';
import { echoWork } from '../floors/floor-work.js';
import { notificationBytes } from '../floors/message-sizes.js';
import { loopCases, looped } from './loop-cases.js';
import type { Workload } from './workload.js';

/** From a doorbell to the interrupt for it. */
export const doorbell: Workload = {
  name: 'doorbell',
  what: 'a doorbell rung, until the interrupt comes that the device raises for it',
  device: 'bench',
  cases: () => loopCases('doorbell'),
  async open(server, settings) {
    const client = await server.connect();
    const registers = new Registers(client);
    const interrupt = await InterruptWait.enable(client, 1);
    await registers.write32(register.DOORBELL_VECTOR, 0);
    const bell = await doorbellOf(client, registers);
    let rings = 0;
    let ringsBefore = 0;
    const operation = (): Promise<void> => {
      rings++;
      bell.ring();
      return interrupt.next();
    };
    return {
      runner: (workloadCase) => ({
        async prepare() {
          ringsBefore = await registers.read32(register.DOORBELL_COUNT);
          rings = 0;
        },
        measure: looped(workloadCase, settings, operation),
        async verify() {
          const seen = ((await registers.read32(register.DOORBELL_COUNT)) - ringsBefore) >>> 0;
          if (seen === rings) return;
          throw new WrongDataError(`${rings} doorbells were rung, the device saw ${seen}`);
        },
      }),
      floor({ loop }) {
        const bytes = notificationBytes(server.encoding);
        return echoWork({ requestBytes: bytes, replyBytes: bytes }, { loop });
      },
      async close() {
        bell.close();
        await client.close();
      },
    };
  },
};

/** By its event where there is one, by a posted write otherwise. */
async function doorbellOf(
  client: DeviceClient,
  registers: Registers,
): Promise<{ ring(): void; close(): void }> {
  const bells = await client.doorbells(Region.BAR0);
  const found = bells.find(({ offset }) => offset === register.DOORBELL);
  for (const other of bells) if (other !== found) other.close();
  return found ?? { ring: () => void registers.post32(register.DOORBELL, 0), close() {} };
}
