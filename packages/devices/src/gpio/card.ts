import type { Interrupts, Logger } from '@vfio-user/core';
import { idioPorts, STATUS_INPUTS_0_7, STATUS_INPUTS_8_15, STATUS_INTERRUPT } from './registers.js';

/** Lines in each direction. */
export const LINES = 16;

/** The card itself: 16 outputs, 16 inputs, and an interrupt when an input changes. */
export class IdioCard {
  /** BAR2. */
  readonly ports = idioPorts.create({
    OUTPUTS_0_7: {
      read: () => this.#outputs & 0xff,
      write: (value) => this.#drive((this.#outputs & 0xff00) | value),
    },
    'INPUTS_0_7/CLEAR_INTERRUPT': {
      read: () => this.#inputs & 0xff,
      write: () => this.#clearInterrupt(),
    },
    INTERRUPT_CONTROL: {
      read: () => this.#enableInterrupt(true),
      write: () => void this.#enableInterrupt(false),
    },
    FILTER_CONTROL: {
      read: () => {
        this.ports.set('FILTERS_0_7', 0xff);
        return 0;
      },
      write: () => this.ports.set('FILTERS_0_7', 0),
    },
    OUTPUTS_8_15: {
      read: () => this.#outputs >> 8,
      write: (value) => this.#drive((this.#outputs & 0x00ff) | (value << 8)),
    },
    INPUTS_8_15: { read: () => this.#inputs >> 8 },
    INTERRUPT_STATUS: { read: () => this.#status },
    // FILTERS_0_7 is kept and read back only: these inputs have no noise to filter.
  });
  readonly #interrupts: Interrupts;
  readonly #logger: Logger;
  readonly #loopback: boolean;
  #outputs = 0;
  #inputs: number;
  #interruptEnabled = false;
  /** STATUS bits, latched until the driver clears the interrupt. */
  #status = 0;

  /** @param loopback each output is wired to the input of the same number. */
  constructor(interrupts: Interrupts, logger: Logger, inputs: number, loopback: boolean) {
    this.#interrupts = interrupts;
    this.#logger = logger;
    this.#inputs = inputs;
    this.#loopback = loopback;
  }

  /** Levels at the input terminals, bit 0 is input 0. */
  get inputs(): number {
    return this.#inputs;
  }

  set inputs(levels: number) {
    const changed = this.#inputs ^ levels;
    if (changed === 0) return;
    this.#inputs = levels;
    this.#log('input', changed, levels);
    if (!this.#interruptEnabled) return;
    if ((changed & 0x00ff) !== 0) this.#status |= STATUS_INPUTS_0_7;
    if ((changed & 0xff00) !== 0) this.#status |= STATUS_INPUTS_8_15;
    this.#status |= STATUS_INTERRUPT;
    this.#driveInterrupt();
  }

  #drive(levels: number): void {
    const changed = this.#outputs ^ levels;
    if (changed === 0) return;
    this.#outputs = levels;
    this.#log('output', changed, levels);
    if (this.#loopback) this.inputs = (this.#inputs & ~changed) | (levels & changed);
  }

  /** All outputs off, interrupts disabled. The levels at the inputs stay. */
  reset(): void {
    this.#status = 0;
    this.ports.reset();
    this.#enableInterrupt(false);
    this.#drive(0);
  }

  /** @returns what the port reads. */
  #enableInterrupt(enabled: boolean): number {
    this.#interruptEnabled = enabled;
    this.#driveInterrupt();
    return 0;
  }

  #clearInterrupt(): void {
    this.#status = 0;
    this.#driveInterrupt();
  }

  #driveInterrupt(): void {
    this.#interrupts.setIntx(this.#interruptEnabled && (this.#status & STATUS_INTERRUPT) !== 0);
  }

  #log(direction: 'input' | 'output', changed: number, levels: number): void {
    for (let line = 0; line < LINES; line++) {
      if (((changed >> line) & 1) === 0) continue;
      const state = ((levels >> line) & 1) === 1 ? 'high' : 'low';
      this.#logger.debug({ line, state }, `${direction} ${line} ${state}`);
    }
  }
}
