import type { InterruptController } from '../interrupts/interrupt-controller.js';
import {
  IRQ_SET_ACTION_TRIGGER,
  IRQ_SET_ACTION_UNMASK,
  IRQ_SET_DATA_EVENTFD,
  IRQ_SET_DATA_NONE,
} from '../protocol/constants.js';
import { Irq } from '../protocol/enums.js';

/** Enable all vectors of an index, as a driver does. An index that the device lacks is left alone. */
export function enable(
  interrupts: InterruptController,
  index: number,
  handle: (vector: number) => void,
): void {
  const { count } = interrupts.info(index);
  if (count === 0) return;
  const notifiers = Array.from({ length: count }, (_, vector) => ({
    signal: () => handle(vector),
    close() {},
  }));
  const flags = IRQ_SET_DATA_EVENTFD | IRQ_SET_ACTION_TRIGGER;
  interrupts.apply({ argsz: 0, flags, index, start: 0, count, events: count }, notifiers);
}

export function disable(interrupts: InterruptController, index: number): void {
  const flags = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_TRIGGER;
  interrupts.apply({ argsz: 0, flags, index, start: 0, count: 0 }, []);
}

/** A handler ends by deasserting the line: the next rise is a new interrupt. */
export function unmaskIntx(interrupts: InterruptController): void {
  if (interrupts.intxAsserted || interrupts.info(Irq.INTX).count === 0) return;
  const flags = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_UNMASK;
  interrupts.apply({ argsz: 0, flags, index: Irq.INTX, start: 0, count: 1 }, []);
}
