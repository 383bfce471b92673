import type { PciDevice } from '../device/device.js';
import type { Bars } from './bars.js';
import { isExpress, layOutCapabilities, type PlacedCapability } from './capabilities/layout.js';
import { CONVENTIONAL_CONFIG_BYTES, EXPRESS_CONFIG_BYTES } from './constants.js';
import type { FunctionControls } from './function-controls.js';
import { describeHeader } from './header.js';
import type { RegisterSet } from './register-set.js';
import { RegisterSetBuilder } from './register-set-builder.js';

/**
 * Build the configuration space of a device: 256 bytes, or 4096 with a PCI Express capability.
 *
 * It takes accesses of any size and alignment and ignores writes to read-only bits.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when the description of the device is impossible.
 */
export function buildConfigSpace(
  device: PciDevice,
  bars: Bars,
  controls: FunctionControls,
): RegisterSet {
  const capabilities = device.capabilities ?? [];
  const express = isExpress(capabilities);
  const layout = layOutCapabilities(capabilities);
  const registers = new RegisterSetBuilder(
    express ? EXPRESS_CONFIG_BYTES : CONVENTIONAL_CONFIG_BYTES,
  );
  const firstCapability = layout.conventional[0]?.offset ?? 0;
  describeHeader(registers, device, { bars, firstCapability, express, controls });
  layout.conventional.forEach(({ capability, offset }, i) => {
    registers.ro8(offset, capability.id).ro8(offset + 1, offsetAfter(layout.conventional, i));
    capability.describe(registers, { offset, controls });
  });
  layout.extended.forEach(({ capability, offset }, i) => {
    const next = offsetAfter(layout.extended, i);
    registers.ro16(offset, capability.id).ro16(offset + 2, (capability.version ?? 1) | (next << 4));
    capability.describe(registers, { offset, controls });
  });
  return registers.build();
}

function offsetAfter(list: readonly PlacedCapability[], index: number): number {
  return list[index + 1]?.offset ?? 0;
}
