import { CapabilityId } from '../constants.js';
import type { Capability } from './capability.js';

/** Offsets from the capability's header (PCI Express Base 4.0, section 7.5.3). */
const CAPABILITIES = 0x02;
const DEVICE_CAPABILITIES = 0x04;
const DEVICE_CONTROL = 0x08;
const DEVICE_STATUS = 0x0a;
const LINK_CAPABILITIES = 0x0c;
const LINK_CONTROL = 0x10;
const LINK_STATUS = 0x12;
const DEVICE_CONTROL_2 = 0x28;
const LINK_CAPABILITIES_2 = 0x2c;
const LINK_CONTROL_2 = 0x30;
const LENGTH = 0x3c;

/** Version 2 of the structure, device/port type 0: endpoint. */
const ENDPOINT_V2 = 0x2;

const DEVCAP_ROLE_BASED_ERRORS = 1 << 15;
const DEVCAP_FLR = 1 << 28;
const DEVCTL_INITIATE_FLR = 1 << 15;
/** Relaxed ordering, no snoop and 512-byte read requests: the specified power-on values. */
const DEVCTL_DEFAULT = 0x2810;
const DEVSTA_ERRORS = 0xf;

/** 2.5 GT/s, one lane: the minimum, for a virtual link. */
const LINK_SPEED = 1;
const LINK_WIDTH = 1;
const LINK_SPEED_AND_WIDTH = LINK_SPEED | (LINK_WIDTH << 4);
const LNKCAP2_SPEEDS = 1 << LINK_SPEED;
/** ASPM, read completion boundary, common clock, extended sync. */
const LNKCTL_WRITABLE = 0x00cb;

export interface PciExpressOptions {
  /** Offer function-level reset. Default: yes. */
  readonly functionLevelReset?: boolean;
  readonly offset?: number;
}

/** PCI Express endpoint. With it the configuration space has 4096 bytes. */
export function pciExpress(options: PciExpressOptions = {}): Capability {
  const { functionLevelReset = true, offset } = options;
  const flr = functionLevelReset ? DEVCTL_INITIATE_FLR : 0;
  return {
    id: CapabilityId.PCI_EXPRESS,
    length: LENGTH,
    offset,
    describe(registers, { offset: at, controls }) {
      registers
        .ro16(at + CAPABILITIES, ENDPOINT_V2)
        .ro32(
          at + DEVICE_CAPABILITIES,
          DEVCAP_ROLE_BASED_ERRORS | (functionLevelReset ? DEVCAP_FLR : 0),
        )
        .rw16(at + DEVICE_CONTROL, DEVCTL_DEFAULT, 0x7fff | flr)
        .onWrite(at + DEVICE_CONTROL, 2, (value, _previous, set) => {
          if ((value & flr) === 0) return;
          // The bit starts a reset and always reads zero.
          set.set16(at + DEVICE_CONTROL, value & ~flr);
          controls.requestReset('function-level');
        })
        .w1c16(at + DEVICE_STATUS, DEVSTA_ERRORS)
        .ro32(at + LINK_CAPABILITIES, LINK_SPEED_AND_WIDTH)
        .rw16(at + LINK_CONTROL, 0, LNKCTL_WRITABLE)
        .ro16(at + LINK_STATUS, LINK_SPEED_AND_WIDTH)
        .rw16(at + DEVICE_CONTROL_2, 0)
        .ro32(at + LINK_CAPABILITIES_2, LNKCAP2_SPEEDS)
        .rw16(at + LINK_CONTROL_2, LINK_SPEED);
    },
  };
}
