import type { Interrupts, Logger } from '@vfio-user/core';
import * as port from './registers.js';

/** Lines in each direction. */
export const LINES = 16;

/** The card itself: 16 outputs, 16 inputs, and an interrupt when an input changes. */
export class IdioCard {
  readonly #interrupts: Interrupts;
  readonly #logger: Logger;
  readonly #loopback: boolean;
  #outputs = 0;
  #inputs: number;
  #filters = 0;
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
    if ((changed & 0x00ff) !== 0) this.#status |= port.STATUS_INPUTS_0_7;
    if ((changed & 0xff00) !== 0) this.#status |= port.STATUS_INPUTS_8_15;
    this.#status |= port.STATUS_INTERRUPT;
    this.#driveInterrupt();
  }

  get outputs(): number {
    return this.#outputs;
  }

  set outputs(levels: number) {
    const changed = this.#outputs ^ levels;
    if (changed === 0) return;
    this.#outputs = levels;
    this.#log('output', changed, levels);
    if (this.#loopback) this.inputs = (this.#inputs & ~changed) | (levels & changed);
  }

  readPort(offset: number): number {
    switch (offset) {
      case port.OUTPUTS_0_7:
        return this.#outputs & 0xff;
      case port.INPUTS_0_7:
        return this.#inputs & 0xff;
      case port.INTERRUPT_CONTROL:
        this.#enableInterrupt(true);
        return 0;
      case port.FILTER_CONTROL:
        this.#filters = 0xff;
        return 0;
      case port.OUTPUTS_8_15:
        return this.#outputs >> 8;
      case port.INPUTS_8_15:
        return this.#inputs >> 8;
      case port.INTERRUPT_STATUS:
        return this.#status;
      case port.FILTERS_0_7:
        return this.#filters;
      default:
        return 0xff;
    }
  }

  writePort(offset: number, value: number): void {
    switch (offset) {
      case port.OUTPUTS_0_7:
        this.outputs = (this.#outputs & 0xff00) | value;
        break;
      case port.CLEAR_INTERRUPT:
        this.#status = 0;
        this.#driveInterrupt();
        break;
      case port.INTERRUPT_CONTROL:
        this.#enableInterrupt(false);
        break;
      case port.FILTER_CONTROL:
        this.#filters = 0;
        break;
      case port.OUTPUTS_8_15:
        this.outputs = (this.#outputs & 0x00ff) | (value << 8);
        break;
      case port.FILTERS_0_7:
        // Kept and read back only: these inputs have no noise to filter.
        this.#filters = value;
        break;
    }
  }

  /** All drives off, interrupts disabled. What is connected to the inputs does not notice. */
  reset(): void {
    this.#status = 0;
    this.#filters = 0;
    this.#enableInterrupt(false);
    this.outputs = 0;
  }

  #enableInterrupt(enabled: boolean): void {
    this.#interruptEnabled = enabled;
    this.#driveInterrupt();
  }

  #driveInterrupt(): void {
    this.#interrupts.setIntx(
      this.#interruptEnabled && (this.#status & port.STATUS_INTERRUPT) !== 0,
    );
  }

  #log(direction: 'input' | 'output', changed: number, levels: number): void {
    for (let line = 0; line < LINES; line++) {
      if (((changed >> line) & 1) === 0) continue;
      const state = ((levels >> line) & 1) === 1 ? 'high' : 'low';
      this.#logger.debug({ line, state }, `${direction} ${line} ${state}`);
    }
  }
}
