import type { PciDevice } from '../device/device.js';
import { type Bars, describeBars, describeRom, validateBars, validateRomSize } from './bars.js';
import {
  COMMAND_INTX_DISABLE,
  COMMAND_IO,
  COMMAND_MASTER,
  COMMAND_MEMORY,
  COMMAND_PARITY,
  COMMAND_SERR,
  Header,
  STATUS_CAPABILITIES,
  STATUS_ERRORS,
  STATUS_INTERRUPT,
} from './constants.js';
import type { FunctionControls } from './function-controls.js';
import { checkField } from './invalid.js';
import type { RegisterSetBuilder } from './register-set-builder.js';

const COMMAND_WRITABLE =
  COMMAND_IO |
  COMMAND_MEMORY |
  COMMAND_MASTER |
  COMMAND_PARITY |
  COMMAND_SERR |
  COMMAND_INTX_DISABLE;

/** Contents of the header besides the identity. */
export interface HeaderOptions {
  /** The BARs, including those added by the core. */
  readonly bars: Bars;
  /** Offset of the first capability, 0 for none. */
  readonly firstCapability: number;
  /** A PCI Express function has no latency timer. */
  readonly express: boolean;
  readonly controls: FunctionControls;
}

/**
 * Describe the type 0 header (PCI Local Bus 3.0, section 6.1).
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` for numbers that do not fit their registers.
 */
export function describeHeader(
  registers: RegisterSetBuilder,
  device: PciDevice,
  { bars, firstCapability, express, controls }: HeaderOptions,
): void {
  const { identity } = device;
  validateIdentity(device);
  validateBars(bars);

  registers
    .ro16(Header.VENDOR_ID, identity.vendorId)
    .ro16(Header.DEVICE_ID, identity.deviceId)
    .ro8(Header.REVISION_ID, identity.revisionId ?? 0)
    .ro8(Header.CLASS_CODE, identity.classCode)
    .ro16(Header.CLASS_CODE + 1, identity.classCode >>> 8)
    .rw8(Header.CACHE_LINE_SIZE, 0)
    .ro16(Header.SUBSYSTEM_VENDOR_ID, identity.subsystemVendorId ?? 0)
    .ro16(Header.SUBSYSTEM_ID, identity.subsystemId ?? 0)
    .ro8(Header.CAPABILITIES, firstCapability)
    .rw8(Header.INTERRUPT_LINE, 0)
    .ro8(Header.INTERRUPT_PIN, device.intx === true ? 1 : 0);
  if (!express) registers.rw8(Header.LATENCY_TIMER, 0);
  describeBars(registers, bars);
  if (device.rom !== undefined) {
    validateRomSize(device.rom.size);
    describeRom(registers, device.rom.size);
  }

  registers.rw16(Header.COMMAND, 0, COMMAND_WRITABLE).onWrite(Header.COMMAND, 2, (command) => {
    controls.interrupts.disableIntx((command & COMMAND_INTX_DISABLE) !== 0);
  });
  const listBit = firstCapability === 0 ? 0 : STATUS_CAPABILITIES;
  registers
    .w1c16(Header.STATUS, STATUS_ERRORS)
    .computed(
      Header.STATUS,
      1,
      () => listBit | (controls.interrupts.intxAsserted ? STATUS_INTERRUPT : 0),
    );
}

function validateIdentity({ identity }: PciDevice): void {
  // 0xffff is read from an empty slot.
  checkField('vendorId', identity.vendorId, 0xfffe);
  checkField('deviceId', identity.deviceId, 0xffff);
  checkField('revisionId', identity.revisionId ?? 0, 0xff);
  checkField('classCode', identity.classCode, 0xff_ffff);
  checkField('subsystemVendorId', identity.subsystemVendorId ?? 0, 0xffff);
  checkField('subsystemId', identity.subsystemId ?? 0, 0xffff);
}
