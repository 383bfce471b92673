import type { AccessSize, RegisterAccess } from '@vfio-user/core';
import type { NvmeController } from './controller.js';
import { DOORBELLS_OFFSET, DOORBELLS_SIZE } from './registers.js';

/** BAR0 as the client reads and writes it. */
export class RegisterFile implements RegisterAccess {
  readonly #controller: NvmeController;

  constructor(controller: NvmeController) {
    this.#controller = controller;
  }

  read(offset: number, size: AccessSize): number {
    const dword = this.#readDword(offset & ~3) >>> ((offset & 3) * 8);
    if (size === 4) return dword;
    return size === 2 ? dword & 0xffff : dword & 0xff;
  }

  /** Registers are written in whole dwords (NVM Express 1.4, 3.1); anything else is ignored. */
  write(offset: number, size: AccessSize, value: number): void {
    if (size !== 4) return;
    if (offset < DOORBELLS_OFFSET) this.#controller.writeRegister(offset, value);
    else if (offset < DOORBELLS_OFFSET + DOORBELLS_SIZE) {
      this.#controller.writeDoorbell((offset - DOORBELLS_OFFSET) / 4, value);
    }
  }

  #readDword(offset: number): number {
    if (offset < DOORBELLS_OFFSET) return this.#controller.readRegister(offset);
    if (offset >= DOORBELLS_OFFSET + DOORBELLS_SIZE) return 0;
    return this.#controller.readDoorbell((offset - DOORBELLS_OFFSET) / 4);
  }
}
