import { type ConfigBytes, hex } from './config-bytes.js';

/** The decoded fields of a capability, by name. */
export type CapabilityFields = Readonly<Record<string, string | number | boolean>>;

/** Name of a capability and how to read it; `base` is the offset of its header. */
export interface CapabilityDecoder {
  readonly name: string;
  decode?(config: ConfigBytes, base: number): CapabilityFields;
}

function bit(value: number, position: number): boolean {
  return ((value >>> position) & 1) === 1;
}

function powerManagement(config: ConfigBytes, base: number): CapabilityFields {
  const capabilities = config.u16(base + 2);
  const control = config.u16(base + 4);
  return {
    version: capabilities & 7,
    d1: bit(capabilities, 9),
    d2: bit(capabilities, 10),
    state: `D${control & 3}`,
    noSoftReset: bit(control, 3),
    pmeEnable: bit(control, 8),
  };
}

function msi(config: ConfigBytes, base: number): CapabilityFields {
  const control = config.u16(base + 2);
  const is64Bit = bit(control, 7);
  return {
    enable: bit(control, 0),
    vectors: `${1 << ((control >>> 4) & 7)}/${1 << ((control >>> 1) & 7)}`,
    is64Bit,
    maskable: bit(control, 8),
    address: `0x${is64Bit ? hex(config.u64(base + 4), 16) : hex(config.u32(base + 4), 8)}`,
    data: `0x${hex(config.u16(base + (is64Bit ? 12 : 8)), 4)}`,
  };
}

function msix(config: ConfigBytes, base: number): CapabilityFields {
  const control = config.u16(base + 2);
  return {
    enable: bit(control, 15),
    count: (control & 0x7ff) + 1,
    masked: bit(control, 14),
    table: barOffset(config.u32(base + 4)),
    pba: barOffset(config.u32(base + 8)),
  };
}

function barOffset(value: number): string {
  return `BAR${value & 7}+0x${hex((value & ~7) >>> 0, 1)}`;
}

function vendor(config: ConfigBytes, base: number): CapabilityFields {
  const length = config.u8(base + 2);
  return { length, data: bytesText(config, base + 3, length - 3) };
}

function bytesText(config: ConfigBytes, from: number, count: number): string {
  const shown = Math.max(0, Math.min(count, 16));
  const bytes = Array.from({ length: shown }, (_, i) => hex(config.u8(from + i), 2));
  return `${bytes.join(' ')}${count > shown ? ' ...' : ''}`;
}

const PORT_TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'Endpoint'],
  [1, 'Legacy Endpoint'],
  [4, 'Root Port'],
  [5, 'Upstream Port'],
  [6, 'Downstream Port'],
  [9, 'Root Complex Integrated Endpoint'],
]);
const LINK_SPEEDS = ['unknown', '2.5GT/s', '5GT/s', '8GT/s', '16GT/s', '32GT/s', '64GT/s'];

function pciExpress(config: ConfigBytes, base: number): CapabilityFields {
  const flags = config.u16(base + 2);
  const device = config.u32(base + 4);
  const control = config.u16(base + 8);
  const type = (flags >>> 4) & 0xf;
  const link = config.u32(base + 12);
  return {
    version: flags & 0xf,
    type: PORT_TYPES.get(type) ?? `type ${type}`,
    maxPayload: `${128 << ((control >>> 5) & 7)}/${128 << (device & 7)}`,
    maxReadRequest: 128 << ((control >>> 12) & 7),
    flReset: bit(device, 28),
    link: `x${(link >>> 4) & 0x3f} ${LINK_SPEEDS[link & 0xf] ?? 'unknown'}`,
  };
}

function deviceSerialNumber(config: ConfigBytes, base: number): CapabilityFields {
  const digits = hex(config.u64(base + 4), 16);
  return { serial: digits.replace(/(..)(?=.)/g, '$1-') };
}

function vendorSpecificExtended(config: ConfigBytes, base: number): CapabilityFields {
  const header = config.u32(base + 4);
  const length = header >>> 20;
  return {
    vsecId: `0x${hex(header & 0xffff, 4)}`,
    revision: (header >>> 16) & 0xf,
    length,
    data: bytesText(config, base + 8, length - 8),
  };
}

/** Capability ids of the list at 0x34. */
export const CONVENTIONAL: ReadonlyMap<number, CapabilityDecoder> = new Map<
  number,
  CapabilityDecoder
>([
  [0x01, { name: 'Power Management', decode: powerManagement }],
  [0x03, { name: 'Vital Product Data' }],
  [0x05, { name: 'MSI', decode: msi }],
  [0x09, { name: 'Vendor Specific', decode: vendor }],
  [0x0d, { name: 'Subsystem' }],
  [0x10, { name: 'PCI Express', decode: pciExpress }],
  [0x11, { name: 'MSI-X', decode: msix }],
  [0x13, { name: 'Advanced Features' }],
]);

/** Capability ids of the list at 0x100. */
export const EXTENDED: ReadonlyMap<number, CapabilityDecoder> = new Map<number, CapabilityDecoder>([
  [0x0001, { name: 'Advanced Error Reporting' }],
  [0x0002, { name: 'Virtual Channel' }],
  [0x0003, { name: 'Device Serial Number', decode: deviceSerialNumber }],
  [0x000b, { name: 'Vendor Specific', decode: vendorSpecificExtended }],
  [0x000d, { name: 'Access Control Services' }],
  [0x000e, { name: 'Alternative Routing-ID' }],
  [0x000f, { name: 'Address Translation Services' }],
  [0x0010, { name: 'Single Root I/O Virtualization' }],
  [0x0015, { name: 'Resizable BAR' }],
  [0x0018, { name: 'Latency Tolerance Reporting' }],
  [0x001b, { name: 'Process Address Space ID' }],
]);
