import { benchRegisters as register } from '@vfio-user/devices';
import type { Registers } from '@vfio-user/drivers';
import { WrongDataError } from '../errors.js';

/** The register of the bench device that keeps what is written and counts the writes. */
export class Scratch {
  readonly #registers: Registers;
  #value = 0;
  #writesBefore = 0;
  #writes = 0;

  constructor(registers: Registers) {
    this.#registers = registers;
  }

  async prepare(): Promise<void> {
    this.#writesBefore = await this.#registers.read32(register.SCRATCH_WRITES);
    this.#writes = 0;
  }

  write(): Promise<void> {
    return this.#registers.write32(register.SCRATCH, this.#next());
  }

  post(): boolean {
    return this.#registers.post32(register.SCRATCH, this.#next());
  }

  /** A read is answered after all writes before it. */
  async flush(): Promise<void> {
    await this.#registers.read32(register.SCRATCH);
  }

  /** @throws {WrongDataError} when a write got lost or came twice, or the last one is another. */
  async verify(): Promise<void> {
    const value = await this.#registers.read32(register.SCRATCH);
    const counted = await this.#registers.read32(register.SCRATCH_WRITES);
    const seen = (counted - this.#writesBefore) >>> 0;
    if (seen === this.#writes && value === this.#value) return;
    throw new WrongDataError(
      `${this.#writes} register writes, the last one of ${this.#value}: the device saw ${seen}, the last one of ${value}`,
    );
  }

  #next(): number {
    this.#writes++;
    this.#value = (this.#value + 1) >>> 0;
    return this.#value;
  }
}
