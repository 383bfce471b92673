import { benchRegisters as register } from '@vfio-user/devices';
import { InterruptWait, Registers } from '@vfio-user/drivers';
import { Calibration } from '../engine/calibration.js';
import type { CaseRunner, WorkDone } from '../engine/contender.js';
import { WrongDataError } from '../errors.js';
import { echoWork } from '../floors/floor-work.js';
import { notificationBytes } from '../floors/message-sizes.js';
import { onlyCase } from './loop-cases.js';
import type { Workload } from './workload.js';

const FLOOR_BATCH = 64;

/** Interrupts as fast as the device raises them. */
export const interrupts: Workload = {
  name: 'interrupts',
  what: 'an interrupt raised, in bursts; those that arrive as one count as what they stand for',
  device: 'bench',
  cases: () => onlyCase('interrupts', 'rate'),
  async open(server) {
    const client = await server.connect();
    const registers = new Registers(client);
    const wait = await InterruptWait.enable(client, 1);
    const runner = new Burst(registers, wait);
    return {
      runner: () => runner,
      floor() {
        const bytes = notificationBytes(server.encoding);
        const sizes = { requestBytes: bytes, replyBytes: bytes };
        return echoWork(sizes, { requestsPerReply: FLOOR_BATCH, depth: 2 });
      },
      close: () => client.close(),
    };
  },
};

class Burst implements CaseRunner {
  readonly #registers: Registers;
  readonly #wait: InterruptWait;
  readonly #calibration = new Calibration(1000);

  constructor(registers: Registers, wait: InterruptWait) {
    this.#registers = registers;
    this.#wait = wait;
  }

  measure(milliseconds: number): Promise<WorkDone> {
    return this.#calibration.run(milliseconds, (count) => this.#raise(count));
  }

  /** All that were sent have come: none may follow. */
  async verify(): Promise<void> {
    await this.#registers.read32(register.BURST_STATUS);
    if (this.#wait.count !== 0) {
      throw new WrongDataError(`${this.#wait.count} interrupts came that were not raised`);
    }
  }

  async #raise(count: number): Promise<number> {
    const registers = this.#registers;
    const wait = this.#wait;
    registers.post32(register.BURST_COUNT, count);
    registers.post32(register.BURST_VECTOR, 0);
    registers.post32(register.BURST_PERIOD, 0);
    wait.count = 0;
    const startedAt = performance.now();
    registers.post32(register.BURST_COMMAND, register.BURST_INTERRUPTS);
    while (wait.count < count) await wait.arrival();
    const milliseconds = performance.now() - startedAt;
    wait.count -= count;
    // Its status says that it has ended, so that the next one is not ignored.
    while (((await registers.read32(register.BURST_STATUS)) & register.STATUS_BUSY) !== 0);
    return milliseconds;
  }
}
