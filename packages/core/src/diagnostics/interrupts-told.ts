import type { Attachment } from './attachment.js';
import { diagnostics } from './channels.js';

/** A client is notified of an interrupt. */
export function publishInterrupt(
  { device, peer }: Attachment,
  index: number,
  vector: number,
  count: number,
): void {
  if (!diagnostics.interrupt.hasSubscribers) return;
  diagnostics.interrupt.publish({ device, peer, index, vector, count });
}
