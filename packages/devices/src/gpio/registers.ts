/**
 * The PCI-IDIO-16's eight I/O ports in BAR2 (card manual, "Programming"), one byte each. Reading and
 * writing the same port may mean different things.
 */
export const OUTPUTS_0_7 = 0;
/** Read: inputs 0-7. Write anything: clear the interrupt. */
export const INPUTS_0_7 = 1;
export const CLEAR_INTERRUPT = INPUTS_0_7;
/** Read: enable interrupts. Write anything: disable them. */
export const INTERRUPT_CONTROL = 2;
/** Read: activate the filters of all inputs. Write anything: deactivate them. */
export const FILTER_CONTROL = 3;
export const OUTPUTS_8_15 = 4;
export const INPUTS_8_15 = 5;
/** Read only, see the STATUS bits. */
export const INTERRUPT_STATUS = 6;
/** Filters of inputs 0-7, one bit each. */
export const FILTERS_0_7 = 7;

/** Size of BAR2. */
export const PORTS = 8;

/** An input of 0-7 changed. */
export const STATUS_INPUTS_0_7 = 1 << 0;
/** An input of 8-15 changed. */
export const STATUS_INPUTS_8_15 = 1 << 1;
/** The card requests an interrupt. */
export const STATUS_INTERRUPT = 1 << 2;
