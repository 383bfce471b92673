import type { BarDefinition, PciDevice, ResetKind } from '../../src/device/device.js';
import { openFence } from '../../src/device/notification-fence.js';
import { InterruptController } from '../../src/interrupts/interrupt-controller.js';
import { PciFunction } from '../../src/pci/function.js';
import type { RegisterSet } from '../../src/pci/register-set.js';
import { plainDevice } from '../device/fakes.js';
import { ATTACHMENT } from '../memory/fakes.js';

export interface FunctionBench {
  readonly fn: PciFunction;
  readonly config: RegisterSet;
  readonly interrupts: InterruptController;
  /** Resets that the driver asked for. */
  readonly resets: readonly ResetKind[];
}

export function buildFunction(parts: Partial<PciDevice> = {}): FunctionBench {
  const interrupts = new InterruptController(openFence, ATTACHMENT);
  const resets: ResetKind[] = [];
  const fn = new PciFunction(plainDevice(parts), interrupts, (kind) => resets.push(kind));
  return { fn, config: fn.config, interrupts, resets };
}

/** A BAR of plain memory. */
export function memoryBar(
  kind: BarDefinition['kind'],
  size: number,
  more: Partial<BarDefinition> = {},
): BarDefinition {
  // Large ones are only ever sized, not accessed.
  const bytes = new Uint8Array(Math.min(size, 0x10000));
  const access = {
    readBlock: (offset: number, target: Uint8Array) =>
      target.set(bytes.subarray(offset, offset + target.length)),
    writeBlock: (offset: number, source: Uint8Array) => bytes.set(source, offset),
  };
  return { kind, size, access, ...more };
}

export interface Blocks {
  readBlock(offset: number, target: Uint8Array): void;
  writeBlock(offset: number, source: Uint8Array): void;
}

export function read(from: Blocks, offset: number, size: 1 | 2 | 4): number {
  const target = new Uint8Array(4);
  from.readBlock(offset, target.subarray(0, size));
  return new DataView(target.buffer).getUint32(0, true);
}

export function write(to: Blocks, offset: number, size: 1 | 2 | 4, value: number): void {
  const source = new Uint8Array(4);
  new DataView(source.buffer).setUint32(0, value, true);
  to.writeBlock(offset, source.subarray(0, size));
}
