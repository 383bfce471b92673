import { defineRegisters } from '@vfio-user/core';

/**
 * The PCI-IDIO-16's eight I/O ports in BAR2 (card manual, "Programming"), one byte each. Reading and
 * writing the same port may mean different things.
 */
export const idioPorts = defineRegisters({
  OUTPUTS_0_7: { offset: 0, size: 1, meaning: 'drives of outputs 0-7, one bit each' },
  'INPUTS_0_7/CLEAR_INTERRUPT': {
    offset: 1,
    size: 1,
    meaning: 'read: inputs 0-7; write anything: clear the interrupt',
  },
  INTERRUPT_CONTROL: {
    offset: 2,
    size: 1,
    meaning: 'read: enable interrupts; write anything: disable them',
  },
  FILTER_CONTROL: {
    offset: 3,
    size: 1,
    meaning: 'read: activate the filters of all inputs; write anything: deactivate them',
  },
  OUTPUTS_8_15: { offset: 4, size: 1, meaning: 'drives of outputs 8-15' },
  INPUTS_8_15: { offset: 5, size: 1, access: 'ro', meaning: 'inputs 8-15' },
  INTERRUPT_STATUS: { offset: 6, size: 1, access: 'ro', meaning: 'STATUS bits' },
  FILTERS_0_7: { offset: 7, size: 1, meaning: 'filters of inputs 0-7, one bit each' },
});

/** Size of BAR2. */
export const PORTS = 8;

/** An input of 0-7 changed. */
export const STATUS_INPUTS_0_7 = 1 << 0;
/** An input of 8-15 changed. */
export const STATUS_INPUTS_8_15 = 1 << 1;
/** The card requests an interrupt. */
export const STATUS_INTERRUPT = 1 << 2;
