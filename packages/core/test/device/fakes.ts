import type { PciDevice } from '../../src/device/device.js';
import type { NotificationFence } from '../../src/device/notification-fence.js';
import type { SetIrqs } from '../../src/protocol/messages.js';
import type { Notifier } from '../../src/transport/resources.js';

/** Counts what a client would see of its eventfd. */
export class CountingNotifier implements Notifier {
  signals = 0;
  closed = false;

  signal(): void {
    if (this.closed) throw new Error('signalled after close');
    this.signals++;
  }

  close(): void {
    this.closed = true;
  }
}

export function notifiers(count: number): CountingNotifier[] {
  return Array.from({ length: count }, () => new CountingNotifier());
}

/** A fence that a test opens and closes. */
export class ManualFence implements NotificationFence {
  open = true;
  readonly #waiting: (() => void)[] = [];

  run(action: () => void): void {
    if (this.open) action();
    else this.#waiting.push(action);
  }

  /** All DMA writes so far have arrived. */
  pass(): void {
    for (const action of this.#waiting.splice(0)) action();
  }
}

export function setIrqs(
  flags: number,
  index: number,
  start: number,
  count: number,
  bools?: readonly number[],
): SetIrqs {
  const request = { argsz: 20 + (bools?.length ?? 0), flags, index, start, count };
  return bools === undefined ? request : { ...request, bools: Uint8Array.from(bools) };
}

/** A device that is nothing but its identity, and what `parts` adds. */
export function plainDevice(parts: Partial<PciDevice> = {}): PciDevice {
  return {
    identity: { vendorId: 0x1234, deviceId: 0x5678, classCode: 0x01_08_02 },
    reset() {},
    ...parts,
  };
}
