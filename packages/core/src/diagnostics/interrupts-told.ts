import { diagnostics } from './channels.js';

/** A client is notified of an interrupt. */
export function tellInterrupt(index: number, vector: number, count: number): void {
  if (diagnostics.interrupt.hasSubscribers) diagnostics.interrupt.publish({ index, vector, count });
}
